"""Who reads what of a step, as bit masks over the steps of one body: the basis of liveness.

A record that nobody reads is never assigned; a branch gives back only what is read outside of it. Bit `i` stands for
`graph.steps[i]`, also where the end of its own block asks how it ended; bit `n` for whatever reads the body as a whole (its
explicit output, the failure steps), bit `n + 1` for a run's output that is not explicit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from workflow_engine.compiler.graph import StepGraph
from workflow_engine.compiler.lower.status import COMPLETED, FAILED, SKIPPED, Statuses, rule_verdict
from workflow_engine.language.reads import nested_reads, references_of
from workflow_engine.language.syntax import Condition, Reference, Step, StepReference
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Readers:
    """`whole[id]` are the readers of a step's output or error, `status[id]` those that ask how it ended.

    `possible[id]` are all the ways in which it may end anywhere in the machine: a record of the status is needed unless there
    is one way only, even where less is possible locally, such as behind a guard. `of_run` is the mask of a run's output that is
    not explicit.
    """

    whole: Mapping[str, int]
    status: Mapping[str, int]
    possible: Mapping[str, Statuses]
    of_run: int

    def keeps_record(self, step_id: str, beside: int = 0) -> bool:
        """Whether a variable is needed for readers that are not in the mask `beside`."""
        return self.keeps_output(step_id, beside) or (
            len(self.possible[step_id]) > 1 and bool(self.status.get(step_id, 0) & ~beside)
        )

    def keeps_output(self, step_id: str, beside: int = 0) -> bool:
        """Whether its record must hold the output (or the error) for readers that are not in the mask `beside`."""
        return bool(self.whole.get(step_id, 0) & ~beside)

    def is_read_by_steps(self, step_id: str) -> bool:
        """Whether something works on its output, and not only a run's output that is not explicit."""
        return self.keeps_output(step_id, beside=self.of_run)


def possible_statuses(
    graph: StepGraph, never_complete: Collection[str] = (), known: Mapping[str, Statuses] = MappingProxyType({})
) -> dict[str, Statuses]:
    """How each step may end, whatever the data. A critical step that fails ends the run, so nobody sees that; any other may
    fail, if only because it is too large. `never_complete` are the steps that only fail, `known` those that have ended before.
    """
    possible: dict[str, Statuses] = dict(known)
    for step, dependencies in zip(graph.steps, graph.rule_dependencies, strict=True):
        verdict = rule_verdict(step.trigger_rule, {possible[d] for d in dependencies})
        if verdict == "never":
            possible[step.step_id] = SKIPPED
            continue
        statuses = FAILED if step.step_id in never_complete else COMPLETED
        if not step.critical:
            statuses |= FAILED
        if verdict == "depends" or (step.condition is not None and not decides_per_element(step)):
            statuses |= SKIPPED
        possible[step.step_id] = statuses
    return possible


def decides_per_element(step: Step) -> bool:
    """A condition that reads item or index is decided for each element, any other once for the whole step."""
    return step.for_each is not None and step.condition is not None and reads_element(step.condition)


def reads_element(condition: Condition) -> bool:
    """Whether a condition reads the element that it is decided for."""
    return any(not isinstance(r, StepReference) and r.word in ("item", "index") for r in references_of(condition))


def find_readers(
    graph: StepGraph,
    end_reads: Iterable[Reference],
    never_complete: Collection[str] = (),
    also: Statuses = frozenset(),
    run_reads: Iterable[Reference] = (),
    tolerated: Collection[str] = (),
    known: Mapping[str, Statuses] = MappingProxyType({}),
) -> Readers:
    """Masks of all readers in the body. `end_reads` are the references of the body's own output, `run_reads` those of a run's
    output; `also` are ways in which its steps may end as seen from outside, `known` are steps that have ended before. How those
    in `tolerated` ended is asked at the end of their blocks.
    """
    possible = {step_id: ends | also for step_id, ends in possible_statuses(graph, never_complete, known).items()}
    whole: dict[str, int] = {}
    status: dict[str, int] = {}

    def add(reference: Reference, bit: int) -> None:
        if isinstance(reference, StepReference) and reference.step_id in possible:
            masks = status if reference.facet == "status" else whole
            masks[reference.step_id] = masks.get(reference.step_id, 0) | bit

    for i, step in enumerate(graph.steps):
        for read in nested_reads(step):
            if not (isinstance(read.reference, StepReference) and read.reference.step_id == step.step_id):
                add(read.reference, 1 << i)
        if step.input_mapping is None and step.body is None:
            for dependency in step.dependencies:
                add(StepReference(dependency, "output"), 1 << i)
                add(StepReference(dependency, "status"), 1 << i)
        for dependency in graph.rule_dependencies[i]:
            status[dependency] = status.get(dependency, 0) | 1 << i
        if step.step_id in tolerated:
            status[step.step_id] = status.get(step.step_id, 0) | 1 << i
    for reference in end_reads:
        add(reference, 1 << len(graph.steps))
    of_run = 2 << len(graph.steps)
    for reference in run_reads:
        add(reference, of_run)
    return Readers(whole, status, possible, of_run)
