"""`make test` tries the same examples, whatever else a process has loaded, and in which order."""

from __future__ import annotations

import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st


def drawn_values() -> list[list[object]]:
    """What hypothesis gives a test."""
    values: list[list[object]] = []

    @given(st.tuples(st.text(), st.integers(), st.text(), st.floats(allow_nan=False)).map(list))
    def note(value: list[object]) -> None:
        values.append(value)

    note()
    return values


def drawn_by_a_process(loaded_first: str) -> list[list[object]]:
    program = f"import json, tests.conftest, {loaded_first}\n"
    program += "from tests.unit.support.test_fixed_examples import drawn_values\nprint(json.dumps(drawn_values()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    values: list[list[object]] = json.loads(done.stdout)
    return values


def test_two_processes_that_have_loaded_different_modules_draw_the_same() -> None:
    first, second = drawn_by_a_process("json"), drawn_by_a_process("infra.catalog, agent_tools.builtin.markup")
    assert len(first) == 100
    assert first == second
