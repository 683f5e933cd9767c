"""What holds for all records on moto's DynamoDB and S3: tenants, creations at once, batches, throttling, broken reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.integration.store.records import execution, workflow
from tests.support.listed_results import results
from workflow_engine.errors import NotFoundError, ThrottledError, UnavailableError
from workflow_engine.store import keys
from workflow_engine.store.items import MAX_INLINE_BYTES
from workflow_engine.store.machines import MachineGeneration, MachineStore
from workflow_engine.store.table import Write
from workflow_engine.store.tables.dynamodb import DynamoTable
from workflow_engine.usecases.engine import Engine


def test_tenants_do_not_see_each_other(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.executions.create(execution())
    with pytest.raises(NotFoundError):
        engine.workflows.newest("u", "w1")
    with pytest.raises(NotFoundError):
        engine.executions.get("u", "e1")
    assert engine.workflows.page("u", 10, None).records == []


def test_of_two_creations_of_a_machine_one_record_stands(engine: Engine) -> None:
    store = MachineStore(engine._table, engine._payloads)
    first = store.put("h", 1, "arn:1", "{}", "now")
    assert store.put("h", 1, "arn:1-late", "{}", "later") == first
    second = store.put("h", 2, "arn:2", "{}", "later")
    assert store.find("h") == second
    older, newer = (MachineGeneration("h", number, f"arn:{number}", "now", is_retired=False) for number in (1, 2))
    assert not store.retire(older, "now", "later")
    assert store.retire(newer, "now", "later")


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
