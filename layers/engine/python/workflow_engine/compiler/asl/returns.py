"""What comes back from the branches of a Parallel: records of the steps that are read outside of them."""

from __future__ import annotations

from typing import Final

from workflow_engine.compiler.ir import Block, Return, Template, ends_in_pass
from workflow_engine.compiler.jsonata.fragments import (
    Conditional,
    Fragment,
    Group,
    Read,
    Text,
    bind,
    call,
    if_assigned,
    name_step,
    object_fragment,
)
from workflow_engine.compiler.jsonata.run_outputs import guarded, is_over
from workflow_engine.compiler.jsonata.states import RESULT
from workflow_engine.compiler.records import completed_fragment, completed_record


def records_from_branches(branches: tuple[Block, ...]) -> dict[str, Template]:
    """What a Parallel assigns: the outer records, by variable."""
    return {r.outer: _record_of(b, r, f"{RESULT.code}[{i}]") for i, b in enumerate(branches) for r in b.returns}


def _record_of(block: Block, back: Return, result: str) -> Template:
    """One outer record. A Pass with which the branch ends has the step's value in its output by the step's id, not twice."""
    paths = {False}
    if not block.apart:
        paths = ends_in_pass(block.nodes, back.step_id) | (set() if block.failures is None else {False})
    record = Text(f"{result}._vars{name_step(back.variable)}")
    if paths == {False}:
        return record
    output = Text(result + name_step(back.step_id))
    # The record of a Pass is whole.
    kept = guarded(output, back.share) if back.share and back.keeps_output else output
    if paths == {True}:
        return completed_record(kept, keeps_output=back.keeps_output)
    return Conditional((call("exists", output), completed_fragment(kept, keeps_output=back.keeps_output), record))


_PENDING: Final = Text('"pending"')

FAILURES: Final = "_failures"
"""Under which a branch gives back the notes of what failed in it. Step ids start with a letter or digit."""


_TOO_LARGE: Final = (
    "$merge($each($r,function($v,$k){{$k:$exists($v.output)?"
    '{"status":$v.status,"output":{"too_large":$length($string($v.output))}}:$v}}))'
)


def carried_after_failure(returns: tuple[Return, ...], failures: str, room: int) -> Template:
    """What a branch gives back where it may have ended early: records of steps that have begun. If it has, as the variable
    `failures` tells, only the length of outputs where all of it may have more than `room` bytes: nothing could catch it,
    were it too large to leave the branch. Nor are there outputs then that only the run's own output reads: there will be none.
    """
    has_failed = call("exists", Read(failures))
    records = {back.variable: _carried_if_any(back) for back in returns}
    of_run = [back for back in returns if back.keeps_output and back.share]
    for back in of_run:
        either = Conditional((has_failed, _status_if_any(back), records[back.variable]))
        records[back.variable] = Group((either,))
    if sum(back.keeps_output for back in returns) == len(of_run):
        return dict(records)
    too_large = Group((Conditional((has_failed, is_over(Text("$r"), room), Text("false"))),))
    return Group((bind("r", object_fragment(records)), Conditional((too_large, Text(_TOO_LARGE), Text("$r")))))


def _carried_if_any(back: Return) -> Fragment:
    if back.keeps_output:
        return if_assigned(Read(back.variable), object_fragment({"status": _PENDING}))
    return _status_if_any(back)


def _status_if_any(back: Return) -> Fragment:
    return object_fragment({"status": if_assigned(Read(back.variable, ("status",)), _PENDING)})


def carried(back: Return) -> Fragment:
    """What a branch gives back of a record that a state before its last one has assigned."""
    if back.unsure:
        return _carried_if_any(back)
    if back.keeps_output:
        return Read(back.variable)
    return object_fragment({"status": Read(back.variable, ("status",))})
