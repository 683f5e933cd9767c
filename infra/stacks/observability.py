"""What people look at, and what tells them to: a dashboard and alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.catalog import FUNCTIONS
from infra.constructs.deployment import Deployment, construct_id
from infra.function import Function
from workflow_engine import metrics
from workflow_engine.store.schema import INDEXES

FIVE_MINUTES = Duration.minutes(5)
SLOW_MILLISECONDS = 5000
"""The slowest hundredth of requests should be below this. Those that `?wait` are meant to be slow and not counted, which
API Gateway's own Latency cannot tell apart; ours leaves out the start of a function.
"""

LATE_SECONDS = 1800
"""A message that cannot be recorded is tried for about as long before it is a dead letter."""

MANY_THROTTLES = 10
"""In five minutes. Single ones happen while an on-demand table makes room, and are repeated by the clients."""


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
            yield from self._alarms_of(described)
        yield "DeadLetters", {"metric": self._messages("ended-runs-dead"), "text": "Ends of runs could not be recorded"}
        yield (
            "EndedRunsWait",
            {
                "metric": self._age("ended-runs"),
                "text": "Ends of runs are recorded half an hour late: the recorder is too slow, or fails",
                "threshold": LATE_SECONDS,
            },
        )
        yield "UncountedRuns", {"metric": self._messages("uncounted-runs"), "text": "Ended runs could not be counted"}
        yield (
            "CountedLate",
            {
                "metric": self._lambda("IteratorAge", "run_counter", "Maximum"),
                "text": "Figures of runs are half an hour late: counting is too slow, or fails",
                "threshold": LATE_SECONDS * 1000,
            },
        )
        yield (
            "QuarantinedRuns",
            {
                "metric": self._own(metrics.QUARANTINED_RUNS),
                "text": "Runs whose end, or history, is looked for no longer",
            },
        )
        yield (
            "ExecutionThrottled",
            {"metric": _throttled_transitions(), "text": "Runs wait for the account's quota of state transitions"},
        )
        for name, throttles in self._table_throttles().items():
            text = f"DynamoDB throttles: {name}"
            yield name, {"metric": throttles, "text": text, "threshold": MANY_THROTTLES}
        yield "ServerErrors", {"metric": self._api("5xx", "Sum"), "text": "The API answers with errors of its own"}
        yield (
            "SlowRequests",
            {
                "metric": self._own(metrics.REQUEST_DURATION, "p99"),
                "text": f"1 % of requests that do not ask to wait take longer than {SLOW_MILLISECONDS} ms",
                "threshold": SLOW_MILLISECONDS,
                "periods": 3,
            },
        )

    def _alarms_of(self, described: Function) -> Iterator[tuple[str, dict[str, Any]]]:
        id_, text = construct_id(described.name), self._deployment.function_name(described.name)
        if described.kind == "step":
            # Lambda's own metric counts the failures of users' steps too, since a step fails by an exception.
            yield f"{id_}Faults", {"metric": self._faults(described.name), "text": f"{text} fails by its own fault"}
        else:
            yield f"{id_}Errors", {"metric": self._lambda("Errors", described.name), "text": f"{text} raises errors"}
        throttles = self._lambda("Throttles", described.name)
        yield f"{id_}Throttles", {"metric": throttles, "text": f"{text} is throttled"}
        if described.schedule_minutes:
            period = Duration.minutes(described.schedule_minutes)
            yield (
                f"{id_}NotRunning",
                {
                    "metric": self._lambda("Invocations", described.name).with_(period=period),
                    "text": f"{text} has missed three rounds",
                    "operator": cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                    "periods": 3,
                    # A function that nobody invokes has no data points.
                    "missing": cloudwatch.TreatMissingData.BREACHING,
                },
            )

    def _alarm(
        self,
        id_: str,
        *,
        metric: cloudwatch.Metric,
        text: str,
        threshold: float = 1,
        periods: int = 1,
        operator: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            id_,
            alarm_name=self._deployment.name(id_),
            alarm_description=text,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=operator,
            treat_missing_data=missing,
        )

    def _dashboard(self) -> None:
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._deployment.config.stem)
        requests = [self._api(metric, "Sum") for metric in ("Count", "4xx", "5xx")]
        latency = [self._api("Latency", statistic) for statistic in ("p50", "p99")]
        latency.append(self._own(metrics.REQUEST_DURATION, "p99").with_(label="p99 without ?wait"))
        runs = [self._runs(m) for m in ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed")]
        faults = [self._faults(f.name).with_(label=f.name) for f in FUNCTIONS if f.kind == "step"]
        dashboard.add_widgets(_graph("Requests", requests), _graph("Latency, ms", latency))
        dashboard.add_widgets(
            _graph("Function errors, failures of users' steps among them", self._each_function("Errors")),
            _graph("Faults of step functions", faults),
        )
        dashboard.add_widgets(
            _graph("Function duration p99, ms", self._each_function("Duration", "p99")),
            _graph("Function throttles", self._each_function("Throttles")),
        )
        dashboard.add_widgets(
            _graph("Runs", runs), _graph("Throttled state transitions of the account", [_throttled_transitions()])
        )
        not_recorded = [
            self._messages("ended-runs"),
            self._messages("ended-runs-dead"),
            self._own(metrics.QUARANTINED_RUNS),
        ]
        dashboard.add_widgets(
            _graph("Ended runs that are not recorded", not_recorded),
            _graph("Age of the oldest of them, s", [self._age("ended-runs")]),
        )
        throttles = [metric.with_(label=name) for name, metric in self._table_throttles().items()]
        dashboard.add_widgets(_graph("Throttled reads and writes of the table", throttles))

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

    def _messages(self, queue: str) -> cloudwatch.Metric:
        return self._queue("ApproximateNumberOfMessagesVisible", queue)

    def _age(self, queue: str) -> cloudwatch.Metric:
        return self._queue("ApproximateAgeOfOldestMessage", queue)

    def _queue(self, metric: str, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SQS",
            metric_name=metric,
            dimensions_map={"QueueName": self._deployment.name(name)},
            statistic="Maximum",
            period=FIVE_MINUTES,
        )

    def _own(self, metric: str, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=metrics.NAMESPACE,
            metric_name=metric,
            dimensions_map={metrics.DEPLOYMENT: self._deployment.config.stem},
            statistic=statistic,
            period=FIVE_MINUTES,
        )

    def _faults(self, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=metrics.NAMESPACE,
            metric_name=self._deployment.faults_metric(name),
            statistic="Sum",
            period=FIVE_MINUTES,
        )

    def _table_throttles(self) -> dict[str, cloudwatch.Metric]:
        """Metrics by the name of their alarm. The one of the table leaves its indexes out; a full index holds up the
        writes of the table ("DynamoDB metrics and dimensions", ReadThrottleEvents and WriteThrottleEvents).
        """
        table = {"TableName": self._deployment.name("table")}
        parts = {"Table": table} | {
            construct_id(index.name): {**table, "GlobalSecondaryIndexName": index.name} for index in INDEXES
        }
        return {
            f"{part}{what}s": cloudwatch.Metric(
                namespace="AWS/DynamoDB",
                metric_name=f"{what}Events",
                dimensions_map=dimensions,
                statistic="Sum",
                period=FIVE_MINUTES,
            )
            for part, dimensions in parts.items()
            for what in ("ReadThrottle", "WriteThrottle")
        }

    def _runs(self, metric: str) -> cloudwatch.MathExpression:
        # Machines come and go, so they are found by a query over all of the account's, whatever their names.
        query = f'SELECT SUM({metric}) FROM SCHEMA("AWS/States", StateMachineArn)'  # noqa: S608  # CloudWatch's own language
        return cloudwatch.MathExpression(expression=query, using_metrics={}, label=metric, period=FIVE_MINUTES)


def _throttled_transitions() -> cloudwatch.Metric:
    """Of all machines of the account, which share the quota. `ExecutionThrottled` counts the same for each machine, and
    machines come and go (Step Functions, "CloudWatch metrics", service metrics of state transitions).
    """
    return stepfunctions.StateTransitionMetric.metric_throttled_events(statistic="Sum", period=FIVE_MINUTES)


def _graph(title: str, metrics: list[Any]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=12)
