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
        self.alarms = [self._alarm(id_, **what) for id_, what in self._alarms()]
        topic_arn = deployment.config.alarm_topic_arn
        if topic_arn:
            notify = actions.SnsAction(sns.Topic.from_topic_arn(self, "AlarmTopic", topic_arn))
            for alarm in self.alarms:
                alarm.add_alarm_action(notify)
        self._dashboard()

    def _alarms(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for described in FUNCTIONS:
            id_ = construct_id(described.name)
            text = f"{self._deployment.function_name(described.name)}"
            yield f"{id_}Errors", {"metric": self._lambda("Errors", described.name), "text": f"{text} raises errors"}
            yield f"{id_}Throttles", {"metric": self._lambda("Throttles", described.name), "text": f"{text} is throttled"}
        yield "DeadLetters", {"metric": self._dead_letters(), "text": "Ends of runs could not be recorded"}
        yield "ExecutionThrottled", {"metric": self._execution_throttled(), "text": "Runs wait for Step Functions' quota"}
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
        names = [f.name for f in FUNCTIONS]
        api = [self._api(metric, "Sum") for metric in ("Count", "4xx", "5xx")]
        latency = [self._api("Latency", statistic) for statistic in ("p50", "p99")]
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._deployment.config.stem)
        for row in (
            [_graph("Requests", api), _graph("Latency, ms", latency)],
            [_graph("Function errors", [self._lambda("Errors", n) for n in names]),
             _graph("Function throttles", [self._lambda("Throttles", n) for n in names])],
            [_graph("Function duration p99, ms", [self._lambda("Duration", n, "p99") for n in names]),
             _graph("Runs", [self._runs(m) for m in ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed")])],
            [_graph("Runs whose end is not recorded", [self._waiting_ends(), self._dead_letters()]),
             _graph("Throttled state transitions", [self._execution_throttled()])],
        ):  # fmt: skip
            dashboard.add_widgets(*row)

    def _lambda(self, metric: str, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=metric,
            dimensions_map={"FunctionName": self._deployment.function_name(name)},
            statistic=statistic,
            period=FIVE_MINUTES,
            label=name,
        )

    def _api(self, metric: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=metric,
            dimensions_map={"ApiId": self._api_id},
            statistic=statistic,
            period=FIVE_MINUTES,
            label=f"{metric} {statistic}",
        )

    def _queue(self, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions_map={"QueueName": self._deployment.name(name)},
            statistic="Maximum",
            period=FIVE_MINUTES,
            label=name,
        )

    def _waiting_ends(self) -> cloudwatch.Metric:
        return self._queue("ended-runs")

    def _dead_letters(self) -> cloudwatch.Metric:
        return self._queue("ended-runs-dead")

    def _runs(self, metric: str) -> cloudwatch.MathExpression:
        # Machines come and go, so they are found by a query over all of the account's, whatever their names.
        return _query(f'SELECT SUM({metric}) FROM SCHEMA("AWS/States", StateMachineArn)', metric)

    def _execution_throttled(self) -> cloudwatch.MathExpression:
        return self._runs("ExecutionThrottled")


def _query(expression: str, label: str) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=expression, using_metrics={}, label=label, period=FIVE_MINUTES)


def _graph(title: str, metrics: list[Any]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=12)
