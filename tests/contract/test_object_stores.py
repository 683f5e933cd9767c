"""What a store of objects does, asked of S3 and of files alike, and the payloads that are kept in it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.stores import OBJECT_STORES, name_of
from workflow_engine.errors import MisconfiguredError
from workflow_engine.store.items import MAX_INLINE_BYTES
from workflow_engine.store.payloads import ObjectStore, PayloadStore

KEY = "payloads/0123abcd/ef.json"


@pytest.fixture(params=OBJECT_STORES, ids=name_of)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    with request.param(tmp_path) as made:
        yield made


@pytest.fixture
def payloads(objects: ObjectStore) -> PayloadStore:
    return PayloadStore(objects)


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)), b"y" * 3_000_000], ids=len)
def test_an_object_comes_back_byte_by_byte(objects: ObjectStore, content: bytes) -> None:
    objects.put(KEY, io.BytesIO(content))
    assert objects.get(KEY) == content


def test_an_object_replaces_the_one_of_its_key_and_no_other(objects: ObjectStore) -> None:
    for key, content in ((KEY, b"a long first one"), ("payloads/other.json", b"other"), (KEY, b"second")):
        objects.put(key, io.BytesIO(content))
    assert (objects.get(KEY), objects.get("payloads/other.json")) == (b"second", b"other")


def test_what_stands_before_the_place_of_a_file_is_not_kept(objects: ObjectStore) -> None:
    content = io.BytesIO(b"0123")
    content.seek(2)
    objects.put(KEY, content)
    assert objects.get(KEY) == b"23"


@pytest.mark.parametrize("key", ["payloads/none.json", "payloads", "none", "../payloads", "a//b", "x/../y"])
def test_an_object_that_is_not_there_is_a_fault_of_the_deployment(objects: ObjectStore, key: str) -> None:
    objects.put(KEY, io.BytesIO(b"1"))
    with pytest.raises(MisconfiguredError) as raised:
        objects.get(key)
    assert raised.value.aws_code == "NoSuchKey"


def test_an_address_is_made_without_a_call_and_holds_the_key(objects: ObjectStore) -> None:
    assert KEY in objects.url(KEY, 60)


def test_many_threads_that_keep_the_same_object_leave_it_whole(objects: ObjectStore) -> None:
    content = b"z" * 200_000
    objects.put(KEY, io.BytesIO(content))

    def keep_and_read(_: int) -> bool:
        objects.put(KEY, io.BytesIO(content))
        return objects.get(KEY) == content

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(keep_and_read, range(32)))


def test_a_small_document_is_text_and_a_large_one_a_link(payloads: PayloadStore) -> None:
    small, large = {"x": 1.0, "é": [None, True]}, {"x": "é" * MAX_INLINE_BYTES}
    assert payloads.store("t", small) == '{"x":1.0,"é":[null,true]}'
    link = payloads.store("t", large)
    assert len(link) < 150
    assert link == payloads.store("t", dict(large))
    assert link != payloads.store("u", large)
    assert [payloads.load(payloads.store("t", document)) for document in (small, large)] == [small, large]


def test_a_kept_text_is_fetched_as_it_was_and_has_an_address(payloads: PayloadStore) -> None:
    link = payloads.keep("t", (b'{"a":', b"1.50}"))
    assert payloads.fetch(link) == b'{"a":1.50}'
    assert link.removeprefix("s3:") in payloads.url(link, 60)


def test_uploads_are_all_there_at_the_end(payloads: PayloadStore) -> None:
    texts = [json.dumps([n, "x" * (n * 1000)]).encode() for n in range(20)]
    with payloads.uploads("t") as keep:
        links = [keep((text,)) for text in (*texts, texts[0])]
    assert links[0] == links[-1]
    assert [payloads.fetch(link) for link in links[:-1]] == texts


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=300)), max_size=8))
def test_each_key_has_what_was_put_last(objects: ObjectStore, contents: list[tuple[str, bytes]]) -> None:
    for key, content in contents:
        objects.put(f"payloads/{key}", io.BytesIO(content))
    for key, content in dict(contents).items():
        assert objects.get(f"payloads/{key}") == content


def test_all_that_lies_below_a_folder_is_removed_and_nothing_else(objects: ObjectStore) -> None:
    for key in ("payloads/a/1.json", "payloads/a/files/2", "payloads/b/1.json", "payloads/a.json"):
        objects.put(key, io.BytesIO(b"x"))
    assert objects.delete_below("payloads/a/") == 2
    assert objects.delete_below("payloads/a/") == 0
    assert (objects.get("payloads/b/1.json"), objects.get("payloads/a.json")) == (b"x", b"x")


def test_more_than_a_thousand_objects_are_removed_over_several_calls(objects: ObjectStore) -> None:
    for number in range(1003):
        objects.put(f"payloads/a/{number}.json", io.BytesIO(b""))
    assert [objects.delete_below("payloads/a/") for _ in range(3)] == [1000, 3, 0]
