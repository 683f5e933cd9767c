"""Random workflows whose steps give as much as Step Functions carries, or nearly: what is carried to the end of a run for its
output never fails a run that completes without it, and is what the steps gave.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import event, example, given, note, settings
from hypothesis import strategies as st

from tests.property.test_compiler_properties import ARN, RUN, SETTINGS, cost
from tests.support.embedded_machines import EmbeddedMachines, EndedRun, embedded_machines
from tests.support.random_workflows import timeless
from tests.support.run_report import report
from workflow_engine.aws_quotas import PAYLOAD_BYTES
from workflow_engine.compiler import Compilation, compile_workflow, execution_input
from workflow_engine.language import parse_workflow
from workflow_engine.run_output import MARKER, run_output
from workflow_engine.steps import builtin_catalogue

FILLER: Final = "filler"
CATALOGUE: Final = builtin_catalogue().with_registered([{"step_type": FILLER}])
INPUT: Final = {"yes": True, "no": False, "sizes": [10, 60_000, 100_000], "few": [1, 2]}

_UNITS: Final[dict[str, Any]] = {
    "ascii": "x",
    "escaped": '"\n\u0001',
    "latin": "aé",
    "wide": "漢",
    "astral": "😀",
    "decimals": [0.30000000000000004, 1.5],
    "keys": {"a": [], "b": None},
}
_SIZES: Final = (0, 100, 7_000, 30_000, 70_000, 110_000, 125_000, 170_000, 235_000, 250_000, PAYLOAD_BYTES - 600)


class FillerFailedError(Exception):
    """What a step raises that is told to fail."""


def filled(kind: str, size: int) -> Any:
    """A value whose JSON has about `size` bytes, never more."""
    unit = _UNITS[kind]
    text = json.dumps(unit, ensure_ascii=False, separators=(",", ":")).encode()
    count = size // (len(text) + 1 if not isinstance(unit, str) else len(text) - 2)
    return unit * count if isinstance(unit, str) else [unit] * count


def fill(event: dict[str, Any], _context: object) -> Any:
    """The Lambda function of the steps."""
    config, data = event["step_config"]["config"], event["input_data"]
    if config.get("fail"):
        raise FillerFailedError("told to fail")
    size = data["size"] if isinstance(data.get("size"), int) else config["size"]
    return {"n": len(data), "value": filled(config["kind"], size)}


@pytest.fixture(scope="module")
def machines() -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: fill}) as made:
        yield made


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Workflows without an explicit output. Most steps read little of others, so that the run comes to its end."""
    steps: list[dict[str, Any]] = []
    little: dict[str, str] = {}
    for number in range(draw(st.integers(2, 8))):
        before = [step["step_id"] for step in steps]
        waits = draw(st.lists(st.sampled_from(before), max_size=2, unique=True)) if before else []
        step: dict[str, Any] = {"step_id": f"s{number}", "dependencies": waits}
        read = {one: draw(st.sampled_from([little[one], little[one], little[one], one])) for one in waits}
        match draw(st.integers(0, 9)):
            case 0 | 1:
                step |= {"step_type": "merge", "config": {"mode": "wait_all", "combine_mode": "array"}}
                read = read or {"sizes": "input.sizes"}
            case 2:
                step |= {"step_type": "output", "config": {}}
            case 3 if draw(st.booleans()):
                step |= {"step_type": "delay", "config": {"delay_seconds": 1}}
            case 4:
                lists = ["input.sizes", "input.few"]
                step |= {"step_type": FILLER, "for_each": draw(st.sampled_from(lists))}
                read |= {"size": "item"}
            case 5:
                inner = _filler(draw, f"i{number}") | {"input_mapping": {"size": "item"}}
                step |= {
                    "step_type": "map",
                    "config": {"items": "input.few", "steps": [inner], "output": {"size": f"i{number}.n"}},
                }
                read = {}
            case 6:
                case = {
                    "when": draw(st.sampled_from(["input.yes", "input.no"])),
                    "steps": [_filler(draw, f"c{number}")],
                }
                step |= {"step_type": "switch", "config": {"cases": [case]}}
                if draw(st.booleans()):
                    step["config"]["output"] = {"case": f"c{number}"}
                read = {}
            case _:
                step["step_type"] = FILLER
        if step["step_type"] == FILLER:
            step["config"] = _filler(draw, "")["config"]
        if step["step_type"] not in ("map", "switch"):
            step["input_mapping"] = read
        if draw(st.integers(0, 3)) == 0:
            step["conditions"] = draw(st.sampled_from(["input.yes", "input.no"]))
        if draw(st.integers(0, 3)) == 0:
            step["critical"] = False
            if step["step_type"] == FILLER and draw(st.booleans()):
                step["config"]["fail"] = True
        if draw(st.integers(0, 4)) == 0:
            step["trigger_rule"] = "all_done"
        is_plain = step["step_type"] == FILLER and "for_each" not in step
        little[step["step_id"]] = step["step_id"] + (".n" if is_plain else ".status")
        steps.append(step)
    document: dict[str, Any] = {
        "name": "carried",
        "execution_pattern": draw(st.sampled_from(["parallel", "parallel", "parallel", "sequential"])),
        "steps": steps,
    }
    if draw(st.integers(0, 3)) == 0:
        read = draw(st.sampled_from([{}, {"a": little["s0"]}, {"a": "s1"}]))
        document["on_failure"] = [_filler(draw, "after") | {"input_mapping": read}]
    return document


def _filler(draw: st.DrawFn, step_id: str) -> dict[str, Any]:
    config = {"kind": draw(st.sampled_from(sorted(_UNITS))), "size": draw(st.sampled_from(_SIZES))}
    return {"step_id": step_id, "step_type": FILLER, "config": config}


def compiled(document: dict[str, Any]) -> Compilation:
    parsed = parse_workflow(document, CATALOGUE)
    assert parsed.workflow is not None, parsed.diagnostics
    return compile_workflow(parsed.workflow, CATALOGUE)


def run(machines: EmbeddedMachines, compilation: Compilation) -> EndedRun:
    arns = dict.fromkeys(compilation.bindings["functions"], ARN)
    value = execution_input(compilation.bindings, input=INPUT, functions=arns, run=RUN)
    return machines.run(dict(compilation.machine), value)


def of(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"name": "carried", "execution_pattern": "parallel", "steps": list(steps)}


def step(step_id: str, size: int, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": FILLER, "config": {"kind": "ascii", "size": size}, **fields}


_TOGETHER_TOO_LARGE: Final = of(step("a", 200_000), step("b", 200_000))
_BESIDE_WHAT_IS_READ: Final = of(
    step("a", 0, estimated_seconds=1),
    step("b", 0, estimated_seconds=1),
    step("c", 180_000, estimated_seconds=1, input_mapping={"b": "b.n"}),
    step("sink", 100_000, estimated_seconds=1, input_mapping={"a": "a.n", "b": "b.n"}),
    step("last", 0, estimated_seconds=10, input_mapping={"c": "c.value"}),
)
_BESIDE_A_RECORD: Final = of(
    step("a", 200_000),
    {"step_id": "pass", "step_type": "merge", "input_mapping": {"a": "a"}, "conditions": "input.yes"},
    step("b", 100_000, conditions="a.n == 0"),
)


@settings(SETTINGS, max_examples=30)
@given(document=documents())
@example(document=_TOGETHER_TOO_LARGE)
@example(document=_BESIDE_WHAT_IS_READ)
@example(document=_BESIDE_A_RECORD)
def test_what_is_carried_to_the_end_never_fails_a_run_that_completes_without(
    machines: EmbeddedMachines, document: dict[str, Any]
) -> None:
    note(json.dumps(document))
    carrying, plain = compiled(document), compiled({**document, "output": {"nothing": {"value": 1}}})
    without = run(machines, plain)
    ended = run(machines, carrying)
    event(without.status)
    if without.status != "SUCCEEDED":
        return
    assert ended.status == "SUCCEEDED", (ended.error, (ended.cause or "")[:300])
    assert cost(ended).transitions <= cost(without).transitions
    steps = report(without.events, plain.outline).step_results
    sinks = {s: steps[s]["output_data"] for s in carrying.outline["sinks"] if steps[s]["status"] == "completed"}
    told = run_output(ended.output)
    event("marked" if told.marked else "carried")
    carried = {name: value for name, value in told.output.items() if value != MARKER}
    assert settled(carried) == settled({name: sinks[name] for name in carried})
    if not told.marked:
        assert carried.keys() == sinks.keys()
        own = [s["step_id"] for s in document["steps"]]
        assert sorted(told.failed_steps) == sorted(s for s in own if steps[s]["status"] == "failed")
    read = report(ended.events, carrying.outline)
    assert settled(read.output) == settled(sinks)
    for key, result in read.step_results.items():
        assert settled(result["output_data"]) == settled(steps[key]["output_data"]), key


_DELAY: Final = re.compile(r'"delay_actual": [0-9.]+')


def settled(value: Any) -> Any:
    """The value without what depends on the time: a wait that is computed twice, or in another run, has taken another one."""
    return json.loads(_DELAY.sub('"delay_actual": 0', json.dumps(timeless(value))))
