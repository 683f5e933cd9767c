"""What lowering calls a state is what the reader of results takes it for."""

from __future__ import annotations

import pytest

from workflow_engine import state_names
from workflow_engine.state_names import derived_name, role_of, step_of, suffix_of

SUFFIXES = sorted(
    value
    for name, value in vars(state_names).items()
    if name.isupper() and isinstance(value, str) and value not in state_names.STATES_OF_THE_WORKFLOW
)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_derived_name_says_its_step_and_what_it_is_for(suffix: str) -> None:
    assert derived_name("a-1", suffix) == f"a-1.{suffix}"
    assert derived_name("a-1", suffix, 2) == f"a-1.{suffix}2"
    for name in (derived_name("a-1", suffix), derived_name("a-1", suffix, 12)):
        assert (step_of(name), role_of(name)) == ("a-1", suffix)


def test_a_step_s_own_state_has_no_suffix() -> None:
    assert (step_of("a"), suffix_of("a"), role_of("a")) == ("a", "", "")


def test_every_suffix_is_written_once() -> None:
    assert len(SUFFIXES) == len(set(SUFFIXES)) == 15
