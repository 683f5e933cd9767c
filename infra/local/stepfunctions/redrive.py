"""Which runs may be redriven, and what a redrive keeps of a history: all that succeeded, and how what did not was entered.

AWS page "Restarting state machine executions with redrive", "Redrive behavior of individual states": a Task is scheduled
again, with its retries and its time counted anew; the rules of a Choice are evaluated again; a Fail is entered again and
fails again; Parallel and inline Map run only the branches and iterations again that failed or were aborted, but all of
them when the state failed with States.DataLimitExceeded. A state was unsuccessful if it was entered and not exited.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from infra.local.stepfunctions.failures import DATA_LIMIT_EXCEEDED
from infra.local.stepfunctions.history import CONTAINER_FAILED, by_path
from infra.local.stepfunctions.journal import Entry, Head
from workflow_engine.aws_quotas import EXECUTION_SECONDS, HISTORY_EVENTS, REDRIVABLE_DAYS

REDRIVEN: Final = "ExecutionRedriven"

REDRIVABLE_SECONDS: Final = REDRIVABLE_DAYS * 24 * 3600

# API reference, RedriveExecution, `clientToken`: the last ten of an execution are known for 15 minutes.
TOKENS_KEPT: Final = 10
TOKEN_SECONDS: Final = 15 * 60

# An iteration ends with one of these, or with its success.
_ENDS_UNSUCCESSFUL: Final = frozenset({"EvaluationFailed", "MapIterationFailed", "MapIterationAborted"})
# Events of a container that stay, so that what is inside it is found again.
_BEGINNINGS: Final = frozenset({"ParallelStateStarted", "MapStateStarted", "MapRunStarted"})


def why_not_redrivable(head: Head, now: float, events: Callable[[], int]) -> str | None:
    """Why RedriveExecution refuses a run; None where it takes it. `events` is asked how many there are, if that matters.

    In the words of the API reference (DescribeExecution, redriveStatusReason), where it has some. The rules are those of
    "Redrive eligibility for unsuccessful executions".
    """
    if head.status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {head.status} and cannot be redriven"
    if head.map_run:
        return "Execution is a child of a Map Run and is redriven with its parent"
    if head.kind == "EXPRESS":
        return "Execution is EXPRESS and cannot be redriven"
    if head.stopped is not None and now - head.stopped > REDRIVABLE_SECONDS:
        return "Execution redrivable period exceeded"
    if now - head.started > EXECUTION_SECONDS:
        return "Execution has exceeded the max execution time"
    if events() >= HISTORY_EVENTS - 1:
        return "Execution history event limit exceeded"
    return None


def asked_before(entries: Sequence[Entry], token: str, now: float) -> float | None:
    """When a run was redriven by a request with this client token, as long as it is known by it."""
    redrives = [entry for entry in entries if entry.type == REDRIVEN][-TOKENS_KEPT:]
    return next(
        (e.moment for e in redrives if e.private.get("token") == token and now - e.moment <= TOKEN_SECONDS), None
    )


def what_remains(entries: Sequence[Entry], *, is_express: bool) -> list[Entry]:
    """The lines of a run that the interpreter goes on from: all since the last redrive, and what redrives kept.

    An Express child of a Map Run begins again (AWS page "Redriving Map Runs"): nothing is kept of it.
    """
    kept: list[Entry] = []
    for entry in entries:
        if entry.type == REDRIVEN:
            kept = [] if is_express else _kept(kept)
        else:
            kept.append(entry)
    return kept


def _kept(entries: Sequence[Entry]) -> list[Entry]:
    paths = {path: list(lines) for path, lines in by_path(entries).items()}
    kept = _kept_of_chain("/", paths)
    return sorted(kept, key=lambda entry: entry.position)


def _kept_of_chain(path: str, paths: dict[str, list[Entry]]) -> list[Entry]:
    lines = paths.get(path, [])
    entered = next((i for i in reversed(range(len(lines))) if lines[i].type.endswith("StateEntered")), None)
    is_open = entered is not None and not any(line.type.endswith("StateExited") for line in lines[entered:])
    if entered is None or not is_open:
        return [line for line in lines if line.type not in _ENDS_UNSUCCESSFUL]
    before, visit = lines[:entered], lines[entered:]
    if visit[0].type == "FailStateEntered":
        return before
    kept = [*before, visit[0]]
    if visit[0].type in ("ParallelStateEntered", "MapStateEntered") and not _was_too_large(visit):
        kept += _kept_of_container(visit, paths)
    return kept


def _kept_of_container(visit: Sequence[Entry], paths: dict[str, list[Entry]]) -> list[Entry]:
    """The last attempt of a container: how it began, and what succeeded inside."""
    last = next((i for i in reversed(range(len(visit))) if visit[i].type.endswith("StateStarted")), None)
    if last is None:
        return []
    kept = [line for line in visit[last:] if line.type in _BEGINNINGS]
    for path in paths:
        if path.startswith(f"{visit[last].id}."):
            kept += _kept_of_chain(path, paths)
    return kept


def _was_too_large(visit: Sequence[Entry]) -> bool:
    """Whether a container failed with States.DataLimitExceeded: something inside it, or its own result."""
    failures = [line.private["error"] for line in visit if line.type == CONTAINER_FAILED]
    succeeded = any(line.type.endswith("StateSucceeded") for line in visit)
    failed_in_output = any(line.type == "EvaluationFailed" for line in visit)
    return (bool(failures) and failures[-1] == DATA_LIMIT_EXCEEDED) or (succeeded and not failed_in_output)
