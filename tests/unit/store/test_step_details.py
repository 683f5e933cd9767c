"""How details of steps are kept beside their results, and read back."""

from __future__ import annotations

from tests.support.listed_results import Listed, results
from workflow_engine.store import keys
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.results import ResultsStore, RunResults
from workflow_engine.store.step_details import CHUNK_BYTES, INLINE_BYTES, StepDetails
from workflow_engine.store.table import Write
from workflow_engine.store.tables.sqlite import SqliteTable

PAYLOADS = PayloadStore(MemoryObjects())


def _kept(known: dict[int, StepDetails], steps: int = 3) -> RunResults:
    """Results of a run of so many steps with these details, kept and read back."""
    store = ResultsStore(SqliteTable(), PAYLOADS)
    run = results(PAYLOADS, *((f"s{i}", i) for i in range(steps)))
    assert isinstance(run.steps, Listed)
    run.steps.known.update(known)
    store.save("t", "e", 0, lambda _: run)
    found = store.find("t", "e")
    assert found is not None
    return found


def test_details_are_found_by_the_result_that_they_are_of() -> None:
    details = StepDetails({"input_data": {"n": 1}, "config": {}}, None, [{"attempt": 1}], "f")
    steps = _kept({1: details}).steps
    assert [steps.details(i) for i in range(3)] == [None, details, None]


def test_details_too_large_for_the_record_are_found_in_their_chunks() -> None:
    text = "x" * (CHUNK_BYTES // 3)
    known = {i: StepDetails({"input_data": text, "config": i}, None, [], None) for i in range(0, 20, 2)}
    steps = _kept(known, 20).steps
    assert {i: found for i in range(20) if (found := steps.details(i)) is not None} == known
    assert steps.details(4) == known[4]


def test_a_record_stays_small_whatever_its_details_are() -> None:
    store = ResultsStore(table := SqliteTable(), PAYLOADS)
    run = results(PAYLOADS, *((f"s{i}", i) for i in range(50)))
    assert isinstance(run.steps, Listed)
    run.steps.known.update({i: StepDetails("y" * 10_000, None, [], None) for i in range(50)})
    store.save("t", "e", 0, lambda _: run)
    record = table.get(keys.execution("t", "e"), keys.RESULTS)
    assert record is not None
    assert len(record["details"]) <= INLINE_BYTES


def test_where_a_large_input_is_kept_is_read_back() -> None:
    details = StepDetails(None, ("s3:payloads/t/x", 70_000), [], None)
    assert _kept({0: details}).steps.details(0) == details


def test_results_that_were_kept_without_details_have_none() -> None:
    store = ResultsStore(table := SqliteTable(), PAYLOADS)
    store.save("t", "e", 0, lambda _: results(PAYLOADS, ("a", 1)))
    record = table.get(keys.execution("t", "e"), keys.RESULTS)
    assert record is not None
    del record["details"]
    table.put(Write(record))
    found = store.find("t", "e")
    assert found is not None
    assert found.steps.details(0) is None
