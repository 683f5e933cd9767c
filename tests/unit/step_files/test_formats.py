"""What a file holds, and how a file that is not to be read is refused."""

from __future__ import annotations

import codecs
import datetime
import io
import zipfile

import pytest

from functions.step_files import formats
from functions.step_files.formats import Contents, read
from tests.support import files
from workflow_engine.file_errors import (
    FINAL_ERRORS,
    FileEncryptedError,
    FileExpandsTooMuchError,
    FileTooLargeError,
    FileTypeError,
    FileUnreadableError,
)


def test_a_pdf_gives_the_text_of_its_pages_in_order() -> None:
    assert read(files.pdf("First (page)", "Second"), ".pdf").text == "First (page)\n\nSecond"


def test_a_word_file_gives_paragraphs_and_tables_in_order() -> None:
    content = files.docx("Hello", "World", table=[["a", "b"], ["c", "d"]])
    assert read(content, ".docx").text == "Hello\nWorld\na\tb\nc\td"


def test_an_excel_file_gives_its_sheets_and_a_row_a_line() -> None:
    day = datetime.date(2026, 1, 31)
    found = read(files.xlsx(Sales=[["region", "sum"], ["north", 3.5], [None, day, None]]), ".xlsx")
    assert found.parsed == {"Sales": [["region", "sum"], ["north", 3.5], [None, "2026-01-31 00:00:00"]]}
    assert found.text == "# Sales\nregion\tsum\nnorth\t3.5\n\t2026-01-31 00:00:00"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ('a;b\n"x;y";2\n\n', [{"a": "x;y", "b": "2"}]),
        ("a,b\n1\n1,2,3\n", [{"a": "1", "b": None}, {"a": "1", "b": "2", "column_3": "3"}]),
        ("", []),
    ],
)
def test_a_csv_gives_its_rows_by_the_names_in_the_first(text: str, rows: list[object]) -> None:
    assert read(text.encode(), ".csv") == Contents(text, rows)


def test_json_gives_its_value_and_its_text() -> None:
    assert read(b'{"a": [1]}', ".json") == Contents('{"a": [1]}', {"a": [1]})


def test_json_that_goes_into_no_output_is_told_with_its_place() -> None:
    with pytest.raises(FileUnreadableError, match="at '/rows/1/mean': NaN and infinities"):
        read(b'{"rows": [{"mean": 1}, {"mean": NaN}]}', ".json")


def test_a_cell_with_a_number_that_json_has_not_is_a_text() -> None:
    content = files.xlsx(S=[["x"]])
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    start, end = parts[sheet].index(b"<c "), parts[sheet].index(b"</c>")
    parts[sheet] = parts[sheet][:start] + b'<c r="A1"><v>1e999</v>' + parts[sheet][end:]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        for name, part in parts.items():
            book.writestr(name, part)
    assert read(out.getvalue(), ".xlsx").parsed == {"S": [["inf"]]}


def test_half_a_character_of_a_pdf_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypdf.PageObject.extract_text", lambda _: "a\ud800b")
    assert read(files.pdf("x"), ".pdf").text == "a\N{REPLACEMENT CHARACTER}b"


def test_html_gives_what_is_seen() -> None:
    page = b"<html><head><style>p{}</style></head><body><h1>Hi &amp; bye</h1><script>x()</script><p>You</p></body>"
    assert read(page, ".html").text == "Hi & bye\nYou"


def test_what_a_file_is_shows_in_its_first_bytes_whatever_it_is_called() -> None:
    assert read(files.pdf("PDF"), ".txt").text == "PDF"
    assert read(files.docx("Word"), "").text == "Word"


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        ("é".encode(), None, "é"),
        (codecs.BOM_UTF8 + "é".encode(), None, "é"),
        ("é".encode("utf-16"), None, "é"),
        ("é".encode("latin-1"), "latin-1", "é"),
        (b"", None, ""),
        (b"half +2AA- a pair", "utf-7", "half \N{REPLACEMENT CHARACTER} a pair"),
    ],
)
def test_a_text_is_read_in_the_encoding_that_is_named_or_that_it_tells(
    content: bytes, encoding: str | None, text: str
) -> None:
    assert read(content, ".txt", encoding).text == text


@pytest.mark.parametrize(
    ("content", "extension", "error"),
    [
        (files.encrypted_pdf("secret", "word"), ".pdf", FileEncryptedError),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), ".docx", FileEncryptedError),
        (b"%PDF-1.4\nnonsense", ".pdf", FileUnreadableError),
        (files.pdf("cut off")[:200], ".pdf", FileUnreadableError),
        (b"no archive", ".docx", FileUnreadableError),
        (files.docx("damaged")[:-300], ".docx", FileUnreadableError),
        (files.odd_archive(files.docx("locked"), files.FLAGS, 1), ".docx", FileEncryptedError),
        (files.odd_archive(files.docx("packed anew"), files.METHOD, 99), ".docx", FileUnreadableError),
        (files.archive(word__document_xml=b"<broken"), ".docx", FileUnreadableError),
        (files.archive(xl__workbook_xml=b"<broken"), ".xlsx", FileUnreadableError),
        (files.archive(any_txt=b"x"), ".zip", FileTypeError),
        (b"{", ".json", FileUnreadableError),
        (b"[" * 100_000, ".json", FileUnreadableError),
        (b"[" * 101 + b"]" * 101, ".json", FileUnreadableError),
        (b'{"mean": NaN}', ".json", FileUnreadableError),
        (b"[1e999]", ".json", FileUnreadableError),
        (b'"\\ud800"', ".json", FileUnreadableError),
        (b"\xff\xfe\xfd\xfc\x00", ".txt", FileUnreadableError),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ".png", FileTypeError),
        (b"MZ\x00\x01", ".exe", FileTypeError),
        ("é".encode("latin-1"), ".txt", FileTypeError),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else str(value),
)
def test_a_file_that_cannot_be_read_has_an_error_of_its_kind(
    content: bytes, extension: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        read(content, extension)
    assert type(raised.value).__name__ in FINAL_ERRORS


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(FileTypeError, match="'nonsense' is not a known encoding"):
        read(b"x", ".txt", "nonsense")


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(FileExpandsTooMuchError, match="would unpack to"):
        read(files.archive(word__document_xml=bytes(30_000_000)), ".docx")


def test_entities_of_a_spreadsheet_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><workbook>&b;</workbook>'
    content = files.archive(
        xl__workbook_xml=bomb,
        **{"[Content_Types]_xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
           b'<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml'
           b'.sheet.main+xml"/></Types>'},
    )  # fmt: skip
    with pytest.raises((FileExpandsTooMuchError, FileUnreadableError)):
        read(content, ".xlsx")


def test_a_table_of_too_many_cells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_CELLS", 3)
    for content, extension in ((b"a,b\n1,2\n3,4\n", ".csv"), (files.xlsx(S=[[1, 2], [3, 4]]), ".xlsx")):
        with pytest.raises(FileTooLargeError, match="cells"):
            read(content, extension)
