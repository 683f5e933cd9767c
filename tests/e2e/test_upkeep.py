"""What the clock starts: the sweeper of runs whose event was lost, the janitor of idle machines."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.harness.emulator import Emulator
from tests.e2e.runs import await_record, is_recorded, large_echo
from tests.support.http_client import ApiClient
from tests.support.looking import awaited

pytestmark = pytest.mark.e2e

TABLE = "workflow-dev-table"
RULE = "workflow-dev-run-ended"
LONG_AGO = "2020-01-01T00:00:00.000Z"


def invoke(emulator: Emulator, function: str) -> dict[str, Any]:
    """Start a function as the clock does, and wait for what it answers."""
    answer = emulator.client("lambda").invoke(FunctionName=f"workflow-dev-{function}", Payload=b"{}")
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def records(emulator: Emulator, attribute: str, value: str) -> list[dict[str, Any]]:
    """The table's records with this value, in DynamoDB's form."""
    pages = (
        emulator.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=TABLE,
            FilterExpression="#a = :v",
            ExpressionAttributeNames={"#a": attribute},
            ExpressionAttributeValues={":v": {"S": value}},
        )
    )
    return [record for page in pages for record in page["Items"]]


def make_due(emulator: Emulator, attribute: str, value: str, **others: str) -> None:
    """Let the records that the clock's functions look at be due, and change `others` in them."""
    table = emulator.client("dynamodb")
    due = [record for record in records(emulator, attribute, value) if "due_list" in record]
    assert due, "nothing is to be looked at"
    for record in due:
        changed = {name: {"S": text} for name, text in {"due_at": LONG_AGO, **others}.items()}
        table.put_item(TableName=TABLE, Item=record | changed)


@pytest.fixture
def lost_events(emulator: Emulator) -> Iterator[None]:
    """Nobody is told that a run has ended."""
    events = emulator.client("events")
    events.disable_rule(Name=RULE)
    yield
    events.enable_rule(Name=RULE)


def test_a_run_whose_event_was_lost_is_recorded_in_the_end(
    emulator: Emulator, api: ApiClient, lost_events: None
) -> None:
    """Its workflow and its results are too large for the table, so they are in the bucket."""
    execution_id = api.post("/workflows/execute", large_echo()).body["execution_id"]
    await_machine(emulator, execution_id)
    make_due(emulator, "execution_id", execution_id)
    assert invoke(emulator, "execution-sweeper")["recorded"] >= 1
    assert is_recorded(api, execution_id, "completed")


def test_a_run_whose_event_was_lost_is_recorded_when_somebody_reads_it(
    emulator: Emulator, api: ApiClient, lost_events: None
) -> None:
    execution_id = api.post("/workflows/execute", large_echo()).body["execution_id"]
    await_machine(emulator, execution_id)
    assert api.get(f"/executions/{execution_id}/results").body["status"] == "completed"
    assert is_recorded(api, execution_id, "completed")


def test_results_that_nobody_has_asked_for_are_archived(emulator: Emulator, api: ApiClient) -> None:
    """The run's output is too large for the end of its machine, so the history is read whatever the deployment wants."""
    execution_id = api.post("/workflows/execute", large_echo()).body["execution_id"]
    await_record(api, execution_id, "completed")
    assert api.get(f"/executions/{execution_id}").body["step_statuses"] is None
    make_due(emulator, "execution_id", execution_id)
    assert invoke(emulator, "results-archiver")["archived"] >= 1
    statuses = api.get(f"/executions/{execution_id}").body["step_statuses"]
    assert statuses == {f"copy_{n}": "completed" for n in range(5)}


def test_a_run_that_goes_on_is_looked_at_again(emulator: Emulator, api: ApiClient) -> None:
    workflow = {
        "name": "Waits",
        "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 600}}],
    }
    execution_id = api.post("/workflows/execute", workflow).body["execution_id"]
    make_due(emulator, "execution_id", execution_id)
    assert invoke(emulator, "execution-sweeper")["running"] >= 1
    (record,) = (r for r in records(emulator, "execution_id", execution_id) if "due_list" in r)
    assert record["due_at"]["S"] > LONG_AGO
    assert api.post(f"/executions/{execution_id}/cancel").status == 200


def test_an_idle_machine_is_retired_deleted_and_made_again(emulator: Emulator, api: ApiClient) -> None:
    """Nobody has used it because its record says that it is another, which was made and never started."""
    workflow = {
        "name": "Rarely",
        "steps": [
            {"step_id": f"rare_{uuid.uuid4().hex[:8]}", "step_type": "delay", "config": {"delay_seconds": 0}},
        ],
    }
    used = machine_of(emulator, api.execute(workflow)["execution_id"])
    idle = never_started(emulator, used)
    make_due(emulator, "machine_arn", used, created_at=LONG_AGO, machine_arn=idle)
    assert janitor_does(emulator) == {"retired": 1, "deleted": 0, "failed": 0}
    make_due(emulator, "machine_arn", idle)
    assert janitor_does(emulator) == {"retired": 0, "deleted": 1, "failed": 0}
    assert idle not in [arn for arn, _name in machines(emulator)]
    assert api.execute(workflow)["status"] == "completed"


def janitor_does(emulator: Emulator) -> dict[str, Any]:
    """A round of the janitor; it also looks at other tests' machines, which are in use."""
    done = invoke(emulator, "machine-janitor")
    assert done.pop("looked_at") >= 1
    return done


def machines(emulator: Emulator) -> list[tuple[str, str]]:
    found = emulator.client("stepfunctions").list_state_machines(maxResults=1000)["stateMachines"]
    return [(machine["stateMachineArn"], machine["name"]) for machine in found]


def machine_of(emulator: Emulator, execution_id: str) -> str:
    """The machine that a run ran on."""
    (record,) = (r for r in records(emulator, "execution_id", execution_id) if "execution_arn" in r)
    arn: str = record["execution_arn"]["S"]
    return arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]


def never_started(emulator: Emulator, arn: str) -> str:
    """A copy of a machine that has no executions."""
    states = emulator.client("stepfunctions")
    described = states.describe_state_machine(stateMachineArn=arn)
    copy: str = states.create_state_machine(
        name=f"{described['name'][:60]}-{uuid.uuid4().hex[:8]}",
        definition=described["definition"],
        roleArn=described["roleArn"],
    )["stateMachineArn"]
    return copy


def await_machine(emulator: Emulator, execution_id: str) -> None:
    """Wait until Step Functions has ended a run."""
    machine = machine_of(emulator, execution_id)
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{execution_id}"
    states = emulator.client("stepfunctions")
    awaited(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING", "the run does not end")
