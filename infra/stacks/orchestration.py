"""What machines run with, and what follows their runs: the role, the log group, the recorder of ended runs and who counts
them, and what the clock starts.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.catalog import FUNCTIONS, function
from infra.constructs.deployment import Deployment
from infra.constructs.engine_function import EngineFunction, retention
from infra.constructs.layers import Layers
from infra.constructs.machine_role import MachineRole
from infra.function import Function
from workflow_engine.store.aggregates.stream import STREAM_FILTERS
from workflow_engine.subflows import NAME_PREFIX

RECEIVE_COUNT = 10
"""How often the recorder may try. It puts back what may pass for 5, 10, 20, ... 900 seconds, so that is half an hour:
longer than the index by ARN lags."""

BATCH_SIZE = 10
"""As many as come without waiting for more (Lambda, "Using Lambda with Amazon SQS": a larger batch needs a window of a second,
in which whoever waits for the end of a run would wait too). They are recorded side by side, each with one write, so 5
invocations at once record about 1,000 ends a second."""


STREAM_BATCH = 360
"""Writes that are counted together, a transaction for 90 runs."""

STREAM_WINDOW_SECONDS = 5
"""How long Lambda gathers them: so the more runs end, the more are one addition."""

STREAM_RETRIES = 1000
STREAM_AGE_HOURS = 12
"""For as long, or as often, is told again what could not be counted, which holds up what comes behind it: an outage of hours
loses nothing, and what nobody can read is put aside within the hour. A stream keeps a day ("DynamoDB Streams", data retention).
"""


class OrchestrationStack(Stack):
    """Role and logs of the machines, which are made at run time; the queue of their ends, and who follows the table; scheduled
    functions.
    """

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment, stream_arn: str, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        config = deployment.config
        layers = Layers(self, "Layers", host_build=config.host_build)
        logs.LogGroup(
            self,
            "MachineLogs",
            log_group_name=deployment.machine_log_group_name,
            retention=retention(config.log_retention_days),
            removal_policy=deployment.removal_policy,
        )
        self.machine_role = MachineRole(self, "MachineRole", deployment)
        self.dead_letters, self.queue = self._queues(deployment)
        self._follow_machines(deployment)
        self.uncounted = self._dead_letters("UncountedRuns", deployment.name("uncounted-runs"))
        self.functions = {
            "execution_recorder": self._recorder(deployment, layers),
            "run_counter": self._counter(deployment, layers, stream_arn),
        }
        for described in FUNCTIONS:
            if described.kind in ("schedule", "deployment"):
                made = EngineFunction(self, described, deployment, layers)
                self.functions[described.name] = made
                self._schedule(described, made)

    def _queues(self, deployment: Deployment) -> tuple[sqs.Queue, sqs.Queue]:
        dead = self._dead_letters("DeadLetters", deployment.name("ended-runs-dead"))
        queue = sqs.Queue(
            self,
            "EndedRuns",
            queue_name=deployment.name("ended-runs"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # Six times the function's timeout ("Using Lambda with Amazon SQS", queue configuration).
            visibility_timeout=Duration.seconds(6 * function("execution_recorder").timeout_seconds),
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=RECEIVE_COUNT),
        )
        return dead, queue

    def _dead_letters(self, id_: str, name: str) -> sqs.Queue:
        return sqs.Queue(
            self,
            id_,
            queue_name=name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )

    def _follow_machines(self, deployment: Deployment) -> None:
        ends = {"status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]}
        self._follow(deployment, "RunEnded", "run-ended", "Ends of runs of the workflow engine's machines", ends)
        starts = {"status": ["RUNNING"], "name": [{"prefix": NAME_PREFIX}]}
        told = "Starts of subflows, which no function of the workflow engine starts"
        self._follow(deployment, "SubflowStarted", "subflow-started", told, starts)

    def _follow(self, deployment: Deployment, rule: str, name: str, told: str, detail: dict[str, Any]) -> None:
        """Let the queue hear of such changes of our machines' executions."""
        events.Rule(
            self,
            rule,
            rule_name=deployment.name(name),
            description=told,
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={**detail, "stateMachineArn": [{"prefix": deployment.machine_arn_prefix}]},
            ),
            targets=[targets.SqsQueue(self.queue)],
        )

    def _recorder(self, deployment: Deployment, layers: Layers) -> EngineFunction:
        # Lambda polls with the function's role; these are what it asks for ("Lambda execution role permissions"), and
        # the first is what the function itself does with a message that is to come again soon.
        receive = iam.PolicyStatement(
            actions=[
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ],
            resources=[self.queue.queue_arn],
        )
        recorder = EngineFunction(self, function("execution_recorder"), deployment, layers, [receive])
        lambda_.EventSourceMapping(
            self,
            "RecordEndedRuns",
            target=recorder.target,
            event_source_arn=self.queue.queue_arn,
            batch_size=BATCH_SIZE,
            max_concurrency=deployment.config.recorder_concurrency,
            report_batch_item_failures=True,
        )
        return recorder

    def _counter(self, deployment: Deployment, layers: Layers, stream_arn: str) -> EngineFunction:
        # Lambda reads the stream, and puts aside where in it something failed, with the function's role ("Using Lambda with
        # Amazon DynamoDB", execution role permissions).
        read = iam.PolicyStatement(
            actions=[
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
            ],
            resources=[deployment.table_stream_arns],
        )
        put_aside = iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.uncounted.queue_arn])
        counter = EngineFunction(self, function("run_counter"), deployment, layers, [read, put_aside])
        lambda_.EventSourceMapping(
            self,
            "CountEndedRuns",
            target=counter.target,
            event_source_arn=stream_arn,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=STREAM_BATCH,
            max_batching_window=Duration.seconds(STREAM_WINDOW_SECONDS),
            filters=[lambda_.FilterCriteria.filter(dict(pattern)) for pattern in STREAM_FILTERS],
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            retry_attempts=STREAM_RETRIES,
            max_record_age=Duration.hours(STREAM_AGE_HOURS),
            on_failure=event_sources.SqsDlq(self.uncounted),
        )
        return counter

    def _schedule(self, described: Function, made: EngineFunction) -> None:
        if described.schedule_minutes is None:
            return
        events.Rule(
            self,
            f"{made.node.id}Schedule",
            schedule=events.Schedule.rate(Duration.minutes(described.schedule_minutes)),
            # The next round does what a failed one did not.
            targets=[targets.LambdaFunction(made.target, retry_attempts=0)],
        )
