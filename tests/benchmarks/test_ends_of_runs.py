"""1,000 runs end every second: nothing lags, nothing is lost, and an end costs one call of AWS. Simulated, with the real code."""

from __future__ import annotations

import statistics
import time
from collections import Counter

import pytest

from tests.support.ends_simulation import Load, Simulation, simulated
from workflow_engine.usecases.upkeep.archive_results import archive_results
from workflow_engine.usecases.upkeep.sweep_executions import sweep_executions

QUARTER_OF_AN_HOUR = 900


def percentile(values: list[float], of_100: int) -> float:
    return statistics.quantiles(values, n=100)[of_100 - 1]


def swept(simulation: Simulation) -> int:
    """Rounds of the sweeper until nothing is due; gives how many ends it recorded."""
    recorded = rounds = 0
    while simulation.wrong(outputs=False) and rounds < 10:
        simulation.clock.sleep(QUARTER_OF_AN_HOUR)
        recorded += sweep_executions(simulation.engine)["recorded"]
        rounds += 1
    return recorded


def writes_of_plain_ends(simulation: Simulation) -> Counter[tuple[str, ...]]:
    """What was asked of the table for each run that ended once and was told of once."""
    by_key = simulation.table.by_key
    return Counter(tuple(calls) for calls in by_key.values())


@pytest.mark.benchmark
def test_a_thousand_ends_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    with simulated(Load()) as simulation:
        coming = simulation.prepare()
        began = time.process_time()
        simulation.record(coming)
        cpu = (time.process_time() - began) / len(coming)
        calls = writes_of_plain_ends(simulation)
        last = max(at for at, _ in coming)
        asked_by_recorder = Counter(simulation.machines.calls)
        refused_to_recorder = simulation.machines.histories.refused
        unrecorded = len(simulation.wrong(outputs=False))
        recorded = swept(simulation)
        wrong_after_sweep = simulation.wrong(outputs=False)
        simulation.clock.sleep(QUARTER_OF_AN_HOUR)
        archived = archive_results(simulation.engine)["archived"]
        wrong = simulation.wrong(outputs=True)
    with capsys.disabled():
        print(f"\n{len(simulation.runs):,} runs, {len(coming):,} events in {simulation.load.seconds} s")
        print(f"  from an event to its record, p50 {percentile(simulation.lags, 50) * 1000:.0f} ms, ", end="")
        print(
            f"p99 {percentile(simulation.lags, 99) * 1000:.0f} ms; all done {simulation.drained_at - last:.1f} s after the last"
        )
        print(f"  calls of AWS for one end: {calls.most_common(3)}")
        print(
            f"  asked of Step Functions for left-out outputs: {dict(asked_by_recorder)}, refused {refused_to_recorder}"
        )
        print(f"  lost events: {unrecorded}, found by the sweeper: {recorded}; outputs archived: {archived}")
        print(f"  processor time for one end here: {cpu * 1000:.2f} ms")
    assert simulation.dead == 0
    assert percentile(simulation.lags, 99) < 1.0
    assert simulation.drained_at - last < 60  # the pauses of what was put back
    assert calls[("update",)] > 0.9 * len(simulation.runs)
    assert refused_to_recorder == 0
    assert unrecorded < 2 * simulation.load.lost * len(coming)
    assert wrong_after_sweep == []
    assert wrong == []
