"""Objects as files below a directory."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Final

from workflow_engine.errors import MisconfiguredError

_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
"""No name begins with a dot, so no key leads out of the directory, or to files that are being written."""

_INCOMING: Final = ".incoming"


class FileObjects:
    """`store.payloads.ObjectStore` in a directory, for one process and its threads.

    A file is written beside the others, synced and renamed, and then the directory synced: it is there whole or not at all,
    whatever happens to process or machine. Writing one again makes it young, so that what is in use can be told by its age.
    """

    def __init__(self, directory: Path, base_url: str = "/") -> None:
        """Objects below a directory, which is made; `base_url` is where a server shows them, by key. What an earlier process
        was writing when it ended is removed. Raises MisconfiguredError for a directory that cannot be used.
        """
        self._directory = directory
        self._base_url = base_url
        self._incoming = directory / _INCOMING
        with _translated():
            self._incoming.mkdir(parents=True, exist_ok=True)
            for left_over in self._incoming.iterdir():
                left_over.unlink()

    def put(self, key: str, content: IO[bytes]) -> None:
        """Write a file. ValueError for what is no key."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"'{key}' is no key of an object.")
        path = self._directory / key
        with _translated():
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
            try:
                with open(descriptor, "wb") as file:
                    shutil.copyfileobj(content, file)
                    file.flush()
                    os.fsync(descriptor)
                self._make_directories(path.parent)
                os.replace(name, path)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(name)
                raise
            _sync(path.parent)

    def get(self, key: str) -> bytes:
        """The content of a file."""
        with _translated():
            try:
                if _KEY.fullmatch(key):
                    return (self._directory / key).read_bytes()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                pass
        raise MisconfiguredError(
            "A document that a record names is not there. It was removed from the data directory.",
            aws_code="NoSuchKey",
            aws_message=key,
        )

    def url(self, key: str, seconds: int) -> str:
        """The path at which the server shows it. The server answers its user alone, so nothing runs out."""
        return self._base_url + key

    def keys(self) -> Iterator[str]:
        """The keys of all objects."""
        for path in self._directory.rglob("*"):
            key = path.relative_to(self._directory).as_posix()
            if path.is_file() and _KEY.fullmatch(key):
                yield key

    def delete(self, key: str) -> int:
        """Delete an object; gives the bytes that it had, 0 where there is none."""
        with _translated():
            path = self._directory / key
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                return 0
            return size

    def delete_below(self, prefix: str) -> int:
        """Remove files."""
        found = list(islice((key for key in self.keys() if key.startswith(prefix)), 1000))
        for key in found:
            self.delete(key)
        return len(found)

    def upload_url(self, key: str, content_type: str, size: int, seconds: int) -> None:
        """There is no such place."""

    def _make_directories(self, directory: Path) -> None:
        if directory.is_dir():
            return
        self._make_directories(directory.parent)
        directory.mkdir(exist_ok=True)
        _sync(directory.parent)


def _sync(directory: Path) -> None:
    """Make names in a directory durable; their files' own sync does not."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise MisconfiguredError(
            f"The data cannot be written or read: {error.strerror}{where}. It goes on until the disk is mended.",
            aws_code=errno.errorcode.get(error.errno or 0, "OSError"),
            aws_message=str(error),
        ) from error
