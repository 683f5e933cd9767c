"""Map in its distributed mode."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.journal import Head, MemoryJournal
from infra.local.stepfunctions.payloads import NoSuchObjectError
from infra.local.stepfunctions.shapes import described
from tests.local.stepfunctions.support import (
    EndedRun,
    branch,
    create,
    ended,
    engine,
    in_skipping_time,
    single,
    task,
    until,
)

GET = "arn:aws:states:::s3:getObject"
PUT = "arn:aws:states:::s3:putObject"


class Shelf:
    """A payload store in memory."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects

    def read(self, bucket: str, key: str) -> bytes:
        if key not in self.objects:
            raise NoSuchObjectError(f"There is no object '{key}' in '{bucket}'.")
        return self.objects[key]

    def write(self, bucket: str, key: str, content: bytes) -> None:
        self.objects[key] = content

    def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        return [(key, len(content)) for key, content in sorted(self.objects.items()) if key.startswith(prefix)]


def distributed(state: dict[str, Any], kind: str = "STANDARD", **more: Any) -> dict[str, Any]:
    processor = {**branch("I", state), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    return {"Type": "Map", "ItemProcessor": processor, "Label": "each", "End": True, **more}


def run_map(
    state: dict[str, Any], value: Any = None, handlers: Any = None, shelf: Any = None
) -> tuple[EndedRun, list[Head]]:
    async def work() -> tuple[EndedRun, list[Head]]:
        on = engine(None, handlers, payloads=shelf)
        run = await ended(on, on.start(create(on, single(state)), json.dumps(value or {})).arn)
        [arn] = [e["mapRunStartedEventDetails"]["mapRunArn"] for e in run.of("MapRunStarted")]
        return run, on.journal.heads("", None, 0, 1000, map_run=arn)

    return in_skipping_time(work)


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_each_item_is_the_input_of_a_child(kind: str) -> None:
    pass_ = {"Type": "Pass", "Output": "{% [$states.input, $states.context.Execution.Input] %}"}
    run, children = run_map(distributed(pass_, kind, Items=[1, 2, 3], MaxConcurrency=2))
    assert run.output == [[1, 1], [2, 2], [3, 3]]
    assert run.types()[1:] == [
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    assert Counter((child.kind, child.status) for child in children) == {(kind, "SUCCEEDED"): 3}


def test_items_are_selected_and_batched() -> None:
    selector = {"i": "{% $states.context.Map.Item.Index %}", "v": "{% $states.context.Map.Item.Value %}"}
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"shared": "{% $states.input.x %}"}}
    state = distributed({"Type": "Pass"}, Items=["a", "b", "c"], ItemSelector=selector, ItemBatcher=batcher)
    run, _ = run_map(state, {"x": 7})
    first = {"BatchInput": {"shared": 7}, "Items": [{"i": 0, "v": "a"}, {"i": 1, "v": "b"}]}
    assert run.output == [first, {"BatchInput": {"shared": 7}, "Items": [{"i": 2, "v": "c"}]}]


def test_a_child_that_fails_fails_the_map_run_and_stops_the_others() -> None:
    each = {"Type": "Wait", "Seconds": "{% $states.input > 0 ? 9999 : -1 %}"}
    run, children = run_map(distributed(each, Items=[1, 0, 2]))
    assert (run.status, run.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert Counter(child.status for child in children) == {"FAILED": 1, "ABORTED": 2}
    assert run.types()[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        ({"ToleratedFailureCount": 1}, "FAILED"),
        ({"ToleratedFailureCount": 2}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": "{% 49 %}"}, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, "SUCCEEDED"),
    ],
)
def test_so_many_children_may_fail_as_are_tolerated(tolerance: dict[str, Any], status: str) -> None:
    each = {"Type": "Pass", "Output": "{% $states.input > 0 ? $states.input %}"}
    run, _ = run_map(distributed(each, Items=[1, 0, 2, 0], MaxConcurrency=1, **tolerance))
    assert run.status == status
    assert run.output == ([1, 2] if status == "SUCCEEDED" else None)


@pytest.mark.parametrize(
    ("content", "config", "items"),
    [
        (b'[1,{"a":2}]', {"InputType": "JSON"}, [1, {"a": 2}]),
        (b'{"k":1}', {}, [{"Key": "k", "Value": 1}]),
        (b'1\n\n{"a":"\xc3\xa9"}\n', {"InputType": "JSONL"}, [1, {"a": "é"}]),
        (b'a,b\n1,"x,y"\n2,z\n', {"InputType": "CSV"}, [{"a": "1", "b": "x,y"}, {"a": "2", "b": "z"}]),
        (
            b"1|2\n",
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["p", "q"], "CSVDelimiter": "PIPE"},
            [{"p": "1", "q": "2"}],
        ),
        (b"[1,2,3]", {"InputType": "JSON", "MaxItems": 2}, [1, 2]),
    ],
)
def test_items_are_read_from_an_object(content: bytes, config: dict[str, Any], items: list[Any]) -> None:
    reader = {"Resource": GET, "Arguments": {"Bucket": "b", "Key": "{% $states.input.key %}"}, "ReaderConfig": config}
    run, _ = run_map(distributed({"Type": "Pass"}, ItemReader=reader), {"key": "in"}, shelf=Shelf(**{"in": content}))
    assert run.output == items


@pytest.mark.parametrize(
    ("content", "told"), [(b"{", "is no JSON"), (b"1", "holds no array"), (None, "no object 'in'")]
)
def test_items_that_cannot_be_read_fail_the_map_run(content: bytes | None, told: str) -> None:
    reader = {"Resource": GET, "Arguments": {"Bucket": "b", "Key": "in"}}
    shelf = Shelf(**({} if content is None else {"in": content}))
    run, _ = run_map(distributed({"Type": "Pass"}, ItemReader=reader), shelf=shelf)
    assert run.error == "States.ItemReaderFailed"
    assert told in (run.cause or "")


def test_results_are_written_beside_each_other() -> None:
    writer = {"Resource": PUT, "Arguments": {"Bucket": "b", "Prefix": "out"}}
    each = {"Type": "Pass", "Output": "{% $states.input > 0 ? $states.input %}"}
    shelf = Shelf()
    state = distributed(each, Items=[1, 0], ResultWriter=writer, ToleratedFailureCount=1)
    run, _ = run_map(state, shelf=shelf)
    details = run.output["ResultWriterDetails"]
    manifest = json.loads(shelf.objects[details["Key"]])
    assert details["Bucket"] == manifest["DestinationBucket"] == "b"
    files = manifest["ResultFiles"]
    [succeeded] = json.loads(shelf.objects[files["SUCCEEDED"][0]["Key"]])
    [failed] = json.loads(shelf.objects[files["FAILED"][0]["Key"]])
    assert (succeeded["Output"], failed["Error"]) == ("1", "States.QueryEvaluationError")


def test_a_redrive_runs_only_the_children_again_that_did_not_succeed() -> None:
    calls: Counter[int] = Counter()
    journal, is_mended = MemoryJournal(), False

    def handler(event: int, context: Any) -> int:
        calls[event] += 1
        if event == 3 and not is_mended:
            raise ValueError("no")
        return event

    each = task("f", "{% $states.input %}", Output="{% $states.result.Payload %}")

    async def begin() -> EndedRun:
        on = engine(journal, {"f": handler})
        state = distributed(each, Items=[1, 2, 3, 4], MaxConcurrency=1)
        return await ended(on, on.start(create(on, single(state)), "{}").arn)

    before = in_skipping_time(begin)
    assert (before.status, calls) == ("FAILED", {1: 1, 2: 1, 3: 1})
    is_mended = True

    async def again() -> EndedRun:
        on = engine(journal, {"f": handler})
        await asyncio.sleep(1)
        on.redrive(before.head.arn)
        return await ended(on, before.head.arn)

    after = in_skipping_time(again)
    assert (after.output, calls) == ([1, 2, 3, 4], {1: 1, 2: 1, 3: 2, 4: 1})
    assert after.types()[len(before.types()) :][:2] == ["ExecutionRedriven", "MapRunRedriven"]


@pytest.mark.parametrize(("kind", "again"), [("STANDARD", {"a": 1, "b": 2}), ("EXPRESS", {"a": 2, "b": 2})])
def test_a_child_that_is_redriven_goes_on_and_an_express_one_begins_again(kind: str, again: dict[str, int]) -> None:
    calls: Counter[str] = Counter()

    def handler(event: str, context: Any) -> str:
        calls[event] += 1
        if event == "b" and calls["b"] == 1:
            raise ValueError("no")
        return event

    steps = {"a": task("f", "a", Next="b"), "b": task("f", "b", Output=1)}
    processor = {"StartAt": "a", "States": steps, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    state = {"Type": "Map", "Items": [1], "ItemProcessor": processor, "End": True}

    async def work() -> EndedRun:
        on = engine(None, {"f": handler})
        arn = on.start(create(on, single(state)), "{}").arn
        await on.end_of(arn)
        [child] = on.journal.heads("", None, 0, 9, map_run=map_run_of(on, arn))
        assert described(child, on.why_not_redrivable(child))["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
        await asyncio.sleep(1)
        on.redrive(arn)
        return await ended(on, arn)

    assert in_skipping_time(work).output == [1]
    assert calls == again


def map_run_of(on: Engine, arn: str) -> str:
    [started] = [entry for entry in on.journal.entries(arn) if entry.type == "MapRunStarted"]
    name: str = started.fields["mapRunArn"]
    return name


def test_a_map_run_that_was_too_large_runs_wholly_again() -> None:
    calls: Counter[int] = Counter()

    def handler(event: int, context: Any) -> int:
        calls[event] += 1
        return event

    each = task("f", "{% $states.input %}", Output="{% $pad('', 200000, 'x') %}")
    state = distributed(each, Items=[1, 2], Output=0)

    async def work() -> EndedRun:
        on = engine(None, {"f": handler})
        arn = on.start(create(on, single(state)), "{}").arn
        assert (await on.end_of(arn)).error == "States.DataLimitExceeded"
        await asyncio.sleep(1)
        on.redrive(arn)
        return await ended(on, arn)

    run = in_skipping_time(work)
    assert (run.error, calls) == ("States.DataLimitExceeded", {1: 2, 2: 2})
    assert len({e["mapRunStartedEventDetails"]["mapRunArn"] for e in run.of("MapRunStarted")}) == 2


def test_children_that_had_ended_are_not_run_again_after_a_restart() -> None:
    calls: Counter[int] = Counter()
    journal = MemoryJournal()

    def handler(event: int, context: Any) -> int:
        calls[event] += 1
        return event

    each = {
        "StartAt": "t",
        "States": {
            "t": task("f", Output="{% $states.result.Payload %}", Next="w"),
            "w": {"Type": "Wait", "Seconds": 60, "End": True},
        },
    }
    processor = {**each, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    state = {"Type": "Map", "Items": [1, 2, 3, 4], "MaxConcurrency": 2, "ItemProcessor": processor, "End": True}
    arns: list[str] = []

    async def begin() -> None:
        on = engine(journal, {"f": handler})
        arns.append(on.start(create(on, single(state)), "{}").arn)
        await asyncio.sleep(90)
        on.close()

    in_skipping_time(begin)
    assert calls == {1: 1, 2: 1, 3: 1, 4: 1}

    async def again() -> EndedRun:
        on = engine(journal, {"f": handler})
        on.recover()
        return await ended(on, arns[0])

    assert in_skipping_time(again).output == [1, 2, 3, 4]
    assert set(calls.values()) == {1}
    assert len(journal.all_heads()) == 5


def test_the_children_of_a_run_that_is_stopped_as_soon_as_it_comes_back_are_stopped() -> None:
    journal = MemoryJournal()
    state = distributed({"Type": "Wait", "Seconds": 9999, "End": True}, Items=[1, 2])

    async def begin() -> str:
        on = engine(journal)
        arn = on.start(create(on, single(state)), "{}").arn
        await until(lambda: len(journal.all_heads()) == 3)
        on.close()
        return arn

    async def again() -> None:
        on = engine(journal)
        on.recover()
        on.stop_run(arn, None, None)
        assert [head.status for head in journal.all_heads()] == ["ABORTED"] * 3
        on.close()

    arn = in_skipping_time(begin)
    in_skipping_time(again)
