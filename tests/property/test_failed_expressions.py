"""Wherever an expression stands and whatever it reads: its failure names the step, the entry, the references and the types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.property.test_compiler_properties import ARN, CATALOGUE, RUN
from tests.support.embedded_machines import EmbeddedMachines, embedded_machines
from tests.support.run_report import report
from workflow_engine.compiler import compile_workflow, execution_input
from workflow_engine.language import parse_workflow

VALUES: dict[str, Any] = {
    "a text": "abc",
    "an empty text": "",
    "a text that reads as a number": "12",
    "a boolean": False,
    "an empty list": [],
    "a list of 2 elements: 1 number, 1 null": [1, None],
    "an object with the key k": {"k": 1},
    "null": None,
}
SETTINGS = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def machines() -> Iterator[EmbeddedMachines]:
    with embedded_machines() as made:
        yield made


@st.composite
def cases(draw: Any) -> tuple[dict[str, Any], dict[str, Any], str, str]:
    """A workflow whose one expression fails, its input, the key of the failing step's result and what it read, in words."""
    words = draw(st.sampled_from(sorted(VALUES)))
    value = VALUES[words]
    before: list[dict[str, Any]] = [
        {"step_id": "given", "step_type": "data_input", "config": {"data": {"v": 1}}},
        {"step_id": "read", "step_type": "merge", "input_mapping": {"v": "input.v", "one": {"value": 1}}},
    ]
    source = draw(st.sampled_from(["input.v", "variables.v", "read.data.v", "near.data.v", "item.v"]))
    layers = draw(st.lists(st.sampled_from(["map", "loop", "switch"]), max_size=3))
    if source == "item.v" and "map" not in layers:
        layers.append("map")
    if source in ("read.data.v", "near.data.v") and value is None:  # what is null does not count as an input of a merge
        words = f"null: {source.removesuffix('.v')} was an object with the key one"
    critical = draw(st.booleans())
    text = f"$ref('given.data.v') + $ref('{source}') * 1"
    if not isinstance(value, str | bool):  # JSONata is not sure to refuse to multiply it
        text = f"$exists($ref('{source}')) ? $error('none') : $ref('given.data.v')"
    read = ["given.data.v (a number)", f"{source} ({words})"]
    bad = {
        "step_id": "bad",
        "step_type": "merge",
        "critical": critical,
        "input_mapping": {"fine": "given.data.v", "sum": {"expression": text}},
    }
    near = {"step_id": "near", "step_type": "merge", "input_mapping": {"v": "input.v", "one": {"value": 1}}}
    steps, key = [near, bad], "bad"
    for depth, layer in enumerate(layers):
        name = f"c{depth}"
        config: dict[str, Any]
        if layer == "map":
            config, part = {"items": "input.rows", "steps": steps}, f"{name}[0]"
        elif layer == "loop":
            config, part = {"max_iterations": 1, "while": "index < 1", "steps": steps}, f"{name}[0]"
        else:
            config, part = {"cases": [{"when": "input.yes", "steps": steps}]}, name
        steps, key = [{"step_id": name, "step_type": layer, "critical": critical, "config": config}], f"{part}.{key}"
    document = {"name": "x", "execution_pattern": "parallel", "variables": {"v": value}, "steps": before + steps}
    run_input = {"v": value, "rows": [{"v": value}], "yes": 1}
    told = sorted(read, key=lambda one: text.index(one.partition(" ")[0]))
    return document, run_input, key, ", ".join(told)


@SETTINGS
@given(case=cases())
def test_a_failed_expression_names_what_it_read(
    machines: EmbeddedMachines, case: tuple[dict[str, Any], dict[str, Any], str, str]
) -> None:
    document, run_input, key, read = case
    note(json.dumps([document, run_input]))
    parsed = parse_workflow(document, CATALOGUE)
    assert parsed.workflow is not None, parsed.diagnostics
    compiled = compile_workflow(parsed.workflow, CATALOGUE)
    arns = dict.fromkeys(compiled.bindings["functions"], ARN)
    ended = machines.run(
        dict(compiled.machine), execution_input(compiled.bindings, input=run_input, functions=arns, run=RUN)
    )
    told = report(ended.events, compiled.outline)
    step = told.step_results[key]
    assert step["status"] == "failed"
    message = step["error_message"]
    assert isinstance(message, str)
    assert message.startswith("The expression of 'sum' in the input_mapping of step 'bad' failed. ")
    assert message.endswith(f" It read {read}.")
    assert all(other["error_message"] in (None, message) for other in told.step_results.values()), (
        "a container around it fails for the same reason"
    )
    assert told.error is None or told.error["message"] == message
