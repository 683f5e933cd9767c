"""What ops get to see: faults of step functions in the log, data points in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.step_data import handler as step_data
from llm_gateway.errors import LlmUnavailableError
from tests.support import http_events
from workflow_engine import metrics
from workflow_engine.errors import MisconfiguredError, ThrottledError
from workflow_engine.faults import faults_logged, is_failure_by_contract
from workflow_engine.http.operation import Operation
from workflow_engine.http.queries import WAIT
from workflow_engine.http.resolver import ApiResolver, api_resolver
from workflow_engine.sdk import InvalidStepInput, StepOutputError, StepReportedFailure


@pytest.mark.parametrize(
    "error",
    [
        InvalidStepInput("no"),
        StepOutputError("no"),
        StepReportedFailure("no"),
        LlmUnavailableError("down"),
        ThrottledError("busy"),
    ],
)
def test_a_failure_by_contract_is_no_fault(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(type(error)), faults_logged():
        raise error
    assert caplog.records == []


@pytest.mark.parametrize("error", [KeyError("a"), MisconfiguredError("no", aws_code="AccessDenied", aws_message="")])
def test_a_fault_is_logged_as_one_and_raised_on(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert not is_failure_by_contract(error)
    with pytest.raises(type(error)), faults_logged():
        raise error
    (record,) = caplog.records
    assert (record.levelname, vars(record)["fault"]) == ("ERROR", "unexpected")


def test_step_data_tells_its_faults_from_the_authors_mistakes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(InvalidStepInput):
        step_data.handler({"step_config": {"step_type": "nope"}, "input_data": {}}, None)
    assert caplog.records == []
    monkeypatch.setattr(step_data, "process", broken)
    with pytest.raises(ZeroDivisionError):
        step_data.handler({"step_config": {"step_type": "data_processing"}, "input_data": {}}, None)
    assert [vars(r)["fault"] for r in caplog.records] == ["unexpected"]


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_LAMBDA_FUNCTION_NAME", "f"), ("MACHINE_PREFIX", "workflow"), ("STAGE", "dev")):
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("in_lambda")
def test_a_data_point_has_the_name_and_dimension_that_alarms_watch(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit(metrics.QUARANTINED_RUNS, 1)
    point = json.loads(capsys.readouterr().out)
    (described,) = point["_aws"]["CloudWatchMetrics"]
    assert (described["Namespace"], described["Dimensions"]) == ("WorkflowEngine", [["Deployment"]])
    assert described["Metrics"] == [{"Name": "QuarantinedRuns", "Unit": "Count"}]
    assert (point["Deployment"], point["QuarantinedRuns"]) == ("workflow-dev", [1.0])


def test_outside_lambda_no_data_point_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit(metrics.QUARANTINED_RUNS, 1)
    assert capsys.readouterr().out == ""


@pytest.fixture
def app() -> ApiResolver:
    made = api_resolver({})
    made.serve(Operation("runs", "GET /runs", {200: "AnyValue"}, query=(WAIT,)), lambda _: {})
    return made


@pytest.mark.usefixtures("in_lambda")
@pytest.mark.parametrize(("query", "points"), [({}, 1), ({"wait": "0"}, 1), ({"wait": "25"}, 0), ({"waits": "1"}, 1)])
def test_a_request_counts_by_its_duration_unless_it_asks_to_wait(
    app: ApiResolver, capsys: pytest.CaptureFixture[str], query: dict[str, str], points: int
) -> None:
    app.resolve(http_events.request("GET", "/runs", query=query), None)  # type: ignore[arg-type]  # no route reads the context
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [w["_aws"]["CloudWatchMetrics"][0]["Metrics"] for w in written] == [
        [{"Name": "RequestDuration", "Unit": "Milliseconds"}]
    ] * points
