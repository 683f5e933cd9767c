"""A body of parts, multipart/form-data (RFC 7578): fields and files."""

from __future__ import annotations

import binascii
from dataclasses import field
from typing import Final

from workflow_engine.errors import InvalidRequestError, PayloadTooLargeError
from workflow_engine.http.body import media_type_of, raw_body, reader_of
from workflow_engine.http.powertools import APIGatewayProxyEventV2
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass

MAX_PARTS: Final = 100
MEDIA_TYPE: Final = "multipart/form-data"


@dataclass(slots=True)
class Part:
    """One part. `file_name` is None for a field."""

    name: str = ""
    file_name: str | None = None
    content_type: str | None = None
    content: bytearray = field(default_factory=bytearray)

    def text(self) -> str:
        """What a field says. Raises InvalidRequestError for what is no UTF-8."""
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            raise InvalidRequestError(f"The part '{self.name}' is not UTF-8 text.") from None

    def document(self) -> Json:
        """The value of a field that is JSON, or YAML where its own content type says so. Raises `MalformedDocumentError`, too."""
        return reader_of(media_type_of(self.content_type or ""))(self.text())


def form_of(event: APIGatewayProxyEventV2) -> list[Part] | None:
    """The parts of a body in order, None for a body of another kind.

    Raises InvalidRequestError for a body that is not what it says, PayloadTooLargeError for too many bytes or parts.
    """
    media_type = str(event.headers.get("content-type") or "")
    if not media_type.lower().startswith(MEDIA_TYPE):
        return None
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    boundary = parse_options_header(media_type)[1].get(b"boundary")
    if not boundary:
        raise InvalidRequestError("The Content-Type names no boundary between the parts.")
    reading = _Reading()
    try:
        parser = MultipartParser(boundary, reading.callbacks())  # type: ignore[arg-type]  # a TypedDict of the same keys
        parser.write(raw_body(event))
        parser.finalize()
    except (FormParserError, binascii.Error) as error:
        raise InvalidRequestError(f"The body is no {MEDIA_TYPE}: {str(error)[:200]}") from None
    if not reading.is_whole:
        raise InvalidRequestError(f"The body is no {MEDIA_TYPE}: it ends before its last boundary.")
    return reading.parts


class _Reading:
    """What the parser tells, as parts."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.is_whole = False
        self._name = bytearray()
        self._value = bytearray()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._named,
            "on_part_data": lambda data, start, end: self.parts[-1].content.extend(data[start:end]),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise PayloadTooLargeError(f"The body has more than {MAX_PARTS} parts.")
        self.parts.append(Part())

    def _header(self) -> None:
        from python_multipart.multipart import parse_options_header

        part, header = self.parts[-1], bytes(self._name).decode("latin-1").lower()
        if header == "content-disposition":
            options = parse_options_header(bytes(self._value))[1]
            part.name = options.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in options:
                part.file_name = options[b"filename"].decode("utf-8", "replace")
        elif header == "content-type":
            part.content_type = bytes(self._value).decode("latin-1")
        self._name.clear()
        self._value.clear()

    def _named(self) -> None:
        if not self.parts[-1].name:
            raise InvalidRequestError("A part of the body has no name in its Content-Disposition.")

    def _end(self) -> None:
        self.is_whole = True
