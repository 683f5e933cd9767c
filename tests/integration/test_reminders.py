"""Reminders of decisions that nobody makes: sent once a due time, as long as the decision is open, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.support.moto_cloud import MotoCloud
from workflow_engine.errors import ConflictError, UnavailableError
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.store.executions import Execution
from workflow_engine.store.quotas import Quota
from workflow_engine.store.reminders import ReminderStore
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.usecases.approvals.decide import decide
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import cancel_run, read_results, start_run
from workflow_engine.usecases.steps import register_step, remove_step
from workflow_engine.usecases.upkeep.send_reminders import send_reminders
from workflow_engine.usecases.workflows import save_workflow

ME: Final = Caller("default", "me", frozenset({"manager"}))
ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-mail"
MOST_LOOKS: Final = 600
RULE: Final = {"after_seconds": 3600, "step_type": "mail"}


class Mail:
    """The registered step that reminds: keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.fails = False

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        self.sent.append(event)
        if self.fails:
            raise RuntimeError("no such mailbox")
        return {"sent": True}

    @property
    def numbers(self) -> list[int]:
        return [event["input_data"]["number"] for event in self.sent]


@pytest.fixture
def mail() -> Mail:
    return Mail()


@pytest.fixture
def engine(mail: Mail) -> Iterator[Engine]:
    with MotoCloud() as cloud:
        cloud.functions().register(ARN, mail)
        engine = Engine.from_environment()
        register(engine)
        yield engine


def register(engine: Engine, **fields: Any) -> None:
    register_step.register(engine, ME, {"step_type": "mail", "function_arn": ARN, **fields})


def asking(reminder: dict[str, Any] = RULE, **config: Any) -> dict[str, Any]:
    given = {"prompt": "Well?", "approver_role": "manager", "reminder": reminder, **config}
    return {"name": "Asking", "steps": [{"step_id": "ask", "step_type": "human_approval", "config": given}]}


def asked(engine: Engine, reminder: dict[str, Any] = RULE, **config: Any) -> str:
    """A run that asks."""
    execution_id: str = start_run.start(engine, ME, asking(reminder, **config))["execution_id"]
    for _ in range(MOST_LOOKS):
        if read_results.get_execution(engine, ME, execution_id)["status"] == "waiting":
            return execution_id
        engine.sleep(0.02)
    raise AssertionError(f"{execution_id} does not ask")


def later(engine: Engine, **time: float) -> Engine:
    return Engine(engine.settings, now=lambda: datetime.now(UTC) + timedelta(**time))


def reminders(engine: Engine, execution_id: str) -> list[Execution]:
    """The runs that reminded of a decision, once they have ended."""
    runs = engine.executions.page(ME.tenant_id, RunFilter(), 100).runs
    found = [engine.executions.get(ME.tenant_id, run.record["execution_id"]) for run in runs]
    sent = [run for run in found if (run.metadata or {}).get("reminder_of", {}).get("execution_id") == execution_id]
    assert all(read_results.wait_for_end(engine, ME, run.execution_id, 30) for run in sent)
    return sent


def round_after(engine: Engine, execution_id: str, **time: float) -> dict[str, int]:
    """A round of the clock that much later, and the end of what it started."""
    counts = send_reminders(later(engine, **time))
    reminders(engine, execution_id)
    return counts


def test_who_may_decide_is_reminded_once_when_it_is_time(engine: Engine, mail: Mail) -> None:
    execution_id = asked(engine, {**RULE, "config": {"to": "m@example.org"}}, timeout_seconds=86_400)
    assert round_after(engine, execution_id, minutes=59) == {"sent": 0, "ended": 0, "failed": 0}
    assert round_after(engine, execution_id, minutes=61)["sent"] == 1
    assert round_after(engine, execution_id, hours=5) == {"sent": 0, "ended": 0, "failed": 0}
    (event,) = mail.sent
    assert event["step_config"]["config"] == {"to": "m@example.org"}
    told = event["input_data"]
    approval = engine.approvals.find(ME.tenant_id, execution_id, "ask")
    assert approval is not None
    assert told == {
        "execution_id": execution_id,
        "workflow_id": approval.workflow_id,
        "workflow_name": "Asking",
        "step_id": "ask",
        "place": "ask",
        "message": "Well?",
        "roles": ["manager"],
        "require_comment": False,
        "asked_at": approval.opened_at,
        "deadline": approval.deadline,
        "number": 1,
    }
    assert str(approval.token) not in str(event)
    assert read_results.get_execution(engine, ME, execution_id)["status"] == "waiting"


def test_reminders_are_repeated_as_often_as_is_said(engine: Engine, mail: Mail) -> None:
    execution_id = asked(engine, {**RULE, "every_seconds": 3600, "max": 3})
    for hours in (1.1, 1.5, 2.2, 3.3, 4.4, 9):
        round_after(engine, execution_id, hours=hours)
    assert mail.numbers == [1, 2, 3]


def test_of_reminders_that_nobody_could_send_in_time_one_is_sent(engine: Engine, mail: Mail) -> None:
    execution_id = asked(engine, {**RULE, "every_seconds": 60, "max": 50})
    for _ in range(3):
        round_after(engine, execution_id, hours=8)
    assert mail.numbers == [1]


def test_nobody_is_reminded_of_what_is_decided(engine: Engine, mail: Mail) -> None:
    execution_id = asked(engine)
    decide(engine, ME, execution_id, "ask", None, "approved", {})
    assert round_after(engine, execution_id, hours=2) == {"sent": 0, "ended": 1, "failed": 0}
    assert round_after(engine, execution_id, hours=3) == {"sent": 0, "ended": 0, "failed": 0}
    assert mail.sent == []


def test_nobody_is_reminded_after_the_end_of_the_run_or_of_the_time(engine: Engine, mail: Mail) -> None:
    cancelled, late = asked(engine), asked(engine, {**RULE, "after_seconds": 60}, timeout_seconds=7200)
    cancel_run.cancel(engine, ME, cancelled)
    assert round_after(engine, late, hours=3) == {"sent": 0, "ended": 2, "failed": 0}
    assert mail.sent == []


def test_a_reminder_whose_sending_nobody_noticed_is_not_sent_twice(
    engine: Engine, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = asked(engine)

    def died(*_: Any) -> None:
        raise UnavailableError("DynamoDB does not answer.")

    with monkeypatch.context() as outage:
        outage.setattr(ReminderStore, "end", died)
        round_after(engine, execution_id, hours=2)
    assert mail.numbers == [1]
    assert round_after(engine, execution_id, hours=3)["sent"] == 1
    assert mail.numbers == [1]
    assert len(reminders(engine, execution_id)) == 1


def test_a_reminder_that_fails_leaves_the_decision_open(engine: Engine, mail: Mail) -> None:
    mail.fails = True
    execution_id = asked(engine, {**RULE, "every_seconds": 3600})
    for hours in (1.1, 2.2):
        assert round_after(engine, execution_id, hours=hours)["sent"] == 1
    assert {run.status for run in reminders(engine, execution_id)} == {"failed"}
    decide(engine, ME, execution_id, "ask", None, "approved", {})
    assert read_results.wait_for_end(engine, ME, execution_id, 30)
    assert read_results.get_execution(engine, ME, execution_id)["status"] == "completed"


def test_a_reminder_whose_step_type_is_gone_keeps_no_other_from_being_sent(engine: Engine, mail: Mail) -> None:
    register_step.register(engine, ME, {"step_type": "gone", "function_arn": ARN})
    first = asked(engine, {**RULE, "step_type": "gone", "after_seconds": 3000})
    second = asked(engine)
    remove_step.delete(engine, ME, "gone")
    assert round_after(engine, second, hours=2) == {"sent": 1, "ended": 0, "failed": 1}
    assert [event["input_data"]["execution_id"] for event in mail.sent] == [second]
    assert reminders(engine, first) == []


def test_a_later_attempt_is_reminded_of_by_itself(engine: Engine, mail: Mail) -> None:
    document = asking(timeout_seconds=1, reminder={**RULE, "after_seconds": 1} | {"every_seconds": 60})
    document["steps"][0]["timeout_seconds"] = 2
    document["steps"][0]["config"].pop("timeout_seconds")
    document["steps"][0] |= {"max_retries": 1, "retry_delay_seconds": 1}
    execution_id = start_run.start(engine, ME, document)["execution_id"]
    openings = set()
    for _ in range(MOST_LOOKS):
        approval = engine.approvals.find(ME.tenant_id, execution_id, "ask")
        if approval is not None:
            openings.add(approval.opening)
        if len(openings) == 2:
            break
        engine.sleep(0.02)
    (key,) = engine.due.reminders(later(engine, hours=1).timestamp(), 10)
    planned = engine.reminders.load(key)
    assert planned is not None
    assert (planned.opening, planned.number) == (max(openings), 1)


@pytest.mark.parametrize(
    ("reminder", "config", "pointer", "told"),
    [
        ({"step_type": "mail"}, {}, "", "after_seconds"),
        ({**RULE, "after_seconds": 0}, {}, "/after_seconds", "minimum"),
        ({**RULE, "every_seconds": 5}, {}, "/every_seconds", "minimum"),
        ({**RULE, "max": 3}, {}, "/max", "every_seconds"),
        (RULE, {"timeout_seconds": 3600}, "/after_seconds", "never sent"),
        ({**RULE, "step_type": "mial"}, {}, "/step_type", "no step type 'mial'"),
        ({**RULE, "step_type": "mail@7"}, {}, "/step_type", "mail@7"),
        ({**RULE, "step_type": "http_request"}, {}, "/step_type", "registered"),
        ({**RULE, "step_type": 5}, {}, "/step_type", "a text"),
        ({**RULE, "config": {"from": 5}}, {}, "/config/from", "a text"),
        ({**RULE, "confg": {}}, {}, "/confg", "config"),
    ],
)
def test_a_reminder_that_could_not_be_sent_is_refused_where_it_is_wrong(
    engine: Engine, reminder: dict[str, Any], config: dict[str, Any], pointer: str, told: str
) -> None:
    register(engine, config_schema={"type": "object", "properties": {"from": {"type": "string"}}})
    with pytest.raises(InvalidWorkflowError) as refused:
        start_run.start(engine, ME, asking(reminder, **config))
    found = [d for d in refused.value.diagnostics if d.severity == "error"]
    assert [d.pointer for d in found] == [f"/steps/0/config/reminder{pointer}"]
    assert told in found[0].detail


def test_a_type_that_reminds_may_be_pinned_and_is_in_use(engine: Engine, mail: Mail) -> None:
    register(engine)
    pinned = asking({**RULE, "step_type": "mail@1"})
    save_workflow.create(engine, ME, pinned)
    with pytest.raises(ConflictError, match="Asking"):
        remove_step.delete(engine, ME, "mail")
    execution_id = start_run.start(engine, ME, pinned)["execution_id"]
    for _ in range(MOST_LOOKS):
        if engine.approvals.find(ME.tenant_id, execution_id, "ask"):
            break
        engine.sleep(0.02)
    engine.sleep(0.1)
    assert round_after(engine, execution_id, hours=2)["sent"] == 1
    assert mail.numbers == [1]


def test_a_quota_that_is_used_up_puts_a_reminder_off_and_keeps_no_other_tenant_from_theirs(
    engine: Engine, mail: Mail
) -> None:
    engine.quotas.set(ME.tenant_id, Quota(running=1))
    execution_id = asked(engine, {**RULE, "after_seconds": 1})
    assert send_reminders(later(engine, minutes=10)) == {"sent": 0, "ended": 0, "failed": 1}
    engine.quotas.set(ME.tenant_id, None)
    assert send_reminders(later(engine, minutes=11)) == {"sent": 0, "ended": 0, "failed": 0}
    assert round_after(engine, execution_id, minutes=16)["sent"] == 1
    assert mail.numbers == [1]


def test_another_tenants_reminders_are_runs_of_theirs(engine: Engine, mail: Mail) -> None:
    execution_id = asked(engine)
    round_after(engine, execution_id, hours=2)
    assert {run.tenant_id for run in reminders(engine, execution_id)} == {ME.tenant_id}
    assert engine.executions.page("other", RunFilter(), 10).runs == []
