"""Where a critical failure leads in a workflow that has failure steps, and what is noted of it there.

Every scope of the machine notes its own: the machine `failure`, as failure steps read it; a branch a list of one, which
comes out of it beside the records, so that a join knows by the lists of its branches whether to go on.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.compiler.ir import Assigns, FailedPassNode, FailNode, JoinNode, Template
from workflow_engine.compiler.jsonata.fragments import (
    Around,
    Fragment,
    Group,
    Infix,
    Read,
    Text,
    bind,
    call,
    object_fragment,
)
from workflow_engine.compiler.lower.scope import FAILURE_VARIABLE, Scope, failures_variable
from workflow_engine.compiler.records import failed_record
from workflow_engine.language.syntax import Step

Message = Fragment | str

RECORDS_BYTES: Final = 150_000
"""Of all records that come out of the branches of a Parallel after a failure, beside the notes of it (`NOTES_CHARACTERS`)."""
_FIRST: Final = Text(
    "($m:=$map($sort($f,function($a,$b){$a.at>$b.at or $a.at=$b.at and $a.order>$b.order}),function($x)"
    '{{"step_id":$x.step_id,"error_type":$x.error_type,"message":$x.message}})[];'
    '$merge([$m[0],{"others":[$filter($m,function($x,$i){$i>0})]}]))'
)
"""The failure of a list `$f` of notes: the first by time, then as declared, and the others."""


def _cut(message: Message, characters: int) -> Message:
    if isinstance(message, str):
        return message[:characters]
    return call("substring", message, Text("0"), Text(str(characters)))


def ends_with(scope: Scope, step_id: str, error: Template, message: Message) -> Assigns:
    """The note of a critical failure, which ends the scope. Asks for a scope that has a recovery."""
    recovery = scope.recovery
    assert recovery is not None
    scope.may_end = True
    note: dict[str, Template] = {
        "step_id": step_id,
        "error_type": error,
        "message": _cut(message, recovery.characters),
    }
    if scope.depth == 0:
        return {FAILURE_VARIABLE: {**note, "others": []}}
    timed = {**note, "at": Text("$millis()"), "order": recovery.order.get(step_id, len(recovery.order))}
    return {failures_variable(scope.depth): [timed]}


def join(scope: Scope, name: str) -> JoinNode:
    """The Choice after a Parallel whose branches may have failed."""
    recovery = scope.recovery
    assert recovery is not None
    scope.may_end = True
    notes = Read(failures_variable(scope.depth))
    failed = Infix(">", (call("count", notes), Text("0")))
    records = recovery.records(Around("", (notes,), "[0].error_type"), Around("", (notes,), "[0].message"))
    first: Assigns = {} if scope.depth > 0 else {FAILURE_VARIABLE: Group((bind("f", notes), _FIRST))}
    return JoinNode(name, failed, records, first, of_branches=True)


def fails(
    step: Step,
    scope: Scope,
    name: str,
    error: Template,
    message: Message,
    variable: str | None,
    *,
    keeps_error: bool,
    by_author: bool = False,
) -> FailNode | FailedPassNode:
    """A state that fails a step: the run with it, if it is critical, or what is left of the scope where failure steps follow."""
    record = {variable: failed_record(error, message, keeps_error=keeps_error)} if variable else {}
    if not step.critical:
        return FailedPassNode(name, step.step_id, error, message, record)
    if scope.recovery is None:
        return FailNode(name, error, message, by_author)
    ends = ends_with(scope, step.step_id, error, message)
    records = scope.recovery.records(error, message)
    return FailedPassNode(name, step.step_id, error, message, {**records, **record}, ends)


def cause_of_failed_run() -> Fragment:
    """What ends a run whose failure steps have run tells: JSON `{step_id, type, message}`, well within AWS's length."""
    names = {"step_id": "step_id", "type": "error_type", "message": "message"}
    told = object_fragment({name: Read(FAILURE_VARIABLE, (field,)) for name, field in names.items()})
    return call("string", told)
