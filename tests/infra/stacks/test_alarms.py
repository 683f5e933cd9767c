"""Alarms and the dashboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Match, Template

from infra.catalog import FUNCTIONS
from infra.config import StageConfig
from infra.constructs.deployment import Deployment, construct_id
from infra.stacks.observability import ObservabilityStack
from tests.infra.stacks.support import checked
from tests.support.templates import Assembly, as_text

pytestmark = pytest.mark.xdist_group("cdk")


def alarms_of(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Alarms by what follows `workflow-STAGE-` in their names."""
    return {a["AlarmName"].split("-", 2)[2]: a for a in assembly.resources("AWS::CloudWatch::Alarm").values()}


def watched(alarm: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Namespace, metric and dimensions of an alarm."""
    dimensions = {d["Name"]: as_text(d["Value"]) for d in alarm.get("Dimensions", ())}
    return alarm["Namespace"], alarm["MetricName"], dimensions


def test_alarms_exist_for_all_that_can_go_wrong(dev: Assembly) -> None:
    wanted = set()
    for described in FUNCTIONS:
        id_ = "".join(part.capitalize() for part in described.name.split("_"))
        wanted |= {f"{id_}Throttles", f"{id_}Faults" if described.kind == "step" else f"{id_}Errors"}
        wanted |= {f"{id_}NotRunning"} if described.schedule_minutes else set()
    wanted |= {"DeadLetters", "EndedRunsWait", "QuarantinedRuns", "ExecutionThrottled", "ServerErrors", "SlowRequests"}
    wanted |= {"UncountedRuns", "CountedLate"}
    parts = ("Table", "ByTenant", "ByWorkflow", "ByArn", "ByDue")
    wanted |= {f"{part}{what}Throttles" for part in parts for what in ("Read", "Write")}
    assert set(alarms_of(dev)) == wanted


def test_every_alarm_is_on_one_plain_metric_that_is_no_mistake_to_miss(dev: Assembly) -> None:
    for name, alarm in alarms_of(dev).items():
        assert "Metrics" not in alarm, name
        if not name.endswith("NotRunning"):
            assert alarm["TreatMissingData"] == "notBreaching", name
            assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold", name


@pytest.mark.parametrize(
    ("name", "metric", "statistic", "threshold"),
    [
        (
            "DeadLetters",
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "ended-runs-dead"),
            "Maximum",
            1,
        ),
        ("EndedRunsWait", ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "ended-runs"), "Maximum", 1800),
        (
            "UncountedRuns",
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "uncounted-runs"),
            "Maximum",
            1,
        ),
        ("CountedLate", ("AWS/Lambda", "IteratorAge", "FunctionName", "run-counter"), "Maximum", 1_800_000),
        ("QuarantinedRuns", ("WorkflowEngine", "QuarantinedRuns", "Deployment", ""), "Sum", 1),
        ("SlowRequests", ("WorkflowEngine", "RequestDuration", "Deployment", ""), "p99", 5000),
        ("TableWriteThrottles", ("AWS/DynamoDB", "WriteThrottleEvents", "TableName", "table"), "Sum", 10),
        ("ApiToolsErrors", ("AWS/Lambda", "Errors", "FunctionName", "api-tools"), "Sum", 1),
    ],
)
def test_an_alarm_watches_what_its_name_says(
    dev: Assembly, name: str, metric: tuple[str, str, str, str], statistic: str, threshold: int
) -> None:
    alarm = alarms_of(dev)[name]
    namespace, metric_name, dimension, value = metric
    assert watched(alarm) == (namespace, metric_name, {dimension: f"workflow-dev-{value}".removesuffix("-")})
    assert (alarm.get("Statistic") or alarm["ExtendedStatistic"], alarm["Threshold"]) == (statistic, threshold)


def test_throttled_transitions_are_the_accounts_since_machines_come_and_go(dev: Assembly) -> None:
    alarm = alarms_of(dev)["ExecutionThrottled"]
    assert watched(alarm) == ("AWS/States", "ThrottledEvents", {"ServiceMetric": "StateTransition"})
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)


def test_an_index_is_watched_beside_its_table(dev: Assembly) -> None:
    names = {index["IndexName"] for index in dev.only("AWS::DynamoDB::Table")["GlobalSecondaryIndexes"]}
    found = [watched(alarm) for name, alarm in alarms_of(dev).items() if name.startswith("By")]
    both = {(n, f"{what}ThrottleEvents") for n in names for what in ("Read", "Write")}
    assert {(d["GlobalSecondaryIndexName"], metric) for _, metric, d in found} == both
    assert {d["TableName"] for _, _, d in found} == {"workflow-dev-table"}


def test_the_docs_tell_every_alarm_of_its_own_and_how_many_there_are(dev: Assembly) -> None:
    text = (Path(__file__).parents[3] / "docs" / "deploy.md").read_text(encoding="utf-8")
    of_functions = {f"{construct_id(f.name)}{kind}" for f in FUNCTIONS for kind in ("Errors", "Faults", "Throttles")}
    more = set(alarms_of(dev)) - of_functions
    kinds = {name for name in more if not re.fullmatch("(Table|By).+Throttles", name)}
    assert [name for name in sorted(kinds) if f"`{name}`" not in text] == []
    assert len(set(alarms_of(dev)) & of_functions) == 2 * len(FUNCTIONS)
    assert f"two for each function and {len(more)} more" in " ".join(text.split())


def test_a_clock_that_stands_still_is_told_though_it_makes_no_data(dev: Assembly) -> None:
    periods = {f.name: f.schedule_minutes * 60 for f in FUNCTIONS if f.schedule_minutes is not None}
    assert len(periods) == 5
    for name, period in periods.items():
        alarm = alarms_of(dev)[f"{construct_id(name)}NotRunning"]
        assert watched(alarm)[:2] == ("AWS/Lambda", "Invocations")
        assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Sum", period, 3)
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert alarm["TreatMissingData"] == "breaching"


def test_a_step_function_alarms_by_the_faults_in_its_log_and_not_by_users_failures(dev: Assembly) -> None:
    filters = dev.resources("AWS::Logs::MetricFilter").values()
    made = {t["MetricName"]: f for f in filters for t in f["MetricTransformations"]}
    for described in (f for f in FUNCTIONS if f.kind == "step"):
        id_ = "".join(part.capitalize() for part in described.name.split("_"))
        name = f"workflow-dev-{described.name.replace('_', '-')}"
        assert f"{id_}Errors" not in alarms_of(dev)
        assert watched(alarms_of(dev)[f"{id_}Faults"]) == ("WorkflowEngine", f"{name}-faults", {})
        found = made.pop(f"{name}-faults")
        (counted,) = found["MetricTransformations"]
        assert (counted["MetricNamespace"], counted["MetricValue"]) == ("WorkflowEngine", "1")
        group = dev.templates["steps"]["Resources"][found["LogGroupName"]["Ref"]]
        assert group["Properties"]["LogGroupName"] == f"/aws/lambda/{name}"
        assert '($.fault = "unexpected") || ($.errorType = "Runtime.*")' in found["FilterPattern"]
        assert '$.record.status = "timeout"' in found["FilterPattern"]
        assert '$.record.status = "error"' not in found["FilterPattern"]
    assert not made


def test_alarms_tell_somebody_when_there_is_a_topic(dev: Assembly, prod: Assembly) -> None:
    assert all("AlarmActions" not in a for a in dev.resources("AWS::CloudWatch::Alarm").values())
    actions = [a["AlarmActions"] for a in prod.resources("AWS::CloudWatch::Alarm").values()]
    assert actions == [["arn:aws:sns:eu-west-1:123456789012:alarms"]] * len(actions)


def test_alarms_can_be_left_out() -> None:
    deployment = Deployment(StageConfig(alarms=False))
    stack = ObservabilityStack(App(), "Observability", deployment=deployment, api_id="api")
    Template.from_stack(stack).resource_count_is("AWS::CloudWatch::Alarm", 0)
    Template.from_stack(stack).resource_count_is("AWS::CloudWatch::Dashboard", 1)


def test_there_is_a_dashboard(dev: Assembly) -> None:
    checked(dev, "observability").has_resource_properties(
        "AWS::CloudWatch::Dashboard", {"DashboardName": "workflow-dev", "DashboardBody": Match.any_value()}
    )
