"""What a container gives, and what a run gives: its explicit output, else the outputs of its sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from workflow_engine.compiler.catalogue import MappedInput, PureLowering
from workflow_engine.compiler.graph import StepGraph
from workflow_engine.compiler.ir import RunResult, Sink
from workflow_engine.compiler.jsonata.fragments import (
    Around,
    Array,
    Conditional,
    Fragment,
    Group,
    Infix,
    Read,
    Text,
    if_assigned,
    json_literal,
    object_fragment,
)
from workflow_engine.compiler.jsonata.references import reference_fragment
from workflow_engine.compiler.jsonata.sources import source_fragment
from workflow_engine.compiler.lower.inputs import if_completed, input_object, varies
from workflow_engine.compiler.lower.scope import Scope, variable_name
from workflow_engine.compiler.lower.status import COMPLETED, FAILED
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.language.reads import references_of
from workflow_engine.language.syntax import Reference, Source, Step, StepReference
from workflow_engine.run_output import MAX_FAILED_STEPS, RUN_BYTES

LEAST_SHARE: Final = 256
"""Bytes. Where the share of a sink would be less, nothing is carried."""
_AROUND_A_RECORD: Final = len('"":{"status":"completed","output":},') + len('"":,')

NO_ITEMS: Final = Text("[]")
"""In a list it stands for nothing."""

EndReads = Callable[[StepGraph], Iterable[Reference]]


def end_reads(output: Mapping[str, Source] | None, *, wanted: bool) -> EndReads:
    """What the container's own output reads of its body: the explicit sources, else the sinks."""
    if output is not None:
        references = [r for source in output.values() for r in references_of(source)]
        return lambda _: references
    if not wanted:
        return lambda _: ()

    def sinks(graph: StepGraph) -> Iterable[Reference]:
        for sink in graph.sinks():
            yield StepReference(sink, "output")
            yield StepReference(sink, "status")

    return sinks


def container_output(
    unit: Unit, step: Step, output: Mapping[str, Source] | None, graph: StepGraph, scope: Scope
) -> Fragment:
    """The container's output at the end of its body: an object, the completed sinks by id if none is given."""
    if output is not None:
        return object_fragment(
            {
                name: source_fragment(source, scope, lambda value: unit.literal(step.step_id, value))
                for name, source in output.items()
            }
        )
    inputs = []
    for sink in graph.sinks():
        if "completed" in scope.statuses(sink):
            value = reference_fragment(StepReference(sink, "output"), scope)
            inputs.append(MappedInput(sink, value, if_completed(sink, scope)))
    return input_object(tuple(inputs))


# --- of a run ---


def share_of_a_sink(sinks: tuple[str, ...]) -> int:
    """Bytes of JSON that each of these may have in a run's output; 0 where there are too many of them to carry any. A round
    number, so that workflows with equally many sinks mostly have the same guards, which are verified once.
    """
    around = sum(_AROUND_A_RECORD + len(variable_name(9, sink)) + len(sink) for sink in sinks)
    share = (RUN_BYTES - around) // len(sinks) if sinks else RUN_BYTES
    if share < LEAST_SHARE:
        return 0
    return share - share % (1_000 if share > 20_000 else 100 if share > 2_000 else 1)


def run_reads(unit: Unit, graph: StepGraph) -> Iterable[Reference]:
    """What a run's output reads that is not explicit: how the sinks ended, and the outputs of those that can be carried to the
    end without a state more.
    """
    if not share_of_a_sink(graph.sinks()):
        return
    steps = {step.step_id: step for step in graph.steps}
    for sink in graph.sinks():
        yield StepReference(sink, "status")
        if _is_carried(unit, steps[sink]):
            yield StepReference(sink, "output")


def _is_carried(unit: Unit, step: Step) -> bool:
    """Whether the machine has the output of a step anyway. The output of a container that is not explicit is put together of
    its parts, for which the machine would need states more; and what gives another value each time that it is computed would
    need one to be computed once.
    """
    if step.body is not None:
        return step.body.output is not None
    return not (isinstance(unit.lowering(step), PureLowering) and varies(step))


def run_result(unit: Unit, steps: Iterable[Step], graph: StepGraph, scope: Scope) -> RunResult:
    """The sinks as they are known at the end of the workflow's own steps, in the order of the document."""
    ids = frozenset(graph.sinks())
    share = share_of_a_sink(graph.sinks())
    if not share:
        return RunResult(None)
    after_failure = {read.step_id for read in unit.read_after_failure if read.facet != "status"}
    sinks = []
    for step in steps:
        entry = scope.entries.get(step.step_id)
        if step.step_id in ids and entry is not None and "completed" in entry.statuses:
            carried = _is_carried(unit, step)
            sinks.append(Sink(step.step_id, entry.variable, entry.statuses == COMPLETED, carried))
    return RunResult(tuple(sinks), share, ids - after_failure)


def tolerated_steps(scope: Scope) -> tuple[Fragment, ...]:
    """Items of the list of steps of this scope whose failures were tolerated."""
    return tuple(one if isinstance(one, Fragment) else _if_failed(one, scope) for one in scope.tolerated)


def first_of(items: tuple[Fragment, ...], most: int) -> tuple[Fragment, ...]:
    """The same items, of which the list may have `most`: the first of them where that is more than a run tells."""
    if most <= MAX_FAILED_STEPS:
        return items
    return (Around("$filter(", (Array(items),), f",function($v,$i){{$i<{MAX_FAILED_STEPS}}})"),)


def _if_failed(step_id: str, scope: Scope) -> Fragment:
    entry = scope.find(step_id)
    if entry.statuses == FAILED:
        return json_literal(step_id)
    status = scope.status(step_id)
    # Where a critical failure may have ended the scope before the step had begun, there is no record of it.
    if scope.recovery is not None and entry.variable is not None:
        status = if_assigned(Read(entry.variable, ("status",)), Text('""'))
    failed = Infix("=", (status, Text('"failed"')))
    return Group((Conditional((failed, json_literal(step_id), NO_ITEMS)),))
