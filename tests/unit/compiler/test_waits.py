"""Delays as states, and what is said of them before the run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiled import compiled, states


def delay(**fields: Any) -> dict[str, Any]:
    return {"step_id": "d", "step_type": "delay", **fields}


def warnings(*steps: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(d.code, d.pointer, d.detail) for d in compiled(*steps).warnings]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"config": {"delay_seconds": 1.5}}, "/steps/0/config/delay_seconds"),
        ({"parameters": {"delay_seconds": 1.5}}, "/steps/0/parameters/delay_seconds"),
        ({"input_mapping": {"delay_seconds": {"value": 1.5}}}, "/steps/0/input_mapping/delay_seconds"),
    ],
)
def test_a_part_of_a_second_that_is_dropped_is_a_warning(fields: dict[str, Any], place: str) -> None:
    told = "Step Functions waits for whole seconds, so 'delay_seconds' 1.5 is taken for 1."
    assert warnings(delay(**fields)) == [("WFE-W106", place, told)]


@pytest.mark.parametrize("seconds", [0, 2, 2.0])
def test_whole_seconds_are_taken_without_a_word(seconds: float) -> None:
    assert warnings(delay(config={"delay_seconds": seconds})) == []


def test_a_delay_that_may_fail_by_an_expression_has_a_state_around_it_that_catches() -> None:
    mapping = {"delay_seconds": {"expression": "$ref('input.n') * 2"}}
    tolerated = states(compiled(delay(critical=False, input_mapping=mapping)))
    assert tolerated["d.try"]["Type"] == "Parallel"
    assert "Catch" in tolerated["d.try"]
    plain = states(compiled(delay(critical=False, input_mapping={"delay_seconds": "input.n"})))
    assert "d.try" not in plain
