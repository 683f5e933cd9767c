"""The Output of a machine's last state, in the shape that `workflow_engine.run_output` describes.

Whichever state that is, what it would assign is not assigned any more when its Output is evaluated, so what the Output reads of
that is read from what it would have been.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from typing import Final

from workflow_engine.compiler.ir import Assigns, Block, RunResult, Sink, Template
from workflow_engine.compiler.jsonata.fragments import (
    NO_FIELDS,
    Around,
    Array,
    Conditional,
    Fragment,
    Group,
    Infix,
    Read,
    Text,
    bind,
    call,
    object_fragment,
)
from workflow_engine.compiler.jsonata.run_outputs import guarded
from workflow_engine.compiler.records import as_fragment
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.run_output import FAILED, MARKER

_MARKER: Final[Template] = dict(MARKER)


@dataclass(frozen=True, slots=True)
class _Part:
    """The output of one sink, and whether it has completed, None where that is sure."""

    name: str
    output: Template
    completed: Fragment | None = None


def tolerated_list(block: Block, assigns: Assigns) -> Template:
    """Ids of steps whose failures were tolerated, where a state ends the block that would assign `assigns`."""
    items: list[Fragment] = []
    bound: dict[str, Fragment] = {}
    for item in block.tolerated:
        read = {name for name, _ in item.reads}
        assigned = sorted(read & assigns.keys())
        if read and len(assigned) == len(read) and all(_has_not_failed(assigns[name]) for name in assigned):
            continue
        bound |= {_local(name): as_fragment(assigns[name]) for name in assigned}
        items.append(item.renamed({name: _local(name) for name in assigned}))
    if not items:
        return []
    listed = Array(tuple(items))
    return Group((*(bind(name, value) for name, value in bound.items()), listed)) if bound else listed


def _has_not_failed(record: Template) -> bool:
    return isinstance(record, dict) and record["status"] in ("completed", "skipped")


def _local(variable: str) -> str:
    return f"now_{variable}"


def run_result(block: Block, assigns: Assigns) -> Template:
    """What the machine gives when it ends in a state that would assign `assigns`."""
    result = block.result or RunResult(())
    failed = tolerated_list(block, assigns)
    if result.sinks is None:
        return {**_MARKER, FAILED: failed}
    parts = _parts(result, result.sinks, assigns)
    if all(part.completed is None for part in parts):
        return {**{part.name: part.output for part in parts}, FAILED: failed}
    return call("merge", Array((*_objects(parts), object_fragment({FAILED: as_fragment(failed)}))))


def _parts(result: RunResult, sinks: tuple[Sink, ...], assigns: Assigns) -> list[_Part]:
    """The sinks of which there may be an output."""
    parts = []
    for sink in sinks:
        record = None if sink.variable is None else assigns.get(sink.variable)
        status = "completed" if sink.is_sure else _field(sink, record, "status")
        output = _field(sink, record, "output") if sink.carried else _MARKER
        if sink.carried and sink.step_id not in result.only:
            output = guarded(as_fragment(output), result.share)
        if not isinstance(status, str):
            parts.append(_Part(sink.step_id, output, Infix("=", (as_fragment(status), Text('"completed"')))))
        elif status == "completed":
            parts.append(_Part(sink.step_id, output))
    return parts


def _field(sink: Sink, record: Template, name: str) -> Template:
    """A field of the sink's record, as it is assigned by the last state, else by an earlier one."""
    match record:
        case None:
            assert sink.variable is not None, f"no record of {sink.step_id} is kept"
            return Read(sink.variable, (name,))
        case dict():
            return record.get(name)
        case _:
            return Around("", (record if isinstance(record, Text) else Group((record,)),), f".{name}")


def _objects(parts: Collection[_Part]) -> list[Fragment]:
    """The parts in order, as objects: those that are sure together, each other one with its condition."""
    objects: list[Fragment] = []
    for completed, group in groupby(parts, key=lambda part: part.completed):
        for fields in [list(group)] if completed is None else [[part] for part in group]:
            one = object_fragment({part.name: as_fragment(part.output) for part in fields})
            objects.append(one if completed is None else Group((Conditional((completed, one, NO_FIELDS)),)))
    return objects
