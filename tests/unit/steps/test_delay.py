"""How long a `delay` waits, and what it says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.steps.evaluation import ENTERED, StepCase, evaluate
from tests.unit.steps.json_values import JSON

LONGEST = 99_999_999
YEAR = 31_536_000


@pytest.mark.parametrize(
    ("requested", "seconds"),
    [
        (0, 0),
        (5, 5),
        (5.9, 5),
        (-1, 0),
        (-0.5, 0),
        (YEAR, YEAR),
        (YEAR + 1, None),
        (1e300, None),
        ("5", None),
        (None, None),
    ],
)
def test_seconds_are_rounded_down_to_none_at_least_and_a_year_at_most(requested: Any, seconds: int | None) -> None:
    assert StepCase("delay", mapping={"delay_seconds": requested}).wait_seconds() == seconds


def test_configured_seconds_come_before_mapped_ones() -> None:
    case = StepCase("delay", {"delay_seconds": 3}, mapping={"delay_seconds": 9})

    assert case.wait_seconds() == 3
    assert case.output() == {
        "delay_requested": 3,
        "delay_actual": 0,
        "started_at": ENTERED,
        "completed_at": ENTERED,
        "input_data": {"delay_seconds": 9},
        "success": True,
    }


def test_the_actual_delay_is_the_time_since_the_step_began() -> None:
    source = StepCase("delay", {"delay_seconds": 3}).output_source().replace("$millis()", "1767323049928")

    assert evaluate(source, {"config_delay_seconds": 3, "entered": ENTERED})["delay_actual"] == 4.25


@pytest.mark.parametrize(("letters", "repeated"), [(59_000, True), (61_000, False)])
def test_a_delay_repeats_its_input_unless_that_is_large(letters: int, repeated: bool) -> None:
    case = StepCase("delay", {"delay_seconds": 1}, dependencies={"a": ("\U0001f600" * letters,)})

    assert case.output()["input_data"] == (case.input_data() if repeated else None)


def test_a_delay_that_nothing_configures_is_invalid() -> None:
    assert StepCase("delay").wait_seconds() is None


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("2026-01-02T03:04:06Z", 1),
        ("2026-01-02T03:04:05.678Z", 0),
        ("2026-01-02T03:04:05.679Z", 1),
        ("2026-01-03T03:04:05.678+01:00", 23 * 3600),
    ],
)
def test_until_waits_for_the_rest_of_the_time_rounded_up(until: str, seconds: int) -> None:
    assert StepCase("delay", {"until": until}).wait_seconds() == seconds


def test_a_time_in_the_past_does_not_wait() -> None:
    assert StepCase("delay", mapping={"until": "0000-01-01T00:00:00Z"}).wait_seconds() == 0


def test_a_time_far_away_waits_as_long_as_a_wait_can() -> None:
    assert StepCase("delay", mapping={"until": "9999-12-31T23:59:59.999999999-23:59"}).wait_seconds() == LONGEST


@pytest.mark.parametrize(
    "until",
    [
        "tomorrow",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2030-13-01T00:00:00Z",
        "2030-04-31T00:00:00Z",
        "2030-02-30T00:00:00Z",
        "2030-01-01T24:00:00Z",
        "2030-01-01T00:00:60Z",
        "2030-01-01T00:00:00Z\n",
        " 2030-01-01T00:00:00Z",
        "+02030-01-01T00:00:00Z",
        "٢٠٣٠-01-01T00:00:00Z",
        5,
        None,
        ["2030-01-01T00:00:00Z"],
    ],
)
def test_what_is_no_timestamp_is_invalid(until: object) -> None:
    assert StepCase("delay", mapping={"until": until}).wait_seconds() is None


@given(moment=st.datetimes(), fraction=st.text("0123456789", max_size=9), offset=st.sampled_from(["Z", "-23:59"]))
def test_every_timestamp_of_the_pattern_is_read(moment: datetime, fraction: str, offset: str) -> None:
    text = moment.replace(microsecond=0).isoformat() + (f".{fraction}" if fraction else "") + offset

    assert 0 <= StepCase("delay", mapping={"until": text}).wait_seconds() <= LONGEST


def test_29_february_of_a_common_year_is_read() -> None:
    assert StepCase("delay", mapping={"until": "2023-02-29T00:00:00Z"}).wait_seconds() == 0


@given(value=JSON, key=st.sampled_from(["delay_seconds", "until"]))
def test_no_value_makes_a_delay_raise(value: Any, key: str) -> None:
    case = StepCase("delay", mapping={key: value})

    assert case.wait_seconds() is None or 0 <= case.wait_seconds() <= LONGEST
    assert case.output()["delay_requested"] == value
