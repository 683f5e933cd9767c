"""What people look at, and what tells them to: a dashboard and alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.catalog import FUNCTIONS
from infra.constructs.deployment import Deployment, construct_id

FIVE_MINUTES = Duration.minutes(5)
SLOW_MILLISECONDS = 5000
"""The slowest hundredth of requests should be below this; those that `?wait` are meant to be slow, and few."""


class ObservabilityStack(Stack):
    """Metrics are found by name, so this stack can come and go without the others."""

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment, api_id: str, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        self._deployment = deployment
        self._api_id = api_id
        wanted = self._alarms() if deployment.config.alarms else ()
        self.alarms = [self._alarm(id_, **what) for id_, what in wanted]
        topic_arn = deployment.config.alarm_topic_arn
        if topic_arn:
            notify = actions.SnsAction(sns.Topic.from_topic_arn(self, "AlarmTopic", topic_arn))
            for alarm in self.alarms:
                alarm.add_alarm_action(notify)
        self._dashboard()

    def _alarms(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for described in FUNCTIONS:
            id_ = construct_id(described.name)
            text = self._deployment.function_name(described.name)
            yield f"{id_}Errors", {"metric": self._lambda("Errors", described.name), "text": f"{text} raises errors"}
            yield (
                f"{id_}Throttles",
                {"metric": self._lambda("Throttles", described.name), "text": f"{text} is throttled"},
            )
        yield "DeadLetters", {"metric": self._queue("ended-runs-dead"), "text": "Ends of runs could not be recorded"}
        yield (
            "ExecutionThrottled",
            {"metric": self._execution_throttled(), "text": "Runs wait for Step Functions' quota"},
        )
        yield "ServerErrors", {"metric": self._api("5xx", "Sum"), "text": "The API answers with errors of its own"}
        yield (
            "SlowRequests",
            {
                "metric": self._api("Latency", "p99"),
                "text": f"1 % of requests take longer than {SLOW_MILLISECONDS} ms",
                "threshold": SLOW_MILLISECONDS,
                "periods": 3,
            },
        )

    def _alarm(
        self, id_: str, *, metric: cloudwatch.IMetric, text: str, threshold: float = 1, periods: int = 1
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            id_,
            alarm_name=self._deployment.name(id_),
            alarm_description=text,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _dashboard(self) -> None:
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._deployment.config.stem)
        requests = [self._api(metric, "Sum") for metric in ("Count", "4xx", "5xx")]
        latency = [self._api("Latency", statistic) for statistic in ("p50", "p99")]
        runs = [self._runs(m) for m in ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed")]
        dashboard.add_widgets(_graph("Requests", requests), _graph("Latency, ms", latency))
        dashboard.add_widgets(
            _graph("Function errors", self._each_function("Errors")),
            _graph("Function throttles", self._each_function("Throttles")),
        )
        dashboard.add_widgets(
            _graph("Function duration p99, ms", self._each_function("Duration", "p99")), _graph("Runs", runs)
        )
        dashboard.add_widgets(
            _graph("Ended runs that are not recorded", [self._queue("ended-runs"), self._queue("ended-runs-dead")]),
            _graph("Throttled state transitions", [self._execution_throttled()]),
        )

    def _each_function(self, metric: str, statistic: str = "Sum") -> list[cloudwatch.Metric]:
        return [self._lambda(metric, f.name, statistic).with_(label=f.name) for f in FUNCTIONS]

    def _lambda(self, metric: str, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=metric,
            dimensions_map={"FunctionName": self._deployment.function_name(name)},
            statistic=statistic,
            period=FIVE_MINUTES,
        )

    def _api(self, metric: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=metric,
            dimensions_map={"ApiId": self._api_id},
            statistic=statistic,
            period=FIVE_MINUTES,
        )

    def _queue(self, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions_map={"QueueName": self._deployment.name(name)},
            statistic="Maximum",
            period=FIVE_MINUTES,
        )

    def _runs(self, metric: str) -> cloudwatch.MathExpression:
        # Machines come and go, so they are found by a query over all of the account's, whatever their names.
        query = f'SELECT SUM({metric}) FROM SCHEMA("AWS/States", StateMachineArn)'  # noqa: S608  # CloudWatch's own language
        return cloudwatch.MathExpression(expression=query, using_metrics={}, label=metric, period=FIVE_MINUTES)

    def _execution_throttled(self) -> cloudwatch.MathExpression:
        return self._runs("ExecutionThrottled")


def _graph(title: str, metrics: list[Any]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=12)
