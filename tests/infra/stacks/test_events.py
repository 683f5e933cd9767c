"""What machines and the table tell, and whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from tests.support.templates import Assembly, as_text
from workflow_engine.store.aggregates.stream import STREAM_FILTERS

pytestmark = pytest.mark.xdist_group("cdk")


def test_starts_of_subflows_reach_the_recorder_by_the_same_queue(dev: Assembly) -> None:
    started, ended = rules_of_machines(dev)
    pattern = as_text(started["EventPattern"])
    assert pattern["detail"] | {"stateMachineArn": None} == {
        "status": ["RUNNING"],
        "name": [{"prefix": "sub-"}],
        "stateMachineArn": None,
    }
    assert pattern["detail"]["stateMachineArn"] == as_text(ended["EventPattern"])["detail"]["stateMachineArn"]
    assert as_text(started["Targets"])[0]["Arn"] == as_text(ended["Targets"])[0]["Arn"]


def rules_of_machines(assembly: Assembly) -> tuple[Any, Any]:
    """The rules for starts of subflows, and for ends of runs."""
    rules = [r for r in assembly.resources("AWS::Events::Rule").values() if "EventPattern" in r]
    (started,) = [r for r in rules if r["EventPattern"]["detail"]["status"] == ["RUNNING"]]
    (ended,) = [r for r in rules if r is not started]
    return started, ended


def mapping_of(assembly: Assembly, function_id: str) -> dict[str, Any]:
    resources = assembly.resources("AWS::Lambda::EventSourceMapping").values()
    mappings: list[dict[str, Any]] = [as_text(mapping) for mapping in resources]
    (found,) = [mapping for mapping in mappings if function_id in mapping["FunctionName"]]
    return found


def test_ends_of_our_own_machines_reach_the_recorder_by_a_queue(dev: Assembly) -> None:
    _, rule = rules_of_machines(dev)
    pattern = as_text(rule["EventPattern"])
    assert pattern["detail-type"] == ["Step Functions Execution Status Change"]
    assert pattern["detail"]["status"] == ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
    (machines,) = pattern["detail"]["stateMachineArn"]
    assert machines["prefix"].endswith(":stateMachine:workflow-dev-")
    (target,) = as_text(rule["Targets"])
    mapping = mapping_of(dev, "ExecutionRecorder")
    assert mapping["EventSourceArn"] == target["Arn"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10
    assert "MaximumBatchingWindowInSeconds" not in mapping  # nobody who waits for an end waits for other ends
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}


def test_what_cannot_be_recorded_is_kept_for_two_weeks(dev: Assembly) -> None:
    queues = dev.resources("AWS::SQS::Queue")
    (queue,) = [q for q in queues.values() if "RedrivePolicy" in q]
    dead = {q["QueueName"]: q["MessageRetentionPeriod"] for q in queues.values() if "RedrivePolicy" not in q}
    assert dead == dict.fromkeys(("workflow-dev-ended-runs-dead", "workflow-dev-uncounted-runs"), 14 * 86_400)
    (recorder,) = [f for f in FUNCTIONS if f.name == "execution_recorder"]
    assert queue["VisibilityTimeout"] >= 6 * recorder.timeout_seconds


def test_who_counts_runs_is_told_of_ends_and_results_alone_and_what_fails_is_put_aside(dev: Assembly) -> None:
    assert dev.only("AWS::DynamoDB::Table")["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    mapping = mapping_of(dev, "RunCounter")
    assert "StreamArn" in mapping["EventSourceArn"]
    patterns = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]
    assert patterns == [dict(pattern) for pattern in STREAM_FILTERS]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert "UncountedRuns" in mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (1000, 12 * 3600)
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
