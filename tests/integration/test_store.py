"""The repositories on moto's DynamoDB and S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infra.catalog import FUNCTIONS
from tests.support.backend_cloud import backend
from tests.support.listed_results import results
from workflow_engine.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RequestUnderWayError,
    ThrottledError,
    UnavailableError,
)
from workflow_engine.statuses import RunStatus
from workflow_engine.store import keys
from workflow_engine.store.deletions import REMEMBERED_SECONDS
from workflow_engine.store.executions import ASKED_FOR, Execution
from workflow_engine.store.idempotency import CLAIM_SECONDS, KEEP_SECONDS, Attempt, IdempotencyStore
from workflow_engine.store.items import MAX_INLINE_BYTES, Record
from workflow_engine.store.machines import MachineGeneration, MachineStore
from workflow_engine.store.table import Write
from workflow_engine.store.tables.dynamodb import DynamoTable
from workflow_engine.store.workflows import Compiled, StoredWorkflow
from workflow_engine.usecases.engine import Engine

NOW = 1_800_000_000


@pytest.fixture
def engine() -> Iterator[Engine]:
    with backend() as made:
        yield made


def workflow(**changes: Any) -> StoredWorkflow:
    compiled = Compiled({"config": {}}, {"steps": [], "sinks": []}, {}, ("step_data",), "hash", "arn:machine")
    document = {"name": "Name", "x": 1.5}
    made = StoredWorkflow("t", "w1", 1, "Name", document, "2026-01-01", "2026-01-01", compiled=compiled)
    return replace(made, **changes)


def execution(**changes: Any) -> Execution:
    made = Execution("t", "e1", "w1", 1, "Name", "running", "2026-01-01T00:00:00.000Z", "arn:execution:e1")
    return replace(made, **changes)


def test_a_workflow_comes_back_as_it_was_saved_floats_included(engine: Engine) -> None:
    engine.workflows.create(workflow())
    assert engine.workflows.newest("t", "w1") == workflow()
    assert engine.workflows.get("t", "w1", 1) == workflow()


def test_a_new_version_leaves_the_old_one_as_it_was(engine: Engine) -> None:
    engine.workflows.create(workflow())
    second = workflow(version=2, document={"name": "Name", "x": 2})
    engine.workflows.add_version(second)
    assert engine.workflows.newest("t", "w1") == second
    assert engine.workflows.get("t", "w1", 1) == workflow()
    versions = engine.workflows.versions("t", "w1", 10, None)
    assert [r["version"] for r in versions.records] == [2, 1]


def test_of_two_saves_at_once_one_is_refused(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.workflows.add_version(workflow(version=2))
    with pytest.raises(ConflictError):
        engine.workflows.add_version(workflow(version=2, name="Other"))
    with pytest.raises(ConflictError):
        engine.workflows.create(workflow())


def test_a_deleted_workflow_is_gone_and_its_versions_are_not(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.workflows.delete("t", "w1", NOW)
    with pytest.raises(NotFoundError):
        engine.workflows.newest("t", "w1")
    engine.workflows.delete("t", "w1", NOW + REMEMBERED_SECONDS)  # a client whose answer was lost
    with pytest.raises(NotFoundError):
        engine.workflows.delete("t", "w1", NOW + REMEMBERED_SECONDS + 1)
    with pytest.raises(ConflictError):
        engine.workflows.add_version(workflow(version=2))
    assert engine.workflows.get("t", "w1", 1) == workflow()
    assert engine.workflows.page("t", 10, None).records == []


def test_an_id_that_was_deleted_is_created_anew_and_counts_on(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.workflows.add_version(workflow(version=2))
    engine.workflows.delete("t", "w1", NOW)
    again = engine.workflows.create(workflow(name="Again"))
    assert (again.version, engine.workflows.newest("t", "w1")) == (3, again)
    assert [r["id"] for r in engine.workflows.page("t", 10, None).records] == ["w1"]


RECORDED: Record = {
    "pk": "T#t#WORKFLOW#w1",
    "tenant_id": "t",
    "workflow_id": "w1",
    "workflow_version": 1,
    "workflow_name": "Name",
    "content_hash": "a882323e761bbb1e0f4a1a09b8120d6a34cad485887bf76cba3e6c35dea791c9",
    "content": '{"document":{"name":"Name","x":1.5},"bindings":{"config":{}},"outline":{"steps":[],"sinks":[]},"plan":{},'
    '"functions":["step_data"],"fan_out":{}}',
    "machine_hash": "hash",
    "machine_arn": "arn:machine",
    "compiler": "",
    "created_at": "2026-01-01",
    "updated_at": "2026-01-01",
    "listed": True,
}
LISTED = {"sk": "META", "tenant_list": "T#t#WORKFLOWS", "tenant_order": "2026-01-01#w1"}


def test_a_workflow_lies_in_the_table_as_it_always_did(engine: Engine) -> None:
    engine.workflows.create(workflow())
    assert engine._table.get("T#t#WORKFLOW#w1", "META") == RECORDED | LISTED
    assert engine._table.get("T#t#WORKFLOW#w1", "VERSION#00000001") == RECORDED | {"sk": "VERSION#00000001"}


def test_a_workflow_that_an_earlier_service_marked_as_deleted_is_gone_and_its_id_free(engine: Engine) -> None:
    marked: Record = {"sk": "META", "workflow_version": 2, "deleted_at": "2026-01-02"}
    versions: list[Record] = [{"sk": "VERSION#00000001"}, {"sk": "VERSION#00000002", "workflow_version": 2}]
    for record in (marked, *versions):
        engine._table.put(Write(RECORDED | record))
    assert engine.workflows.find("t", "w1") is None
    assert engine.workflows.get("t", "w1", 1) == workflow()
    with pytest.raises(ConflictError):
        engine.workflows.add_version(workflow(version=3))
    with pytest.raises(NotFoundError):
        engine.workflows.delete("t", "w1", NOW)
    assert engine.workflows.create(workflow(name="Again")).version == 3
    assert engine.workflows.newest("t", "w1") == workflow(name="Again", version=3)


def test_what_another_attempt_at_the_request_has_created_is_given(engine: Engine) -> None:
    first = engine.workflows.create(workflow(request_id="r1"))
    engine.workflows.add_version(workflow(version=2))
    assert engine.workflows.create(workflow(name="Late", request_id="r1")) == first
    with pytest.raises(ConflictError, match="There is a workflow 'w1' already"):
        engine.workflows.create(workflow(request_id="r2"))
    engine.workflows.delete("t", "w1", NOW)
    again = engine.workflows.create(workflow(request_id="r2"))
    assert engine.workflows.create(workflow(request_id="r2")) == again
    assert engine.workflows.created_by_request("t", "w1", "r1") == first
    assert engine.workflows.created_by_request("t", "w1", "r3") is None


def test_tenants_do_not_see_each_other(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.executions.create(execution())
    with pytest.raises(NotFoundError):
        engine.workflows.newest("u", "w1")
    with pytest.raises(NotFoundError):
        engine.executions.get("u", "e1")
    assert engine.workflows.page("u", 10, None).records == []


def test_a_large_document_lies_in_s3_once(engine: Engine) -> None:
    large = workflow(document={"name": "Name", "text": "é" * MAX_INLINE_BYTES})
    engine.workflows.create(large)
    assert engine.workflows.newest("t", "w1") == large
    objects = engine.s3.list_objects_v2(Bucket=engine.settings.bucket_name)
    assert objects["KeyCount"] == 1


def test_lists_page_to_the_end_without_repeating(engine: Engine) -> None:
    for i in range(7):
        engine.workflows.create(workflow(id=f"w{i}", created_at=f"2026-01-0{i + 1}"))
    seen: list[str] = []
    cursor = None
    while True:
        page = engine.workflows.page("t", 3, cursor)
        seen += [r["id"] for r in page.records]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"w{i}" for i in range(6, -1, -1)]


def test_a_cursor_serves_its_own_list_only(engine: Engine) -> None:
    for i in range(3):
        engine.workflows.create(workflow(id=f"w{i}"))
    cursor = engine.workflows.page("t", 2, None).next_cursor
    assert cursor is not None
    with pytest.raises(InvalidRequestError):
        engine.workflows.page("u", 2, cursor)
    with pytest.raises(InvalidRequestError):
        engine.executions.page("t", None, None, 2, cursor)


def test_executions_are_listed_by_workflow_and_by_status(engine: Engine) -> None:
    for i in range(6):
        made = execution(
            execution_id=f"e{i}", workflow_id=f"w{i % 2}", execution_arn=f"arn:{i}", started_at=f"2026-01-0{i + 1}"
        )
        engine.executions.create(made)
        if i % 3 == 0:
            engine.executions.update_status(made, "completed", 0)

    def ids(workflow_id: str | None, status: str | None) -> list[str]:
        page = engine.executions.page("t", workflow_id, status, 10, None)
        return [r["execution_id"] for r in page.records]

    assert ids(None, None) == ["e5", "e4", "e3", "e2", "e1", "e0"]
    assert ids("w1", None) == ["e5", "e3", "e1"]
    assert ids(None, "completed") == ["e3", "e0"]
    assert ids("w0", "running") == ["e4", "e2"]


def test_a_filtered_list_fills_its_pages(engine: Engine) -> None:
    for i in range(9):
        made = execution(execution_id=f"e{i}", execution_arn=f"arn:{i}", started_at=f"2026-01-0{i + 1}")
        engine.executions.create(made)
        if i < 3:
            engine.executions.update_status(made, "failed", 0)
    page = engine.executions.page("t", None, "failed", 2, None)
    assert [r["execution_id"] for r in page.records] == ["e2", "e1"]


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([("completed", 0), ("running", 0)], ("completed", 0)),
        ([("failed", 0), ("completed", 0)], ("failed", 0)),
        ([("failed", 0), ("running", 1)], ("running", 1)),
        ([("failed", 0), ("completed", 1), ("failed", 0)], ("completed", 1)),
        ([("completed", 1), ("running", 1)], ("completed", 1)),
    ],
)
def test_a_status_is_never_overwritten_by_an_older_one(
    engine: Engine, updates: list[tuple[RunStatus, int]], expected: tuple[str, int]
) -> None:
    engine.executions.create(execution())
    for status, redrive_count in updates:
        engine.executions.update_status(execution(), status, redrive_count)
    found = engine.executions.get("t", "e1")
    assert (found.status, found.redrive_count) == expected


def test_a_run_that_ended_before_it_was_stopped_is_not_cancelled(engine: Engine) -> None:
    engine.executions.create(execution())
    assert engine.executions.update_status(execution(), "cancelled", 0, rank=ASKED_FOR)
    assert engine.executions.update_status(execution(), "completed", 0)
    assert not engine.executions.update_status(execution(), "cancelled", 0, rank=ASKED_FOR)
    assert engine.executions.get("t", "e1").status == "completed"


def test_what_another_attempt_has_taken_over_is_neither_moved_nor_removed_by_the_first(engine: Engine) -> None:
    first = execution(attempt_id="first")
    engine.executions.create(first)
    second = engine.executions.take_over(first, "second", "2026-01-01T00:01:00.000Z")

    engine.executions.remove(first)
    with pytest.raises(RequestUnderWayError):
        engine.executions.move(replace(first, execution_arn="arn:execution:other"))
    with pytest.raises(RequestUnderWayError):
        engine.executions.take_over(first, "third", "2026-01-01T00:01:01.000Z")

    assert engine.executions.find("t", "e1") == second
    engine.executions.remove(second)
    assert engine.executions.find("t", "e1") is None


def test_a_run_that_has_ended_is_not_taken_over(engine: Engine) -> None:
    engine.executions.create(execution(attempt_id="first"))
    engine.executions.update_status(execution(), "cancelled", 0, rank=ASKED_FOR)

    taken = engine.executions.take_over(execution(attempt_id="first"), "second", "2026-01-01T00:01:00.000Z")

    assert (taken.status, taken.attempt_id) == ("cancelled", "first")


def test_a_redrive_clears_the_error_and_the_end(engine: Engine) -> None:
    engine.executions.create(execution())
    engine.executions.update_status(execution(), "failed", 0, completed_at="now", error={"type": "X"})
    assert engine.executions.get("t", "e1").error == {"type": "X"}
    engine.executions.update_status(execution(), "running", 1)
    found = engine.executions.get("t", "e1")
    assert (found.error, found.completed_at) == (None, None)


def test_an_execution_is_found_by_its_arn(engine: Engine) -> None:
    engine.executions.create(execution(tags=["a"]))
    key = engine.executions.find_by_arn("arn:execution:e1")
    assert key is not None
    assert engine.executions.load(key) == execution(tags=["a"])
    assert engine.executions.find_by_arn("arn:execution:other") is None


def test_large_results_come_back(engine: Engine) -> None:
    outputs = [("a", "x" * (2 * MAX_INLINE_BYTES)), *((f"b{i}", str(i) * 30_000) for i in range(60))]
    engine.results.save("t", "e1", 0, lambda _: results(engine.results.payloads, *outputs))
    found = engine.results.find("t", "e1")
    assert found is not None
    page = found.page(max_bytes=10_000_000)
    assert [(r.key, r.result["output_data"]) for r in page.results] == outputs
    assert engine.results.find("t", "other") is None


def test_of_two_creations_of_a_machine_one_record_stands(engine: Engine) -> None:
    store = MachineStore(engine._table, engine._payloads)
    first = store.put("h", 1, "arn:1", "{}", "now")
    assert store.put("h", 1, "arn:1-late", "{}", "later") == first
    second = store.put("h", 2, "arn:2", "{}", "later")
    assert store.find("h") == second
    older, newer = (MachineGeneration("h", number, f"arn:{number}", "now", is_retired=False) for number in (1, 2))
    assert not store.retire(older, "now", "later")
    assert store.retire(newer, "now", "later")


class Clock:
    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


def test_a_claim_outlives_every_function_of_the_api() -> None:
    longest = max(function.timeout_seconds for function in FUNCTIONS if function.routes)

    assert longest + 10 <= CLAIM_SECONDS


def test_the_same_key_and_body_give_the_same_answer_without_working_again(engine: Engine) -> None:
    store = IdempotencyStore(engine._table, engine._payloads, Clock())
    done: list[int] = []

    def work(_: Attempt) -> dict[str, Any]:
        done.append(1)
        return {"answer": len(done), "float": 0.5}

    first = store.once("t", "op", "key", {"a": 1, "b": 2}, work)
    assert store.once("t", "op", "key", {"b": 2, "a": 1}, work) == first
    assert done == [1]
    assert store.once("t", "other", "key", {}, work)["answer"] == 2
    assert store.once("u", "op", "key", {}, work)["answer"] == 3
    assert store.once("t", "op", None, {}, work)["answer"] == 4


def test_the_same_key_with_another_body_is_a_conflict(engine: Engine) -> None:
    store = IdempotencyStore(engine._table, engine._payloads, Clock())
    store.once("t", "op", "key", {"a": 1}, lambda _: 1)
    with pytest.raises(ConflictError, match="another body"):
        store.once("t", "op", "key", {"a": 2}, lambda _: 2)


def test_a_second_request_while_the_first_is_under_way_is_a_conflict(engine: Engine) -> None:
    store = IdempotencyStore(engine._table, engine._payloads, Clock())

    def work(_: Attempt) -> Any:
        with pytest.raises(RequestUnderWayError, match="under way"):
            store.once("t", "op", "key", {}, lambda _: 2)
        return 1

    assert store.once("t", "op", "key", {}, work) == 1


def test_a_key_is_free_again_after_a_failure_a_crash_or_a_day(engine: Engine) -> None:
    clock = Clock()
    store = IdempotencyStore(engine._table, engine._payloads, clock)

    def refuse(_: Attempt) -> Any:
        raise NotFoundError("x")

    with pytest.raises(NotFoundError):
        store.once("t", "op", "key", {}, refuse)
    assert store.once("t", "op", "key", {}, lambda _: 1) == 1
    clock.time += KEEP_SECONDS + 1
    assert store.once("t", "op", "key", {"other": True}, lambda _: 2) == 2

    def crash(_: Attempt) -> Any:
        clock.time += CLAIM_SECONDS + 1
        assert store.once("t", "op", "crashed", {}, lambda _: 3) == 3
        return 4

    assert store.once("t", "op", "crashed", {}, crash) == 4
    assert store.once("t", "op", "crashed", {}, lambda _: 5) == 3


def test_a_claim_of_an_earlier_version_is_taken_over(engine: Engine) -> None:
    clock = Clock()
    store = IdempotencyStore(engine._table, engine._payloads, clock)

    def killed(_: Attempt) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.once("t", "op", "key", {}, killed)
    engine._table.update(keys.idempotency("t", "op", "key"), keys.META, {"made_id": None, "attempt_id": None})

    assert store.once("t", "op", "key", {}, lambda attempt: attempt.is_repeat) is False
    assert store.once("t", "op", "key", {}, lambda _: True) is False


def test_results_that_an_earlier_version_kept_are_read(engine: Engine) -> None:
    step = {"status": "completed", "output_data": 1}
    large = step | {"output_data": "x" * 70_000}
    kept = {"b[0]": step, "a": large, "b": step, "b[1]": step}
    answer = {"execution_id": "e1", "status": "completed", "output": {"a": "x" * 70_000}, "step_results": kept}
    record = {"pk": keys.execution("t", "e1"), "sk": keys.RESULTS, "tenant_id": "t", "results": json.dumps(answer)}
    engine._table.put(Write(record))

    found = engine.results.find("t", "e1")

    assert found is not None
    assert found.run == {"execution_id": "e1", "status": "completed"}
    assert found.large_output is not None
    assert found.load(found.large_output) == answer["output"]
    page = found.page(max_bytes=1_000_000, inline_up_to=100_000)
    assert {r.key: r.result for r in page.results} == kept
    assert [r.key for r in found.page(max_bytes=1_000_000, steps=["b"]).results] == ["b", "b[0]", "b[1]"]
    engine.results.save("t", "e1", 1, lambda _: replace(found, run={"status": "failed"}))
    redriven = engine.results.find("t", "e1")
    assert redriven is not None
    assert redriven.run == {"status": "failed"}


def test_every_record_carries_its_tenant(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.executions.create(execution())
    engine.results.save("t", "e1", 0, lambda _: results(engine.results.payloads))
    engine.steps.put("t", {"step_type": "ocr"}, "r1")
    engine.idempotency.once("t", "op", "key", {}, lambda _: 1)
    MachineStore(engine._table, engine._payloads).put("h", 1, "arn", "{}", "now")
    items = engine.dynamodb.scan(TableName=engine.settings.table_name)["Items"]
    assert len(items) == 8
    for item in items:
        tenant = item["tenant_id"]["S"]
        assert tenant in ("t", keys.PLATFORM)
        assert item["pk"]["S"].startswith(f"T#{tenant}#")


def test_registrations_are_found_in_one_batch(engine: Engine) -> None:
    for name in ("ocr", "translate"):
        _, is_new = engine.steps.put("t", {"step_type": name, "x": 1.5}, "r1")
        assert is_new
    found = engine.steps.find_many("t", ["ocr", "translate", "none", "ocr"])
    assert json.dumps(found, sort_keys=True) == json.dumps(
        {n: {"step_type": n, "version": 1, "x": 1.5} for n in ("ocr", "translate")}, sort_keys=True
    )
    assert engine.steps.find_many("t", []) == {}
    page, cursor = engine.steps.page("t", 1, None)
    assert [r["step_type"] for r in page] == ["ocr"]
    rest, _ = engine.steps.page("t", 5, cursor)
    assert [r["step_type"] for r in rest] == ["translate"]
    engine.steps.delete("t", "ocr", 0)
    assert engine.steps.find("t", "ocr") is None
    with pytest.raises(NotFoundError):
        engine.steps.delete("t", "other", 0)


def batches(engine: Engine, monkeypatch: pytest.MonkeyPatch, left_out: Callable[[int, int], int]) -> list[int]:
    """Let BatchGetItem leave out the last keys of a batch, as many as `left_out(call, keys)` says; gives their sizes."""
    stock, sizes = engine.dynamodb.batch_get_item, list[int]()

    def answer(RequestItems: Any) -> Any:  # noqa: N803  # botocore's name
        ((table, request),) = RequestItems.items()
        asked = request["Keys"]
        sizes.append(len(asked))
        given = len(asked) - left_out(len(sizes), len(asked))
        got: Any = {"Responses": {table: []}, "UnprocessedKeys": {}}
        if given:
            first: Any = {table: {**request, "Keys": asked[:given]}}
            got = stock(RequestItems=first)
        return {**got, "UnprocessedKeys": {table: {**request, "Keys": asked[given:]}} if asked[given:] else {}}

    monkeypatch.setattr(engine.dynamodb, "batch_get_item", answer)
    return sizes


def test_keys_that_a_batch_left_out_are_asked_for_again_after_a_pause(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    table = DynamoTable(engine.dynamodb, engine.settings.table_name, pauses.append)
    keys_ = [("p", f"s{n:03}") for n in range(150)]
    for pk, sk in keys_:
        table.put(Write({"pk": pk, "sk": sk}))
    # The first batch is refused, the rest is read with a part of it, then one of what is left, then all.
    sizes = batches(engine, monkeypatch, lambda call, keys: keys if call == 1 else keys - 1 if call == 3 else 0)
    assert sorted(r["sk"] for r in table.get_many(keys_)) == [sk for _, sk in keys_]
    assert sizes == [100, 100, 50, 49]
    assert len(pauses) == 2


def test_a_table_that_gives_nothing_of_a_batch_ends_as_throttling(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    table = DynamoTable(engine.dynamodb, engine.settings.table_name, pauses.append)
    sizes = batches(engine, monkeypatch, lambda _call, keys: keys)
    with pytest.raises(ThrottledError):
        table.get_many([("p", "s")])
    assert sizes == [1] * 6
    assert all(later > earlier for earlier, later in pairwise(pauses))
    assert sum(pauses) < 4


def test_a_lookup_by_an_index_is_throttled_like_any_other(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "Query")

    monkeypatch.setattr(engine.dynamodb, "query", refuse)
    with pytest.raises(ThrottledError):
        engine.executions.find_by_arn("arn:execution:e1")


def test_a_document_whose_reading_breaks_off_is_no_answer(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = engine._payloads.store("t", ["a" * MAX_INLINE_BYTES])

    class Broken:
        def read(self) -> bytes:
            raise ReadTimeoutError(endpoint_url="https://bucket")

    monkeypatch.setattr(engine.s3, "get_object", lambda **_: {"Body": Broken()})
    with pytest.raises(UnavailableError):
        engine._payloads.load(stored)
