"""What comes back from the branches of a Parallel: records of the steps that are read outside of them."""

from __future__ import annotations

from typing import Final

from workflow_engine.compiler.ir import Block, GuardNode, Node, PassNode, Return, SwitchNode, TaskNode, Template
from workflow_engine.compiler.jsonata.fragments import (
    Conditional,
    Fragment,
    Group,
    Infix,
    Read,
    Text,
    bind,
    call,
    if_assigned,
    name_step,
    object_fragment,
)
from workflow_engine.compiler.jsonata.states import RESULT
from workflow_engine.compiler.records import completed_fragment, completed_record


def records_from_branches(branches: tuple[Block, ...]) -> dict[str, Template]:
    """What a Parallel assigns: the outer records, by variable."""
    return {r.outer: _record_of(b, r, f"{RESULT.code}[{i}]") for i, b in enumerate(branches) for r in b.returns}


def _record_of(block: Block, back: Return, result: str) -> Template:
    """One outer record. A Pass with which the branch ends has the step's value in its output by the step's id, not twice."""
    paths = _ends_in_pass(block.nodes, back.step_id) | (set() if block.failures is None else {False})
    record = Text(f"{result}._vars{name_step(back.variable)}")
    if paths == {False}:
        return record
    output = Text(result + name_step(back.step_id))
    if paths == {True}:
        return completed_record(output, keeps_output=back.keeps_output)
    return Conditional((call("exists", output), completed_fragment(output, keeps_output=back.keeps_output), record))


def _ends_in_pass(nodes: tuple[Node, ...], step_id: str) -> set[bool]:
    """Whether the paths through a block end in the Pass state that computes the step: on each, or both answers."""
    match nodes[-1] if nodes else None:
        case PassNode(values=values):
            return {any(v.step_id == step_id for v in values)}
        case TaskNode(late=PassNode() as late):
            return {False} | _ends_in_pass((late,), step_id)
        case GuardNode(body=body):
            return {False} | _ends_in_pass(body, step_id)
        case SwitchNode(cases=cases, default=default):
            return _ends_in_pass(default, step_id).union(*(_ends_in_pass(c.nodes, step_id) for c in cases))
        case _:
            return {False}


FAILURES: Final = "_failures"
"""Under which a branch gives back the notes of what failed in it. Step ids start with a letter or digit."""


_TOO_LARGE: Final = (
    "$merge($each($r,function($v,$k){{$k:$exists($v.output)?"
    '{"status":$v.status,"output":{"too_large":$length($string($v.output))}}:$v}}))'
)


def carried_after_failure(returns: tuple[Return, ...], failures: str, room: int) -> Template:
    """What a branch gives back where it may have ended early: records of steps that have begun. If it has, as the variable
    `failures` tells, only the length of outputs where all of it has more than `room` characters: nothing could catch it,
    were it too large to leave the branch.
    """
    records = {back.variable: _carried_if_any(back) for back in returns}
    if not any(back.keeps_output for back in returns):
        return dict(records)
    too_large = Infix(" and ", (call("exists", Read(failures)), Text(f"$length($string($r))>{room}")))
    return Group((bind("r", object_fragment(records)), Conditional((too_large, Text(_TOO_LARGE), Text("$r")))))


def _carried_if_any(back: Return) -> Fragment:
    if back.keeps_output:
        return if_assigned(Read(back.variable), object_fragment({"status": Text('"pending"')}))
    return object_fragment({"status": if_assigned(Read(back.variable, ("status",)), Text('"pending"'))})


def carried(back: Return) -> Fragment:
    """What a branch gives back of a record that a state before its last one has assigned."""
    if back.unsure:
        return _carried_if_any(back)
    if back.keeps_output:
        return Read(back.variable)
    return object_fragment({"status": Read(back.variable, ("status",))})
