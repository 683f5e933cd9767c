from __future__ import annotations

import io
from typing import Any

import pytest

from infra.local.progress import PlainProgress, advice_lines, duration, run_error, step_error


def results(status: str, output: Any = None, error: Any = None, **steps: dict[str, Any]) -> dict[str, Any]:
    return {"execution_id": "e-1", "status": status, "output": output, "error": error, "step_results": steps}


def test_plain_progress_prints_each_change_once() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream)
    progress.update(results("running", a={"status": "running"}, b={"status": "pending"}))
    progress.update(results("running", a={"status": "running"}, b={"status": "pending"}))
    failed = {"status": "failed", "error_type": "ValueError", "error_message": "no\n  good", "execution_time_ms": 12}
    progress.finish(
        results(
            "failed",
            error={"step_id": "b", "type": "ValueError", "message": "no good"},
            a={"status": "completed", "execution_time_ms": 1234},
            b=failed,
        )
    )
    assert stream.getvalue().splitlines() == [
        "[e-1 a] running",
        "[e-1 a] completed (1.2 s)",
        "[e-1 b] failed (12 ms) ValueError: no good",
        "run e-1: failed",
        "error: step b failed: ValueError: no good",
    ]


def test_plain_progress_ends_with_the_output() -> None:
    stream = io.StringIO()
    PlainProgress(stream).finish(results("completed", {"text": "ä"}))
    assert stream.getvalue() == 'run e-1: completed\n{\n  "text": "ä"\n}\n'


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, ""), (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_940, "59.9 s"), (125_000, "2 min 05 s")],
)
def test_durations_are_written_for_people(milliseconds: int | None, text: str) -> None:
    assert duration(milliseconds) == text


def test_a_long_error_is_cut() -> None:
    line = step_error({"error_type": "E", "error_message": "x" * 1000})
    assert len(line) == 200
    assert line.endswith("…")


def test_advice_on_a_runs_error_is_told_in_lines_with_the_finding_that_may_tell_it_before() -> None:
    advice = {"usual_cause": "A.", "what_to_do": "B.", "code": "WFE-E212", "docs": "docs/results.md"}
    told = [
        "Usual cause:     A.",
        "What to do:      B.",
        "More:            `workflow explain WFE-E212`, docs/results.md",
    ]
    assert advice_lines({"type": "T", "advice": advice}) == told
    assert advice_lines({"type": "T", "advice": {**advice, "code": None}})[2] == "More:            docs/results.md"
    assert advice_lines({"type": "T"}) == []


def test_an_error_without_a_step_is_the_runs() -> None:
    assert run_error({"step_id": None, "type": "States.Timeout", "message": ""}) == "run failed: States.Timeout"
