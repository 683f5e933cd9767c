"""What is read from the Output of a machine."""

from __future__ import annotations

import pytest

from workflow_engine.run_output import MARKER, assigned_record, record_variable, run_output


def test_the_output_is_what_stands_beside_the_own_keys() -> None:
    read = run_output({"a": 1, "b": None, "_failed": ["c"]})
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


def test_the_record_of_the_last_state_is_among_the_variables_that_it_assigned() -> None:
    assert assigned_record({"s0_a": "1", record_variable(0): '{"a":1}'}) == '{"a":1}'
    assert assigned_record({"s0_a": "1"}) is None
