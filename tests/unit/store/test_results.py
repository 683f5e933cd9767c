"""How results are kept and read by pages."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import Any

import pytest

from tests.support.listed_results import FIELDS, Listed, results
from workflow_engine.store.payloads import Keep, PayloadStore
from workflow_engine.store.payloads.s3 import S3Objects
from workflow_engine.store.results import (
    CHUNK_BYTES,
    LARGE_OUTPUT_BYTES,
    LargeOutput,
    ResultsStore,
    RunResults,
    body_bytes,
)
from workflow_engine.store.tables.sqlite import SqliteTable


class Bucket:
    """S3 as far as payloads need it; `read` tells which objects were loaded."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.read: list[str] = []

    def put_object(self, *, Key: str, Body: Any, **_: Any) -> None:  # noqa: N803
        self.objects[Key] = Body.read()

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.read.append(Key)
        return {"Body": io.BytesIO(self.objects[Key])}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def payloads(bucket: Bucket) -> PayloadStore:
    client: Any = bucket
    return PayloadStore(S3Objects(lambda: client, "b"))


@pytest.fixture
def store(payloads: PayloadStore) -> ResultsStore:
    return ResultsStore(SqliteTable(), payloads)


def _same(run: RunResults, _keep: Keep) -> RunResults:
    return run


def kept(store: ResultsStore, run: RunResults) -> RunResults:
    store.save("t", "e", 0, partial(_same, run))
    found = store.find("t", "e")
    assert found is not None
    return found


def walked(run: RunResults, **options: Any) -> list[list[str]]:
    """The keys of each page."""
    pages, position = [], None
    while True:
        page = run.page(position, **options)
        pages.append([r.key for r in page.results])
        if page.next is None:
            return pages
        position = page.next


def test_small_results_are_one_item(store: ResultsStore, bucket: Bucket, payloads: PayloadStore) -> None:
    run = kept(store, results(payloads, ("a", 1), ("b", {"é": [None]}), output={"b": 2}))
    assert (run.run, run.output, run.large_output) == ({"status": "completed"}, {"b": 2}, None)
    page = run.page(max_bytes=10_000)
    assert [(r.ordinal, r.key, r.result) for r in page.results] == [
        (0, "a", FIELDS | {"output_data": 1}),
        (1, "b", FIELDS | {"output_data": {"é": [None]}}),
    ]
    assert page.next is None
    assert bucket.objects == {}


def test_a_run_without_results_has_an_empty_page(store: ResultsStore, payloads: PayloadStore) -> None:
    page = kept(store, results(payloads)).page(max_bytes=1)
    assert (page.results, page.next) == ([], None)
    assert store.find("t", "other") is None


def many(number: int, size: int) -> list[tuple[str, Any]]:
    parts = [(f"m[{i}]", "x" * size) for i in range(number)]
    return [("first", 0), ("m", None), *parts, ("last", 1)]


def test_large_results_are_chunks_and_a_page_loads_only_its_own(
    store: ResultsStore, bucket: Bucket, payloads: PayloadStore
) -> None:
    run = kept(store, results(payloads, *many(500, 10_000)))
    assert len(bucket.objects) == 5
    assert max(map(len, bucket.objects.values())) <= CHUNK_BYTES + 1024
    page = run.page((300, "m[298]"), max_bytes=100_000)
    assert [r.key for r in page.results] == [f"m[{i}]" for i in range(298, 307)]
    assert page.next == (309, "m[307]")
    assert len(set(bucket.read)) == 1


def test_pages_hold_every_result_once_whatever_their_size(store: ResultsStore, payloads: PayloadStore) -> None:
    entries = many(400, 5_000)
    run = kept(store, results(payloads, *entries))
    for options in ({"max_bytes": 1}, {"max_bytes": 999_999}, {"max_bytes": 30_000, "limit": 4}):
        pages = walked(run, **options)
        assert [key for page in pages for key in page] == [key for key, _ in entries]
    assert all(len(page) <= 4 for page in pages)


def test_a_page_counts_what_a_lambda_answer_would(payloads: PayloadStore) -> None:
    quotes = results(payloads, *((f"s{i}", '"é' * 100) for i in range(100)))
    taken = quotes.page(max_bytes=20_000).results
    body = json.dumps({r.key: r.result for r in taken}, separators=(",", ":"))
    assert 18_000 < len(json.dumps(body)) <= 20_000
    assert body_bytes('"\\é') == len(json.dumps(json.dumps('"\\é'))) - 2


def test_steps_are_picked_with_their_parts(store: ResultsStore, payloads: PayloadStore) -> None:
    keys = ["a", "ab", "m", "m[0]", "m[0].x", "m[1]", "m[1].x", "m[10]", "z", "z.in"]
    run = kept(store, results(payloads, *((key, key) for key in keys)))
    everything: dict[str, Any] = {"max_bytes": 10_000}
    assert walked(run, steps=["a"], **everything) == [["a"]]
    assert walked(run, steps=["z", "m[1]", "m[1].x", "gone"], **everything) == [["m[1]", "m[1].x", "z", "z.in"]]
    assert walked(run, steps=["m", "z"], max_bytes=1)[3:5] == [["m[1]"], ["m[1].x"]]
    assert walked(run, steps=["gone"], **everything) == [[]]
    assert run.unknown(["a", "m[7]", "gone", "gone[1]"]) == ["gone", "gone[1]"]


def test_of_the_steps_that_are_not_picked_nothing_is_loaded(payloads: PayloadStore) -> None:
    run = results(payloads, *many(100, 10), ("tail", 1))
    run.page(max_bytes=10_000, steps=["m[5]", "tail"])
    assert isinstance(run.steps, Listed)
    assert run.steps.taken == ["m[5]", "tail"]


def test_a_page_begins_at_its_key_though_the_run_went_on(payloads: PayloadStore) -> None:
    position = results(payloads, *many(5, 1)).page(max_bytes=10_000, limit=7).next
    assert position == (7, "last")
    later = results(payloads, *many(9, 1))
    assert [r.key for r in later.page(position, max_bytes=10_000).results] == ["last"]
    assert later.page((3, "no more"), max_bytes=10_000).results[0].key == "m[1]"


def test_large_outputs_are_loaded_up_to_a_size(store: ResultsStore, payloads: PayloadStore) -> None:
    large = {
        name: LargeOutput(payloads.keep("t", (b'"', b"x" * (size - 2), b'"')), size)
        for name, size in (("a", 70_000), ("b", 900_000))
    }
    run = kept(store, results(payloads, *large.items(), ("c", LargeOutput(None, 70_000))))
    links = run.page(max_bytes=5_000_000).results
    assert [(r.large, r.result["output_data"]) for r in links[:2]] == [(large["a"], None), (large["b"], None)]
    loaded = run.page(max_bytes=5_000_000, inline_up_to=100_000).results
    assert [r.large for r in loaded] == [None, large["b"], LargeOutput(None, 70_000)]
    assert loaded[0].result["output_data"] == "x" * 69_998
    one = run.step("b")
    assert one is not None
    assert one.large is not None
    assert run.load(one.large) == "x" * 899_998
    assert run.step("b[0]") is None


def test_an_output_of_the_run_may_be_kept_by_itself(store: ResultsStore, payloads: PayloadStore) -> None:
    large = LargeOutput(payloads.keep("t", (b"[1]",)), LARGE_OUTPUT_BYTES + 1)
    run = kept(store, RunResults({}, None, large, Listed([]), payloads))
    assert (run.output, run.large_output) == (None, large)


def test_results_of_an_earlier_redrive_replace_none_of_a_later_one(store: ResultsStore, payloads: PayloadStore) -> None:
    for redrive_count, output in ((0, "first"), (1, "second"), (0, "late"), (1, "again")):
        saved = results(payloads, output=output)
        store.save("t", "e", redrive_count, partial(_same, saved))
        found = store.find("t", "e")
        assert found is not None
        assert found.output == {"late": "second"}.get(output, output)


def test_a_head_too_large_for_an_item_is_kept_beside_it(
    store: ResultsStore, bucket: Bucket, payloads: PayloadStore
) -> None:
    entries = [(f"step_{i}", None) for i in range(20_000)]
    run = kept(store, results(payloads, *entries))
    assert len(bucket.objects) == 3  # the head, and two chunks
    assert [r.key for r in run.page((19_998, "step_19998"), max_bytes=10_000).results] == ["step_19998", "step_19999"]


def test_uploads_are_all_there_at_the_end_and_the_same_text_goes_once(bucket: Bucket, payloads: PayloadStore) -> None:
    with payloads.uploads("t") as keep:
        links = [keep((str(i % 30).encode(),)) for i in range(60)]
    assert links[:30] == links[30:]
    assert [payloads.load(link) for link in links[:30]] == list(range(30))
    assert links[0] != payloads.keep("other tenant", (b"0",))


def test_an_upload_that_fails_is_told_at_the_end(bucket: Bucket, payloads: PayloadStore) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("lost")

    bucket.put_object = refuse  # type: ignore[method-assign]  # this very instance is to fail
    with pytest.raises(ConnectionError, match="lost"), payloads.uploads("t") as keep:
        keep((b"1",))
