"""Of random workflows the plan places each step, and says what decides how long a run takes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings

from tests.property.test_compiler_properties import CATALOGUE, parsed
from tests.support.compiled import planned
from tests.support.random_workflows import workflows
from workflow_engine.compiler import Compilation, compile_workflow


@settings(max_examples=60, deadline=None)
@given(workflows())
def test_each_step_is_planned_once_and_none_before_what_it_waits_for(document: dict[str, Any]) -> None:
    found = compile_workflow(parsed(document), CATALOGUE)
    assert isinstance(found, Compilation)
    structure = found.plan["structure"]
    steps = {part["step"]: part for part in planned(structure)}
    assert sorted(steps) == sorted(s.step_id for s in found.graph.steps)
    assert sum(1 for _ in planned(structure)) == len(steps)
    ids = [s.step_id for s in found.graph.steps]
    for step_id, before in zip(ids, found.graph.predecessors, strict=True):
        assert all(steps[ids[earlier]]["end"] <= steps[step_id]["start"] for earlier in before)
    path = found.plan["critical_path"]
    assert structure["end"] == pytest.approx(found.plan["critical_path_seconds"])
    assert sum(steps[i]["end"] - steps[i]["start"] for i in path) == pytest.approx(structure["end"])
    assert all(steps[a]["end"] == pytest.approx(steps[b]["start"]) for a, b in itertools.pairwise(path))
    ends = {i: steps[i]["end"] for i in ids}
    for pair in found.plan["serialised_pairs"]:
        ready = max((ends[ids[p]] for p in found.graph.predecessors[ids.index(pair["after"])]), default=0.0)
        assert pair["seconds"] == pytest.approx(steps[pair["after"]]["start"] - ready)
        assert ends[pair["before"]] == pytest.approx(steps[pair["after"]]["start"])
