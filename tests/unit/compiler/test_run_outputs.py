"""The run's output at the end of a machine: what is carried there, what is guarded, what is left to the history."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.stepfunctions.jsonata import evaluate
from workflow_engine.compiler.jsonata.fragments import Text
from workflow_engine.compiler.jsonata.run_outputs import output_is_marked, output_of_run
from workflow_engine.run_output import MARKER

_MARK = dict(MARKER)


@pytest.mark.parametrize(
    ("value", "output", "marked"),
    [
        ({"_failed": []}, {}, False),
        ({"a": [1], "b": None, "_failed": ["x"]}, {"a": [1], "b": None}, False),
        ({"a": _MARK, "_failed": []}, {"a": _MARK}, True),
        ({"_in_history": True, "_failed": []}, {}, True),
        ({"a": 1, "_failed": [_MARK]}, {"a": 1}, False),
    ],
)
def test_a_machine_reads_what_another_one_gave(value: Any, output: Any, marked: bool) -> None:
    bindings = {"states": {"result": value}}
    result = Text("$states.result")
    assert evaluate(output_of_run(result).source()[0], bindings) == output
    assert evaluate(output_is_marked(result).source()[0], bindings) is marked
