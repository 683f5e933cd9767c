"""What a container gives: its explicit output, else the outputs of its sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from workflow_engine.compiler.catalogue import MappedInput
from workflow_engine.compiler.graph import StepGraph
from workflow_engine.compiler.jsonata.fragments import Fragment, object_fragment
from workflow_engine.compiler.jsonata.references import reference_fragment
from workflow_engine.compiler.jsonata.sources import source_fragment
from workflow_engine.compiler.lower.inputs import if_completed, input_object
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.language.reads import references_of
from workflow_engine.language.syntax import Reference, Source, Step, StepReference

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
