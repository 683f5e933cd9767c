"""Documents that may be too large for an item: kept inline up to 300 KB, else as objects under the hash of their content.

`ObjectStore` is a port: `s3` stands behind it on AWS, `files` or `memory` on a laptop; `tests/contract` asks them all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, Protocol

from workflow_engine.errors import InvalidStepInput
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.items import MAX_INLINE_BYTES, dump

Link = str
"""`s3:<key>`: which object it is, wherever objects are kept. It follows from tenant and content."""

Keep = Callable[[Iterable[bytes]], Link]
"""Keeps a JSON text, given as pieces of UTF-8, and gives its link."""

_PREFIX: Final = "s3:"
_UPLOADS_AT_ONCE: Final = 8
"""Below the ten connections that a client of botocore keeps open (`max_pool_connections`)."""

_IN_MEMORY_BYTES: Final = 1024 * 1024
"""A larger object is put together in a temporary file."""

_ALONE_BYTES: Final = 16 * 1024 * 1024
"""A larger object is uploaded before the next is put together, so that temporary files stay few."""


class ObjectStore(Protocol):
    """Objects of bytes by key: names of letters, digits, `.`, `_` and `-`, with `/` between them.

    An object is read whole or not at all, also while it is being replaced. Raises ThrottledError and its kin when the store
    does not answer, MisconfiguredError when it cannot work.
    """

    def put(self, key: str, content: IO[bytes]) -> None:
        """Keep what a file holds from where it stands, in the place of what is there. Once this returns it is there for good."""

    def get(self, key: str) -> bytes:
        """An object. MisconfiguredError when there is none: its key is in a record, so it should be there."""

    def delete(self, key: str) -> object:
        """Remove an object, if it is there."""

    def delete_below(self, prefix: str) -> int:
        """Remove objects whose keys begin so, up to 1,000 at once; gives how many, 0 when there are none left."""

    def upload_url(self, key: str, content_type: str, size: int, seconds: int) -> str | None:
        """Where a client may put an object of this type and size for so long; None where there is no such place."""

    def url(self, key: str, seconds: int) -> str:
        """Where a client reads an object, for so long at least if nothing stands against it. Made here, without a call."""


@dataclass(frozen=True, slots=True)
class PayloadStore:
    """Documents as text in an attribute, or a link (`s3:<key>`) to an object. JSON never begins with `s3:`.

    Objects `of_runs` lie by themselves, since they may expire; a link leads to either kind.
    """

    objects: ObjectStore
    of_runs: bool = False

    def store(self, tenant_id: str, document: Any) -> str:
        """The text to keep in the item. An object when the document has more than 300 KB of UTF-8.

        The key is the hash of the content below the tenant, so storing a document again writes the same object.
        """
        return self.store_text(tenant_id, dump(document))

    def store_text(self, tenant_id: str, text: str) -> str:
        """`store` of a document that is JSON text already."""
        content = text.encode()
        return text if len(content) <= MAX_INLINE_BYTES else self.keep(tenant_id, (content,))

    def is_link(self, stored: str) -> bool:
        """Whether what `store` gave leads to an object."""
        return stored.startswith(_PREFIX)

    def load(self, stored: str) -> Any:
        """The document of an attribute that `store` gave, or of a link."""
        return json.loads(self.fetch(stored) if self.is_link(stored) else stored)

    def keep(self, tenant_id: str, pieces: Iterable[bytes]) -> Link:
        """Keep a JSON text as an object, whatever its size; at most 1 MB of it is in memory."""
        link, content = self._gathered(tenant_id, pieces)
        self._put(link, content)
        return link

    def fetch(self, link: Link) -> bytes:
        """The JSON text that `keep` put there, as UTF-8."""
        return self.objects.get(link.removeprefix(_PREFIX))

    def handed_on(self, tenant_id: str, link: str) -> Any:
        """The document of a link that came through somebody's hands, such as the input of a step. InvalidStepInput for what is
        no link to a document of this tenant.
        """
        folders = "|".join(re.escape(_folder(tenant_id, of_runs)) for of_runs in (True, False))
        if not re.fullmatch(rf"({folders})[0-9a-f]{{64}}\.json", link):
            raise InvalidStepInput(f"'{link[:200]}' is not a reference that an earlier step gave.")
        return self.load(link)

    def url(self, link: Link, seconds: int) -> str:
        """An address from which a client may read an object for so long."""
        return self.objects.url(link.removeprefix(_PREFIX), seconds)

    @contextmanager
    def uploads(self, tenant_id: str) -> Iterator[Keep]:
        """Keep many texts, several at once. A link is given before its object is there; at the end of the block all of
        them are. Raises there what an upload raised.
        """
        from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

        under_way: set[Future[None]] = set()
        known: set[Link] = set()

        def keep(pieces: Iterable[bytes]) -> Link:
            nonlocal under_way
            link, content = self._gathered(tenant_id, pieces)
            if link in known:
                content.close()
                return link
            if len(under_way) >= _UPLOADS_AT_ONCE:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for upload in done:
                    upload.result()
            known.add(link)
            if content.seek(0, os.SEEK_END) > _ALONE_BYTES:
                self._put(link, content)
            else:
                under_way.add(pool.submit(self._put, link, content))
            return link

        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            yield keep
            for upload in under_way:
                upload.result()

    def _gathered(self, tenant_id: str, pieces: Iterable[bytes]) -> tuple[Link, IO[bytes]]:
        """The link of a text, and an open file that holds it."""
        import tempfile

        digest = hashlib.sha256()
        content = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # who puts it closes it
        for piece in pieces:
            digest.update(piece)
            content.write(piece)
        return f"{_folder(tenant_id, self.of_runs)}{digest.hexdigest()}.json", content

    def _put(self, link: Link, content: IO[bytes]) -> None:
        content.seek(0)
        with content:
            self.objects.put(link.removeprefix(_PREFIX), content)


RUNS_FOLDER: Final = "payloads/runs/"
"""Where objects of runs lie, of all tenants: what is to expire is told by how its key begins (S3, "Lifecycle rules")."""


def owned_folders(tenant_id: str) -> tuple[str, str]:
    """How the keys of all of a tenant's objects begin."""
    owner = hashlib.sha256(tenant_id.encode()).hexdigest()[:16]
    return f"payloads/{owner}/", f"{RUNS_FOLDER}{owner}/"


def _folder(tenant_id: str, of_runs: bool) -> str:
    """How links to a tenant's objects begin."""
    return _PREFIX + owned_folders(tenant_id)[of_runs]
