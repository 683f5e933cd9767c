"""Where a file's bytes come from: an uploaded file, S3, a URL under the address policy, or on a laptop a path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from workflow_engine.endpoint_errors import (
    HttpAnswerTooLargeError,
    HttpClientError,
    HttpServerError,
    HttpThrottledError,
)
from workflow_engine.errors import InvalidStepInput
from workflow_engine.file_errors import FileAccessError, FileMissingError, FileTooLargeError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.outbound import AddressPolicy
from workflow_engine.outbound_http import Answer, Request, send
from workflow_engine.store.files import MAX_FILE_BYTES, REFERENCE, FileStore

Object = Mapping[str, Any]

SECONDS_FOR_URL: Final = 60.0
MARGIN_SECONDS: Final = 10.0

_NAMES: Final = (
    "file_path",
    "reference",
    "file",
    "file_id",
    "url",
    "path",
    "attachment",
    "attachments",
    "files",
    "data",
)
"""Entries of a step's input, or of the output of another step, that may name a file, the most telling first."""
_S3: Final = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.+)", re.DOTALL)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_EXTENSION_OF_TYPE: Final[Mapping[str, str]] = {
    "application/json": ".json",
    "application/pdf": ".pdf",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
}
_DEPTH: Final = 4


class File(NamedTuple):
    """A file's bytes, its name without directories, and its extension in lower case with the dot."""

    name: str
    extension: str
    content: bytes


@dataclass(frozen=True, slots=True)
class World:
    """What reading works with. `s3_object` gives an object of a bucket, at most so many bytes of it; None on a laptop.
    `own_bucket` is the deployment's, which the function may read, and has files and documents of all tenants: they are read by
    reference only. `directory` is the one below which paths are read, None where there are none.
    """

    files: FileStore
    policy: AddressPolicy
    s3_object: Callable[[str, str, int], bytes] | None = None
    own_bucket: str | None = None
    directory: Path | None = None
    send: Callable[..., Answer] = send


def named_file(config: Object, input_data: Object) -> str:
    """The file that a step is to read. Raises InvalidStepInput where none is named."""
    configured = config.get("file_path")
    found = configured or next(_named(input_data, _DEPTH), None)
    if not found:
        raise InvalidStepInput(
            "No file is named. Give a 'file_path' in the configuration, or a file in the input: a reference such as "
            "'file:...', or an object that has one as 'reference', 'file_path' or 'url'."
        )
    return str(found)


def _named(value: Any, depth: int) -> Iterator[str]:
    """Texts that may name a file. The only entry of an input may have any name: that of a step. Raises InvalidStepInput for
    several files, of which one would be read and the others forgotten.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth and value:
        if len(value) > 1:
            raise InvalidStepInput(
                f"{len(value)} files are given, and a step reads one. Read each by for_each, or name one, such as 'input.files[0]'."
            )
        yield from _named(value[0], depth - 1)
    elif isinstance(value, Mapping) and depth:
        for name in _NAMES:
            if value.get(name):
                yield from _named(value[name], depth - 1)
        if len(value) == 1:
            yield from _named(next(iter(value.values())), depth - 1)


def open_file(named: str, tenant_id: str, world: World, seconds_left: float | None) -> File:
    """Fetch a file. Raises the errors of `workflow_engine.file_errors`, and of a URL those of `workflow_engine.outbound`."""
    if named.startswith("file:"):
        return _uploaded(named, tenant_id, world)
    if named.startswith("s3://"):
        return _in_s3(named, world)
    if named.lower().startswith(("http://", "https://")):
        return _at_url(named, world, seconds_left)
    if _SCHEME.match(named):
        raise FileAccessError(
            f"Files are not read from addresses such as '{named[:200]}', but from https://, http://, s3:// and file:ID."
        )
    return _at_path(named, world)


def _uploaded(named: str, tenant_id: str, world: World) -> File:
    if not REFERENCE.fullmatch(named):
        raise FileMissingError(f"'{named[:200]}' is not a reference of a file. POST /files gives one.")
    about = world.files.find(tenant_id, named)
    if about is None:
        raise FileMissingError(f"There is no file '{named}'.")
    if about.size_bytes is not None:
        _check_size(about.size_bytes, named)
    content = world.files.content(tenant_id, named)
    if content is None:
        raise FileMissingError(f"The file '{named}' was announced and not uploaded.")
    _check_size(len(content), named)
    return _file(about.file_name, content, about.content_type)


def _in_s3(named: str, world: World) -> File:
    match = _S3.fullmatch(named)
    if match is None:
        raise FileMissingError(f"'{named[:200]}' is not an address of an object: s3://bucket/key.")
    if world.s3_object is None:
        raise FileAccessError("There is no S3 on a laptop. Upload the file with POST /files, or name a path.")
    if match["bucket"] == world.own_bucket:
        raise FileAccessError(
            f"'{named[:200]}' is in the service's own bucket. Name an uploaded file by its reference, file:ID."
        )
    content = world.s3_object(match["bucket"], match["key"], MAX_FILE_BYTES + 1)
    _check_size(len(content), named)
    return _file(match["key"], content)


def _at_url(url: str, world: World, seconds_left: float | None) -> File:
    seconds = SECONDS_FOR_URL if seconds_left is None else max(1.0, min(SECONDS_FOR_URL, seconds_left - MARGIN_SECONDS))
    request = Request("GET", url, {"User-Agent": "workflow-engine", "Accept": "*/*"}, b"")
    try:
        answer = world.send(request, world.policy, seconds=seconds, max_bytes=MAX_FILE_BYTES)
    except HttpAnswerTooLargeError as error:
        raise FileTooLargeError(str(error)) from None
    host = urlsplit(url).hostname
    if answer.status in (404, 410):
        raise FileMissingError(f"'{host}' has no such file: it answered {answer.status}.")
    if answer.status in (401, 403):
        raise FileAccessError(f"'{host}' does not give the file: it answered {answer.status}.")
    if not 200 <= answer.status < 300:
        said = f"'{host}' answered {answer.status} instead of a file."
        if answer.status == 429:
            raise HttpThrottledError(said)
        raise HttpServerError(said) if answer.status >= 500 else HttpClientError(said)
    return _file(unquote(urlsplit(url).path), answer.body, answer.headers.get("content-type"))


def _at_path(named: str, world: World) -> File:
    if world.directory is None:
        raise FileAccessError(
            f"'{named[:200]}' is a path, and paths are read on a laptop only. Upload the file with POST /files, or name an "
            "object in S3 or a URL."
        )
    root = world.directory.resolve()
    try:
        path = (root / named).resolve()
        if not path.is_relative_to(root):
            raise FileAccessError(f"'{named[:200]}' leads out of {root}, below which files are read.")
        if not path.is_file():
            raise FileMissingError(f"There is no file {path}.")
        _check_size(path.stat().st_size, named)
        return _file(path.name, path.read_bytes())
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise FileAccessError(f"'{named[:200]}' cannot be read: {error}") from None


def _check_size(size: int, named: str) -> None:
    if size > MAX_FILE_BYTES:
        raise FileTooLargeError(f"'{named[:200]}' has more than {MAX_FILE_BYTES:,} bytes.")


def _file(path: str, content: bytes, content_type: str | None = None) -> File:
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    extension = "." + name.rsplit(".", 1)[-1].lower() if "." in name[1:] else ""
    kind = (content_type or "").partition(";")[0].strip().lower()
    return File(name, extension or _EXTENSION_OF_TYPE.get(kind, ""), content)
