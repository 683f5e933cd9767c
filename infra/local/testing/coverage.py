"""Which steps and which ways of decisions the cases of workflows went through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from infra.local.mocking.documents import Document, shown_path
from infra.local.testing.expectations import step_of_key
from infra.local.testing.flows import Branch, Flow
from infra.local.testing.observed import Observed
from workflow_engine.lazy_dataclass import dataclass

_RAN = frozenset({"completed", "failed", "aborted", "running"})


@dataclass(slots=True)
class Covered:
    """One workflow, and what of it was gone through."""

    file: str
    flow: Flow
    document: Document
    steps: set[str] = field(default_factory=set)
    choices: set[tuple[str, int | None]] = field(default_factory=set)

    def add(self, observed: Observed) -> None:
        """What a case went through."""
        self.steps |= {step_of_key(key) for key, result in observed.steps.items() if result["status"] in _RAN}
        self.steps |= {called.step_id for called in observed.calls}
        self.choices |= observed.choices

    @property
    def missed_steps(self) -> list[str]:
        """Ids of steps that never ran."""
        return [step_id for step_id in self.flow.steps if step_id not in self.steps]

    @property
    def missed_branches(self) -> list[Branch]:
        """Ways that were never taken."""
        return [branch for branch in self.flow.branches if (branch.state, branch.rule) not in self.choices]

    def line_of(self, step_id: str) -> int:
        """Where a step stands in the workflow's file."""
        pointer = self.flow.steps[step_id].pointer if step_id in self.flow.steps else ""
        path = tuple(int(part) if part.isdigit() else part for part in pointer.split("/")[1:])
        return self.document.place(path).line


@dataclass(slots=True)
class Coverage:
    """All workflows that were tested."""

    workflows: dict[Path, Covered] = field(default_factory=dict)

    def of(self, path: Path, flow: Flow, document: Document) -> Covered:
        """That of one workflow."""
        return self.workflows.setdefault(path, Covered(shown_path(path), flow, document))

    @property
    def percent(self) -> float:
        """Of all steps and ways, those that were gone through; 100 where there are none."""
        there = sum(len(one.flow.steps) + len(one.flow.branches) for one in self.workflows.values())
        missed = sum(len(one.missed_steps) + len(one.missed_branches) for one in self.workflows.values())
        return 100.0 if not there else 100.0 * (there - missed) / there

    def lines(self) -> Iterator[str]:
        """For people: a line a workflow, and what was missed below it."""
        for one in self.workflows.values():
            steps, branches = len(one.flow.steps), len(one.flow.branches)
            there, missed = steps + branches, len(one.missed_steps) + len(one.missed_branches)
            share = 100.0 * (there - missed) / there if there else 100.0
            yield (
                f"{one.file}: {steps - len(one.missed_steps)} of {steps} steps, "
                f"{branches - len(one.missed_branches)} of {branches} branches ({share:.0f} %)"
            )
            for step_id in one.missed_steps:
                yield f"  {one.file}:{one.line_of(step_id)}: step `{step_id}` never ran"
            for branch in one.missed_branches:
                yield f"  {one.file}:{one.line_of(branch.step_id)}: {branch.told} never taken"
        yield f"coverage: {self.percent:.1f} %"

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "percent": round(self.percent, 2),
            "workflows": [
                {
                    "file": one.file,
                    "steps": len(one.flow.steps),
                    "branches": len(one.flow.branches),
                    "missed_steps": one.missed_steps,
                    "missed_branches": [branch.told for branch in one.missed_branches],
                }
                for one in self.workflows.values()
            ],
        }
