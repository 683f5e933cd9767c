"""Where a file comes from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from functions.step_files import sources
from functions.step_files.sources import File, World, named_file, open_file
from workflow_engine.endpoint_errors import HttpClientError, HttpServerError, HttpThrottledError
from workflow_engine.errors import InvalidStepInput
from workflow_engine.file_errors import FileAccessError, FileMissingError, FileTooLargeError
from workflow_engine.outbound import AddressPolicy, AddressRefusedError
from workflow_engine.outbound_http import Answer
from workflow_engine.store.files import FileStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.registrations import FILES, RegistrationStore
from workflow_engine.store.tables.sqlite import SqliteTable

RECORD = {"file_id": "0123-4567", "file_name": "notes.txt", "content_type": "text/plain", "size_bytes": 5}


def world(**fields: Any) -> World:
    objects = MemoryObjects()
    store = FileStore(RegistrationStore(SqliteTable(), PayloadStore(objects), FILES), objects)
    return World(store, AddressPolicy(), **fields)


def opened(named: str, of: World, tenant_id: str = "t") -> File:
    return open_file(named, tenant_id, of, None)


@pytest.mark.parametrize(
    ("config", "input_data", "named"),
    [
        ({"file_path": "a.txt"}, {"file": "b.txt"}, "a.txt"),
        ({}, {"file": "b.txt"}, "b.txt"),
        ({}, {"anything": "c.txt"}, "c.txt"),
        ({}, {"file": {"reference": "file:1"}}, "file:1"),
        (
            {},
            {"trigger": {"kind": "chat", "attachments": [{"url": "https://x/y.pdf", "name": "y"}]}},
            "https://x/y.pdf",
        ),
        ({}, {"trigger": {"kind": "manual", "data": {"file": "file:2"}}}, "file:2"),
    ],
)
def test_the_file_is_found_in_configuration_or_input(config: Any, input_data: Any, named: str) -> None:
    assert named_file(config, input_data) == named


@pytest.mark.parametrize("input_data", [{}, {"a": 1}, {"file": None}, {"a": "x", "b": "y"}])
def test_an_input_that_names_no_file_is_refused(input_data: Any) -> None:
    with pytest.raises(InvalidStepInput, match="No file is named"):
        named_file({}, input_data)


@pytest.mark.parametrize(
    "input_data",
    [{"files": ["a.txt", "b.txt"]}, {"trigger": {"attachments": [{"url": "https://x/a"}, {"url": "https://x/b"}]}}],
)
def test_of_several_files_none_is_forgotten(input_data: Any) -> None:
    with pytest.raises(InvalidStepInput, match="2 files are given"):
        named_file({}, input_data)


@pytest.mark.parametrize("named", ["gopher://x/y", "ftp://x/y.pdf", "File:///etc/passwd"])
def test_an_address_of_another_kind_is_not_taken_for_a_path(named: str, tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="https://"):
        opened(named, world(directory=tmp_path))


def test_an_uploaded_file_is_its_tenants_alone() -> None:
    here = world()
    here.files.put("t", RECORD, io.BytesIO(b"hello"), "r")
    assert opened("file:0123-4567", here) == File("notes.txt", ".txt", b"hello")
    with pytest.raises(FileMissingError):
        opened("file:0123-4567", here, "somebody-else")


def test_a_file_that_was_announced_and_not_uploaded_is_told_from_one_that_nobody_knows() -> None:
    here = world()
    here.files.put("t", RECORD, None, "r")
    with pytest.raises(FileMissingError, match="announced and not uploaded"):
        opened("file:0123-4567", here)
    with pytest.raises(FileMissingError, match="There is no file"):
        opened("file:0123-4568", here)
    with pytest.raises(FileMissingError, match="not a reference"):
        opened("file:../../etc/passwd", here)


def test_a_path_is_read_below_the_directory_only(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.TXT").write_text("hello")
    (tmp_path / "outside.txt").write_text("secret")
    (inside / "link.txt").symlink_to(tmp_path / "outside.txt")
    here = world(directory=inside)
    assert opened("a.TXT", here) == File("a.TXT", ".txt", b"hello")
    for named in ("../outside.txt", "/etc/passwd", "link.txt", "x\0y"):
        with pytest.raises(FileAccessError):
            opened(named, here)
    with pytest.raises(FileMissingError):
        opened("none.txt", here)


def test_a_path_means_nothing_in_the_cloud() -> None:
    with pytest.raises(FileAccessError, match="paths are read on a laptop only"):
        opened("/var/task/handler.py", world())


def test_an_object_in_s3_is_read_as_far_as_a_file_may_go(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, int]] = []

    def s3_object(bucket: str, key: str, most: int) -> bytes:
        asked.append((bucket, key, most))
        return b"x" * most

    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 10)
    with pytest.raises(FileTooLargeError):
        opened("s3://my-bucket/some/key.pdf", world(s3_object=s3_object))
    assert asked == [("my-bucket", "some/key.pdf", 11)]
    with pytest.raises(FileAccessError, match="no S3 on a laptop"):
        opened("s3://my-bucket/key", world())
    with pytest.raises(FileMissingError, match="not an address"):
        opened("s3://MY_BUCKET", world(s3_object=s3_object))


def test_the_services_own_bucket_which_has_files_of_all_tenants_is_not_read_by_address() -> None:
    def s3_object(bucket: str, _key: str, _most: int) -> bytes:
        return bucket.encode()

    here = world(s3_object=s3_object, own_bucket="the-service")
    with pytest.raises(FileAccessError, match=r"own bucket\. Name an uploaded file by its reference"):
        opened("s3://the-service/payloads/another-tenant/secret", here)
    assert opened("s3://the-service-2/key.txt", here).content == b"the-service-2"


def test_a_url_gives_its_file_named_by_its_path_or_its_type() -> None:
    def send(*_: Any, **__: Any) -> Answer:
        return Answer(200, {"content-type": "application/pdf; x=y"}, b"%PDF-")

    here = world(send=send)
    assert opened("https://example.com/a%20b.docx?x=1", here) == File("a b.docx", ".docx", b"%PDF-")
    assert opened("https://example.com/download", here) == File("download", ".pdf", b"%PDF-")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, FileMissingError),
        (403, FileAccessError),
        (429, HttpThrottledError),
        (503, HttpServerError),
        (400, HttpClientError),
    ],
)
def test_an_answer_without_a_file_is_an_error_of_its_kind(status: int, error: type[Exception]) -> None:
    here = world(send=lambda *_, **__: Answer(status, {}, b""))
    with pytest.raises(error):
        opened("https://example.com/a.txt", here)


@pytest.mark.parametrize("url", ["http://127.0.0.1/a", "http://169.254.169.254/latest/meta-data", "http://localhost/a"])
def test_an_address_inside_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        opened(url, world())


def test_a_large_file_is_refused_before_it_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 4)
    here = world()
    here.files.put("t", RECORD, None, "r")
    with pytest.raises(FileTooLargeError):
        opened("file:0123-4567", here)
