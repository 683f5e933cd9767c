"""A file that is announced and uploaded to S3 by the client, on moto."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.backend_cloud import SETTINGS, backend
from workflow_engine.file_errors import FileAccessError, FileMissingError
from workflow_engine.usecases.engine import Caller
from workflow_engine.usecases.files import read_files, store_file

CALLER = Caller("t", "ann")
BODY = {"file_name": "big.pdf", "content_type": "application/pdf", "size_bytes": 5}


def test_an_announced_file_is_uploaded_to_an_address_that_takes_its_type_and_length_only() -> None:
    with backend() as engine:
        stored = store_file.take_json(engine, CALLER, BODY)
        upload = stored["upload"]
        assert upload is not None
        url = urlsplit(upload["url"])
        assert parse_qs(url.query)["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
        assert parse_qs(url.query)["X-Amz-Expires"] == ["900"]
        assert upload["headers"] == {"Content-Type": "application/pdf", "Content-Length": "5"}
        assert engine.files.content("t", stored["reference"]) is None
        engine.s3.put_object(Bucket=SETTINGS.bucket_name, Key=url.path.lstrip("/"), Body=b"%PDF-")
        assert engine.files.content("t", stored["reference"]) == b"%PDF-"
        read_files.delete(engine, CALLER, stored["id"])
        assert engine.files.content("t", stored["reference"]) is None


def test_announcing_again_under_a_key_gives_the_same_file() -> None:
    with backend() as engine:
        first = store_file.take_json(engine, CALLER, BODY, "key")
        assert store_file.take_json(engine, CALLER, BODY, "key")["id"] == first["id"]


def test_an_object_of_s3_that_is_not_there_is_told_from_one_that_may_not_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from functions.step_files import settings

    with backend() as engine:
        monkeypatch.setattr(settings, "engine", lambda: engine)
        engine.s3.put_object(Bucket=SETTINGS.bucket_name, Key="a/b.txt", Body=b"0123456789")
        assert settings.s3_object(SETTINGS.bucket_name, "a/b.txt", 4) == b"0123"
        with pytest.raises(FileMissingError, match="no object"):
            settings.s3_object(SETTINGS.bucket_name, "a/none.txt", 4)
        with pytest.raises(FileAccessError, match="NoSuchBucket"):
            settings.s3_object("nobodys-bucket-here", "a", 4)


def test_the_address_of_an_object_opens_no_file_of_another_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.step_files import settings
    from functions.step_files.sources import open_file

    with backend() as engine:
        monkeypatch.setattr(settings, "engine", lambda: engine)
        stored = store_file.take_json(engine, CALLER, {"file_name": "a.txt", "content": "c2VjcmV0"})
        world = settings.world.__wrapped__()  # type: ignore[attr-defined]  # not the one that is kept
        assert open_file(stored["reference"], "t", world, None).content == b"secret"
        address = f"s3://{SETTINGS.bucket_name}/{engine.files.key('t', stored['id'])}"
        with pytest.raises(FileAccessError, match="by its reference"):
            open_file(address, "somebody-else", world, None)
