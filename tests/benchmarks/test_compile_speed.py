"""Seconds that compiling takes, and what a definition holds, on random graphs of Lambda steps."""

from __future__ import annotations

import json
import random
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from workflow_engine.compiler import compile_workflow
from workflow_engine.compiler.asl import definition_text
from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue

pytestmark = pytest.mark.benchmark


def random_document(size: int, seed: int) -> dict[str, Any]:
    """Each step waits for 0 to 3 random earlier ones and reads one of them."""
    rng = random.Random(seed)
    steps: list[dict[str, Any]] = []
    for i in range(size):
        before = sorted(rng.sample(range(i), k=min(i, rng.randint(0, 3))))
        step: dict[str, Any] = {
            "step_id": f"s{i}",
            "step_type": "data_processing",
            "config": {"processing_type": "uppercase"},
            "dependencies": [f"s{p}" for p in before],
        }
        if before:
            step["input_mapping"] = {"input": f"s{before[0]}.result"}
        steps.append(step)
    return {"name": "random", "execution_pattern": "dependency", "steps": steps}


def test_seconds_to_parse_and_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile, verify and plan; definitions over 1 MB are measured all the same."""
    monkeypatch.setattr("workflow_engine.compiler.has_errors", lambda _: False)
    catalogue = builtin_catalogue()
    print("\n| steps | parse s | compile + verify + plan s | definition bytes per step | states per step |")
    print("|---|---|---|---|---|")
    for size in (10, 100, 1000, 2000):
        parses, compiles = [], []
        for seed in range(5 if size < 1000 else 2):
            document = random_document(size, seed)
            at = time.perf_counter()
            parsed = parse_workflow(document, catalogue)
            parses.append(time.perf_counter() - at)
            assert parsed.workflow is not None
            at = time.perf_counter()
            compiled = compile_workflow(parsed.workflow, catalogue)
            compiles.append(time.perf_counter() - at)
        length = len(definition_text(compiled.machine).encode())
        entered = compiled.plan["transitions_max"] / size
        seconds = f"{statistics.median(parses):.3f} | {statistics.median(compiles):.3f}"
        print(f"| {size} | {seconds} | {length / size:.0f} | {entered:.2f} |")


def test_states_per_step_of_chains() -> None:
    """Entered states per step: Lambda steps cost one each, pure steps fuse."""
    catalogue = builtin_catalogue()
    print("\n| chain of 50 | entered states per step |")
    print("|---|---|")
    kinds = {"Lambda steps": "uppercase", "pure data steps": "passthrough"}
    for name, processing in kinds.items():
        steps: list[dict[str, Any]] = [
            {"step_id": "s0", "step_type": "data_input", "config": {"input_type": "static", "data": {"text": "x"}}}
        ]
        steps += [
            {
                "step_id": f"s{i}",
                "step_type": "data_processing",
                "config": {"processing_type": processing},
                "input_mapping": {"input": f"s{i - 1}.{'data' if i == 1 else 'result'}"},
            }
            for i in range(1, 50)
        ]
        if processing == "uppercase":
            steps[0] = {"step_id": "s0", "step_type": "data_processing", "config": {"processing_type": "uppercase"}}
        parsed = parse_workflow({"name": "chain", "steps": steps}, catalogue)
        assert parsed.workflow is not None
        plan = compile_workflow(parsed.workflow, catalogue).plan
        print(f"| {name} | {plan['transitions_max'] / 50:.2f} |")
        assert plan["transitions_max"] / 50 <= (1.0 if processing == "uppercase" else 0.2)


def test_states_per_step_of_the_examples() -> None:
    """Entered states per step, fewest and most, of every example."""
    catalogue = builtin_catalogue()
    print("\n| example | steps | entered states, fewest | most |")
    print("|---|---|---|---|")
    for path in sorted((Path(__file__).parents[2] / "statemachines" / "examples").glob("*/workflow.json")):
        parsed = parse_workflow(json.loads(path.read_text(encoding="utf-8")), catalogue)
        assert parsed.workflow is not None
        plan = compile_workflow(parsed.workflow, catalogue).plan
        steps = len(parsed.workflow.steps)
        most = plan["transitions_max"]
        print(
            f"| {path.parent.name} | {steps} | {plan['transitions_min']} | {'depends on a list' if most is None else most} |"
        )
