"""Who counts runs: what it makes of a batch of the table's stream."""

from __future__ import annotations

from typing import Any

import pytest

from functions.run_counter import handler
from infra.local.table_stream import stream_event
from workflow_engine.errors import ThrottledError
from workflow_engine.store import keys
from workflow_engine.store.aggregates.contributions import Told
from workflow_engine.store.aggregates.stream import STREAM_FILTERS, streamed
from workflow_engine.store.executions import ENDED
from workflow_engine.store.items import Record

END: Record = {
    "pk": "T#t#EXECUTION#e",
    "sk": keys.META,
    "tenant_id": "t",
    "execution_id": "e",
    "workflow_id": "w",
    "workflow_version": 2,
    "workflow_name": "Name",
    "status": "completed",
    "status_rank": ENDED,
    "redrive_count": 0,
    "started_at": "2026-01-01T00:00:00.000Z",
    "completed_at": "2026-01-01T00:00:01.500Z",
    "output": "{}",
}
RESULTS: Record = {
    "pk": "T#t#EXECUTION#e",
    "sk": keys.RESULTS,
    "tenant_id": "t",
    "execution_id": "e",
    "redrive_count": 0,
    "measured": '{"retries":0}',
    "head": "{}",
}


class Fold:
    """Remembers what it is to count."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.error: Exception | None = None

    def add(self, told: list[Told]) -> int:
        if self.error:
            raise self.error
        self.told += told
        return len(told)


@pytest.fixture
def fold(monkeypatch: pytest.MonkeyPatch) -> Fold:
    made = Fold()
    monkeypatch.setattr(handler, "engine", lambda: type("Engine", (), {"fold": made}))
    return made


def failures(*records: Record) -> list[str]:
    answer = handler.handler(stream_event(list(enumerate(records, 11))), None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_ends_and_results_are_counted_with_their_numbers(fold: Fold) -> None:
    assert failures(END, RESULTS) == []
    assert [(one.run, one.number, type(one.what).__name__) for one in fold.told] == [
        (("t", "e"), 11, "End"),
        (("t", "e"), 12, "Measured"),
    ]


def test_what_tells_nothing_is_passed_over(fold: Fold) -> None:
    results_of_an_earlier_version = {name: value for name, value in RESULTS.items() if name != "measured"}
    assert failures({**END, "status_rank": 1}, results_of_an_earlier_version) == []
    assert fold.told == []


@pytest.mark.parametrize("broken", [{"completed_at": "soon"}, {"workflow_id": None}, {"tenant_id": None}], ids=str)
def test_a_record_that_cannot_be_read_is_named_and_the_others_are_counted(fold: Fold, broken: dict[str, Any]) -> None:
    record = {name: value for name, value in {**END, **broken}.items() if value is not None}
    assert failures(END, record, RESULTS) == ["12"]
    assert [one.number for one in fold.told] == [11, 13]


def test_results_that_cannot_be_read_are_named(fold: Fold) -> None:
    assert failures({**RESULTS, "measured": "{"}) == ["11"]


def test_all_is_told_again_while_the_table_is_busy(fold: Fold) -> None:
    fold.error = ThrottledError("busy")
    with pytest.raises(ThrottledError):
        failures(END)


def _fits(pattern: Any, value: Any) -> bool:
    """Lambda's filters, as far as these have them: fields by name, of which one value of a list must be equal."""
    if isinstance(pattern, list):
        return value in pattern
    return isinstance(value, dict) and all(
        name in value and _fits(inner, value[name]) for name, inner in pattern.items()
    )


@pytest.mark.parametrize(
    ("record", "is_told"),
    [
        (END, True),
        ({**END, "status_rank": 2}, False),
        ({**END, "status_rank": 33}, False),
        (RESULTS, True),
        ({**END, "sk": keys.START}, False),
        ({"pk": "T#t#WORKFLOW#w", "sk": keys.META, "tenant_id": "t"}, False),
        ({"pk": "T#t#COUNTED#e", "sk": keys.META, "tenant_id": "t"}, False),
    ],
)
def test_a_file_tells_of_the_same_writes_as_the_stream(record: Record, is_told: bool) -> None:
    (told,) = stream_event([(1, record)])["Records"]
    assert any(_fits(pattern, told) for pattern in STREAM_FILTERS) is is_told
    assert (streamed(record) is not None) is is_told


def test_a_file_keeps_only_what_is_counted() -> None:
    kept = streamed(END)
    assert kept is not None
    assert not {"output", "workflow_name"} & kept.keys()
    assert Told.of(kept, 1) == Told.of(END, 1)
