"""Approvals where something goes wrong between the claim of a decision and the run that waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.support.moto_cloud import MotoCloud
from workflow_engine.errors import (
    AlreadyDecidedError,
    ForbiddenError,
    MisconfiguredError,
    TooLateError,
    UnavailableError,
)
from workflow_engine.machines.step_functions import StepFunctionsMachines
from workflow_engine.sdk import StepContext
from workflow_engine.store.approvals import Approval
from workflow_engine.usecases.approvals import decide as decisions
from workflow_engine.usecases.approvals import read_approvals
from workflow_engine.usecases.approvals.open_approval import open_approval
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import read_results, start_run
from workflow_engine.usecases.upkeep.sweep_approvals import sweep_approvals

ME: Final = Caller("default", "me", frozenset({"manager"}))
YOU: Final = Caller("default", "you", frozenset({"manager"}))
MOST_LOOKS: Final = 600


@pytest.fixture
def engine() -> Iterator[Engine]:
    with MotoCloud():
        yield Engine.from_environment()


def asking(**config: Any) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [
        {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Well?", **config}}
    ]
    return {"name": "Asking", "steps": steps}


def started(engine: Engine, **config: Any) -> str:
    """A run that asks."""
    execution_id: str = start_run.start(engine, ME, asking(**config))["execution_id"]
    for _ in range(MOST_LOOKS):
        if approval_of(engine, execution_id) is not None and status(engine, execution_id) == "waiting":
            return execution_id
        engine.sleep(0.02)
    raise AssertionError(f"{execution_id} does not ask")


def approval_of(engine: Engine, execution_id: str) -> Approval | None:
    return engine.approvals.find(ME.tenant_id, execution_id, "ask")


def standing(engine: Engine, execution_id: str) -> Approval:
    found = approval_of(engine, execution_id)
    assert found is not None
    return found


def status(engine: Engine, execution_id: str) -> str:
    return str(read_results.get_execution(engine, ME, execution_id)["status"])


def decide(
    engine: Engine, execution_id: str, decision: decisions.Decision = "approved", caller: Caller = YOU, **body: Any
) -> Any:
    return decisions.decide(engine, caller, execution_id, "ask", None, decision, body)


def ended(engine: Engine, execution_id: str) -> dict[str, Any]:
    assert read_results.wait_for_end(engine, ME, execution_id, 30)
    found: dict[str, Any] = dict(read_results.results(engine, ME, execution_id))
    return found


def later(engine: Engine, **time: float) -> Engine:
    return Engine(engine.settings, now=lambda: datetime.now(UTC) + timedelta(**time))


def unavailable(*_: Any) -> None:
    raise UnavailableError("Step Functions does not answer.")


def test_a_decision_that_cannot_be_sent_holds_and_is_sent_by_the_sweeper(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = started(engine)
    with monkeypatch.context() as outage:
        outage.setattr(StepFunctionsMachines, "send_success", unavailable)
        assert decide(engine, execution_id, comment="Yes.")["is_delivered"] is False
        with pytest.raises(AlreadyDecidedError, match=r"approved by you .* Yes\."):
            decide(engine, execution_id, "denied", ME)
        assert sweep_approvals(later(engine, minutes=2))["failed"] == 1
    assert sweep_approvals(engine)["delivered"] == 0  # it is not due yet
    assert sweep_approvals(later(engine, minutes=5))["delivered"] == 1
    output = ended(engine, execution_id)["step_results"]["ask"]["output_data"]
    assert (output["decision"], output["decided_by"], output["comment"]) == ("approved", "you", "Yes.")
    assert sweep_approvals(later(engine, minutes=9)) == {"delivered": 0, "late": 0, "closed": 0, "failed": 0}


@pytest.mark.parametrize(("decision", "config"), [("approved", {}), ("denied", {"on_deny": "fail"})])
def test_a_decision_whose_arrival_nobody_noticed_is_found_in_the_history(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, decision: decisions.Decision, config: dict[str, Any]
) -> None:
    execution_id = started(engine, **config)
    name = "send_success" if decision == "approved" else "send_failure"
    send = getattr(StepFunctionsMachines, name)

    def lost(*given: Any) -> None:
        send(*given)
        unavailable()

    with monkeypatch.context() as outage:
        outage.setattr(StepFunctionsMachines, name, lost)
        assert decide(engine, execution_id, decision)["is_delivered"] is False
    ended(engine, execution_id)
    assert sweep_approvals(later(engine, minutes=2)) == {"delivered": 1, "late": 0, "closed": 0, "failed": 0}
    assert standing(engine, execution_id).state == "decided"


def test_a_decision_on_a_task_that_was_over_is_told_as_too_late(engine: Engine) -> None:
    # Time enough for a slow machine to ask before it is over.
    execution_id = started(engine, timeout_seconds=5, on_timeout="deny")
    found = ended(engine, execution_id)
    assert found["step_results"]["ask"]["output_data"]["decision"] == "denied"
    claimed = engine.approvals.claim(
        standing(engine, execution_id), "approved", by="you", at=engine.timestamp(), comment=None, payload=None
    )
    assert claimed is not None
    assert sweep_approvals(later(engine, minutes=2))["late"] == 1
    with pytest.raises(TooLateError):
        decide(engine, execution_id)


def test_a_permission_that_is_missing_leaves_the_decision_to_the_sweeper(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = started(engine)

    def refused(*_: Any) -> None:
        raise MisconfiguredError("AWS refuses.", aws_code="AccessDeniedException", aws_message="no")

    with monkeypatch.context() as wrong:
        wrong.setattr(StepFunctionsMachines, "send_success", refused)
        with pytest.raises(MisconfiguredError):
            decide(engine, execution_id)
        assert sweep_approvals(later(engine, minutes=2))["failed"] == 1
    assert sweep_approvals(later(engine, minutes=5))["delivered"] == 1


def test_what_nobody_decided_in_time_is_closed_and_waits_no_more(engine: Engine) -> None:
    execution_id = started(engine, timeout_seconds=3600)
    assert read_results.get_execution(later(engine, hours=2), ME, execution_id)["status"] == "running"
    with pytest.raises(TooLateError):
        decide(later(engine, hours=2), execution_id)
    assert sweep_approvals(later(engine, hours=2))["closed"] == 1
    assert standing(engine, execution_id).token is None
    assert sweep_approvals(later(engine, hours=3))["closed"] == 0


def test_a_new_attempt_replaces_what_an_earlier_one_asked_with_its_decision(engine: Engine) -> None:
    execution_id = started(engine)
    first = standing(engine, execution_id)
    claimed = engine.approvals.claim(first, "denied", by="you", at=engine.timestamp(), comment=None, payload=None)
    assert claimed is not None
    event: dict[str, Any] = {
        "step_config": {"config": {"prompt": "Again?"}},
        "call": {"task_token": "another", "redrive": 0, "entered_at": first.opening.split()[1]},
    }
    step = StepContext(execution_id=execution_id, step_id="ask", place="ask", attempt=2, tenant_id=ME.tenant_id)
    open_approval(engine, event, step)
    again = standing(engine, execution_id)
    assert (again.state, again.token, again.decision, again.prompt) == ("open", "another", None, "Again?")
    # What comes late of the first attempt changes nothing.
    assert engine.approvals.finish(claimed, "decided") is False
    open_approval(engine, event | {"call": event["call"] | {"task_token": first.token}}, replace(step, attempt=1))
    assert standing(engine, execution_id) == again


def test_an_attempt_that_asks_once_more_does_not_open_what_is_decided(engine: Engine) -> None:
    execution_id = started(engine)
    first = standing(engine, execution_id)
    redrive, entered_at, attempt = first.opening.split()
    event: dict[str, Any] = {
        "step_config": {"config": {"prompt": "Well?"}},
        "call": {"task_token": first.token, "redrive": int(redrive), "entered_at": entered_at},
    }
    step = StepContext(
        execution_id=execution_id, step_id="ask", place="ask", attempt=int(attempt), tenant_id=ME.tenant_id
    )
    decide(engine, execution_id)
    open_approval(engine, event, step)
    assert standing(engine, execution_id).state == "decided"
    assert ended(engine, execution_id)["status"] == "completed"


def test_who_has_not_the_role_may_not_decide(engine: Engine) -> None:
    execution_id = started(engine, approver_role="manager")
    nobody = Caller("default", "nobody")
    with pytest.raises(ForbiddenError, match="'manager'"):
        decide(engine, execution_id, caller=nobody)
    told = {c: inbox(engine, c)[0]["may_decide"] for c in (nobody, ME, YOU)}
    assert told == {nobody: False, ME: True, YOU: True}
    assert decide(engine, execution_id, caller=Caller("default", None, None))["decision"] == "approved"


def test_who_started_the_run_may_not_decide_where_that_is_forbidden(engine: Engine) -> None:
    execution_id = started(engine, forbid_self=True)
    with pytest.raises(ForbiddenError, match="started"):
        decide(engine, execution_id, caller=ME)
    assert [item["may_decide"] for caller in (ME, YOU) for item in inbox(engine, caller)] == [False, True]
    assert decide(engine, execution_id, caller=YOU)["decided_by"] == "you"


def test_another_tenant_sees_and_decides_nothing(engine: Engine) -> None:
    execution_id = started(engine)
    other = Caller("other", "me", None)
    assert inbox(engine, other) == []
    with pytest.raises(Exception, match="There is no execution"):
        decide(engine, execution_id, caller=other)


def inbox(engine: Engine, caller: Caller) -> list[Any]:
    page = read_approvals.list_approvals(engine, caller, role=None, execution_id=None, limit=50, cursor=None)
    return list(page["items"])


def test_what_a_subflow_asks_stands_open_while_the_subflow_has_no_record_yet(engine: Engine) -> None:
    event: dict[str, Any] = {
        "step_config": {"config": {"prompt": "Well?"}},
        "call": {"task_token": "t", "redrive": 0, "entered_at": engine.timestamp()},
    }
    step = StepContext(execution_id="sub-1", step_id="ask", place="ask", attempt=1, tenant_id=ME.tenant_id)
    open_approval(engine, event, step)
    open_approval(engine, event, replace(step, execution_id="deleted"))
    assert inbox(engine, ME) == []
    assert standing(engine, "sub-1").state == "open"
    assert standing(engine, "deleted").state == "closed"


def test_a_large_input_and_a_large_payload_have_room_beside_each_other(engine: Engine) -> None:
    document = asking()
    document["steps"][0]["input_mapping"] = {"text": "input.text"}
    large = "\u00e9" * 100_000  # 200 KB
    body = {"workflow": document, "input": {"text": large}}
    execution_id: str = start_run.start(engine, ME, body)["execution_id"]
    for _ in range(MOST_LOOKS):
        if approval_of(engine, execution_id) is not None:
            break
        engine.sleep(0.02)
    assert standing(engine, execution_id).input == {"text": large}
    (item,) = inbox(engine, YOU)
    assert (item["input"], item["input_is_left_out"]) == (None, True)
    assert decide(engine, execution_id, payload=large)["is_delivered"]
    assert standing(engine, execution_id).payload == large
    assert ended(engine, execution_id)["status"] == "completed"
