"""Bytes of a file to its text, by kind. Everything in a file is somebody else's: what unpacks to too much, asks for a password
or is damaged ends in an error by name.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any, Final, NamedTuple

from workflow_engine.file_errors import (
    FileEncryptedError,
    FileExpandsTooMuchError,
    FileTooLargeError,
    FileTypeError,
    FileUnreadableError,
)
from workflow_engine.machines.history_text import readable

MAX_UNPACKED_BYTES: Final = 100_000_000
"""Of a Word or Excel file, whose parts are compressed; and of a PDF's page."""
MAX_RATIO: Final = 200
"""Of unpacked to packed bytes; office files stay below 50."""
RATIO_COUNTS_FROM_BYTES: Final = 5_000_000
MAX_PARTS: Final = 10_000
MAX_PAGES: Final = 5_000
MAX_CELLS: Final = 1_000_000
MAX_TEXT_CHARACTERS: Final = 20_000_000

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The old format of Office, and what wraps a new one that has a password ([MS-OFFCRYPTO])."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Contents(NamedTuple):
    """The text of a file, and its value where it has a structure."""

    text: str
    parsed: Any = None


def read(content: bytes, extension: str, encoding: str | None = None) -> Contents:
    """What a file holds. Its first bytes say what it is, else its extension (with the dot, in lower case).

    Raises the errors of `workflow_engine.file_errors` that end in File...Error.
    """
    if content.startswith(_OLE):
        raise FileEncryptedError("An Office file with a password, or of the time before 2007. Save it as docx or xlsx.")
    if content[:1024].lstrip().startswith(b"%PDF-"):
        return _checked(_pdf(content))
    if content.startswith(b"PK\x03\x04"):
        return _checked(_office(content))
    if extension in _PACKED:
        raise FileUnreadableError(f"The file is called {extension} and is none.")
    text = _decoded(content, encoding)
    return _checked(_TEXTS.get(extension, Contents)(text))


def _checked(contents: Contents) -> Contents:
    if len(contents.text) > MAX_TEXT_CHARACTERS:
        raise FileTooLargeError(f"The file has more than {MAX_TEXT_CHARACTERS:,} characters of text.")
    return contents


def _decoded(content: bytes, encoding: str | None) -> str:
    """The text of bytes: in the encoding that is named, else that of a byte order mark, else UTF-8."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    name = encoding or marked or "utf-8"
    try:
        text = content.decode(name)
    except LookupError:
        raise FileTypeError(f"'{name}' is not a known encoding. Name one such as utf-8, latin-1, shift_jis.") from None
    except UnicodeError:
        if encoding or marked:
            raise FileUnreadableError(f"The file is not {name} text.") from None
        raise FileTypeError(
            "The file is neither text, PDF, docx nor xlsx. If it is text, name its 'encoding', such as latin-1."
        ) from None
    if "\0" in text:
        raise FileTypeError("The file is binary. Text, PDF, docx, xlsx, CSV, JSON and HTML are read.")
    return readable(text)  # UTF-7, say, may hold half a surrogate pair, which goes into no output


# --- PDF ---


def _pdf(content: bytes) -> Contents:
    from pypdf import PdfReader
    from pypdf.errors import LimitReachedError, PyPdfError

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted:
            raise FileEncryptedError("The PDF has a password. Save it without one.")
        if len(reader.pages) > MAX_PAGES:
            raise FileTooLargeError(f"The PDF has more than {MAX_PAGES:,} pages.")
        return Contents("\n\n".join(_pages(page.extract_text() for page in reader.pages)))
    except LimitReachedError:
        raise FileExpandsTooMuchError("A part of the PDF unpacks to far more than it holds.") from None
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        # Of a damaged file the library raises whatever the damage leads to.
        raise FileUnreadableError(f"The PDF cannot be read: {type(error).__name__}.") from error


def _pages(texts: Iterable[str]) -> Iterator[str]:
    length = 0
    for text in texts:
        length += len(text)
        if length > MAX_TEXT_CHARACTERS:
            raise FileTooLargeError(f"The PDF has more than {MAX_TEXT_CHARACTERS:,} characters of text.")
        yield readable(text).strip()  # a font may name half a surrogate pair


# --- Office ---


def _office(content: bytes) -> Contents:
    with _damage_told("Office file"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            _check_size(parts, len(content))
            names = {part.filename for part in parts}
        if "word/document.xml" in names:
            return _word(content)
        if "xl/workbook.xml" in names:
            return _excel(content)
    raise FileTypeError("An archive that is neither a docx nor an xlsx. Unpack it, and give its files one by one.")


def _check_size(parts: list[zipfile.ZipInfo], packed: int) -> None:
    """Refuse what would fill the memory. What an archive declares is never exceeded by what is read of it (`zipfile`)."""
    unpacked = sum(part.file_size for part in parts)
    much = unpacked > RATIO_COUNTS_FROM_BYTES and unpacked > MAX_RATIO * packed
    if unpacked > MAX_UNPACKED_BYTES or much or len(parts) > MAX_PARTS:
        raise FileExpandsTooMuchError(f"The file would unpack to {unpacked:,} bytes, from {packed:,}.")
    if any(part.flag_bits & 1 for part in parts):
        raise FileEncryptedError("The archive has a password. Save it without one.")


def _word(content: bytes) -> Contents:
    from docx import Document
    from docx.table import Table

    lines: list[str] = []
    for block in Document(io.BytesIO(content)).iter_inner_content():
        if isinstance(block, Table):
            lines += ("\t".join(cell.text for cell in row.cells) for row in block.rows)
        else:
            lines.append(block.text)
    return Contents("\n".join(lines))


def _excel(content: bytes) -> Contents:
    """Values as they were last computed, sheet by sheet; the text has a row a line, cells parted by tabs."""
    from openpyxl import load_workbook

    sheets: dict[str, list[list[Any]]] = {}
    cells = 0
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # what a file says of its size may be wrong
        rows = sheets[sheet.title] = []
        for row in sheet.iter_rows(values_only=True):
            cells += len(row)
            if cells > MAX_CELLS:
                raise FileTooLargeError(f"The file has more than {MAX_CELLS:,} cells.")
            values = [_cell(value) for value in row]
            while values and values[-1] is None:
                values.pop()
            rows.append(values)
        while rows and not rows[-1]:
            rows.pop()
    texts = ["\n".join(["# " + title, *map(_line, rows)]) for title, rows in sheets.items()]
    return Contents("\n\n".join(texts), sheets)


def _cell(value: Any) -> Any:
    """As JSON has it, which has no infinities; dates and their like as texts."""
    is_plain = value is None or isinstance(value, str | int | bool) or (isinstance(value, float) and isfinite(value))
    return value if is_plain else str(value)


def _line(values: Iterable[Any]) -> str:
    return "\t".join("" if value is None else str(value) for value in values)


@contextmanager
def _damage_told(kind: str) -> Iterator[None]:
    """What libraries raise of a damaged file, as one error."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from lxml.etree import LxmlError

    try:
        yield
    except DefusedXmlException:
        raise FileExpandsTooMuchError(f"The {kind} declares entities, which may unpack to anything.") from None
    except (
        zipfile.BadZipFile,
        ParseError,
        LxmlError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
        RuntimeError,  # a compression that zipfile does not know (NotImplementedError), or nested too deep
    ) as error:
        raise FileUnreadableError(f"The {kind} cannot be read: {type(error).__name__}.") from error


# --- texts ---


def _json(text: str) -> Contents:
    """Its value as a step may hand it on: Python's reader takes more than there is in JSON, such as NaN."""
    from workflow_engine.language.findings import Findings
    from workflow_engine.language.wellformed import check_well_formed

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileUnreadableError(f"The file is not JSON: {str(error)[:200]}") from None
    findings = Findings()
    if not check_well_formed(value, findings):
        first = findings.in_document_order(value)[0]
        raise FileUnreadableError(
            f"This is no JSON that a step can hand on, at '{first.pointer[:200]}': {first.detail}"
        )
    return Contents(text, value)


def _csv(text: str) -> Contents:
    """Rows as objects by the names in the first row."""
    try:
        dialect: Any = csv.Sniffer().sniff(text[:8192], ",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        return Contents(text, list(_records(csv.reader(io.StringIO(text), dialect))))
    except csv.Error as error:
        raise FileUnreadableError(f"The CSV cannot be read: {error}.") from None


def _records(rows: Iterator[list[str]]) -> Iterator[dict[str, str | None]]:
    names = next(rows, [])
    cells = 0
    for row in rows:
        cells += len(row)
        if cells > MAX_CELLS:
            raise FileTooLargeError(f"The file has more than {MAX_CELLS:,} cells.")
        if row:
            named = [*names, *(f"column_{i + 1}" for i in range(len(names), len(row)))]
            yield {name: row[i] if i < len(row) else None for i, name in enumerate(named)}


def _html(text: str) -> Contents:
    from bs4 import BeautifulSoup

    try:
        soup = BeautifulSoup(text, "html.parser")
        for unseen in soup(["script", "style", "template", "noscript"]):
            unseen.decompose()
        lines = (line.strip() for line in soup.get_text("\n").splitlines())
        return Contents("\n".join(line for line in lines if line))
    except (RecursionError, ValueError, AssertionError) as error:
        raise FileUnreadableError(f"The HTML cannot be read: {type(error).__name__}.") from error


_PACKED: Final = frozenset({".pdf", ".docx", ".xlsx"})
_TEXTS: Final[Mapping[str, Callable[[str], Contents]]] = {
    ".json": _json,
    ".csv": _csv,
    ".tsv": _csv,
    ".html": _html,
    ".htm": _html,
    ".xhtml": _html,
}
