"""What is read from the Output of a machine."""

from __future__ import annotations

import pytest

from workflow_engine.run_output import MARKER, run_output, step_records


def test_the_output_is_what_stands_beside_the_own_keys() -> None:
    read = run_output({"a": 1, "b": None, "_failed": ["c"], "_steps": {"a": 1, "p": 2}})
    assert (read.output, read.failed_steps, read.marked) == ({"a": 1, "b": None}, ("c",), False)


def test_a_run_without_sinks_that_completed_has_an_empty_output() -> None:
    read = run_output({"_failed": []})
    assert (read.output, read.failed_steps, read.marked) == ({}, (), False)


@pytest.mark.parametrize(
    "value",
    [
        {"a": dict(MARKER), "b": 1, "_failed": []},
        {"_in_history": True, "_failed": []},
        {"a": 1, "_failed": ["b", dict(MARKER)]},
    ],
    ids=["one sink", "all of it", "failures in a container"],
)
def test_a_marker_asks_for_the_history(value: object) -> None:
    assert run_output(value).marked


@pytest.mark.parametrize("value", [{}, {"a": 1}, None, [1], {"_failed": {"state": "x"}}])
def test_the_output_of_a_machine_of_an_earlier_version_asks_for_the_history(value: object) -> None:
    assert run_output(value).marked


def test_the_last_state_has_its_record_beside_the_output_of_the_run() -> None:
    assert step_records({"a": dict(MARKER), "_failed": [], "_steps": {"a": 1}}) == {"a": 1}
    assert step_records({"a": 1}) == {"a": 1}
