"""What use cases work with: settings, AWS clients made when first used, and the repositories on top of them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from workflow_engine import aws
from workflow_engine.aws_quotas import HISTORY_PAGE_EVENTS
from workflow_engine.errors import MisconfiguredError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.settings import Settings
from workflow_engine.store.executions import ExecutionStore
from workflow_engine.store.idempotency import IdempotencyStore
from workflow_engine.store.names import NameStore
from workflow_engine.store.payloads import ObjectStore, PayloadStore
from workflow_engine.store.payloads.s3 import S3Objects
from workflow_engine.store.quotas import Quota, Quotas
from workflow_engine.store.registrations import FILES, MCP_SERVERS, STEPS, RegistrationStore
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import Table
from workflow_engine.store.tables.dynamodb import DynamoTable
from workflow_engine.store.workflows import WorkflowStore
from workflow_engine.timestamps import iso

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from workflow_engine.machines.history import HistoryReader
    from workflow_engine.machines.idleness import MachineUse
    from workflow_engine.machines.port import MachineService
    from workflow_engine.machines.registry import MachineRegistry
    from workflow_engine.machines.run_feed import RunFeeds
    from workflow_engine.store.activity_tasks import ActivityTaskStore
    from workflow_engine.store.aggregates.figures import FigureStore
    from workflow_engine.store.aggregates.fold import Fold
    from workflow_engine.store.aggregates.step_durations import StepDurations
    from workflow_engine.store.approvals import ApprovalStore
    from workflow_engine.store.due import DueStore
    from workflow_engine.store.ends import EndStore
    from workflow_engine.store.files import FileStore
    from workflow_engine.store.logs import StepLogs
    from workflow_engine.store.machines import MachineStore
    from workflow_engine.store.reminders import ReminderStore
    from workflow_engine.store.results import ResultsStore
    from workflow_engine.store.run_feeds import RunFeedStore
    from workflow_engine.store.shared_budgets import Budget, SharedBudgets
    from workflow_engine.store.tuning import TuningStore
    from workflow_engine.store.vectors import VectorStore
    from workflow_engine.store.versions import Version, VersionStore

LocalStepLoader = Callable[[str], str]
"""`"module:function" -> ARN` under which the local runtime calls the handler."""

LAPTOP_PAGE_EVENTS: Final = 50

_making_clients: Final = threading.RLock()  # boto3 sessions may not make two clients at once


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Laptop:
    """What stands behind the ports in the place of AWS.

    `invoke` calls a function by ARN with an event, as Lambda's Invoke does: `(result, whether it failed)`, of a failure
    `{"errorType", "errorMessage"}`. `watching` is `Engine.watching`. `load_step` is None where no folder of steps
    was given, `vectors` and `logs` where nothing is to be kept of them for longer than the process. `following` is
    `Engine.following`; None where nobody tells of changes. `now` is the clock. `mock` is told, before a run of a workflow starts,
    what its steps are replaced by, `(execution id, mocks of a body, workflow)`; it raises InvalidRequestError for
    mocks that are none.
    """

    table: Table
    objects: ObjectStore
    machines: MachineService
    invoke: Callable[[str, Mapping[str, Any]], tuple[Any, bool]]
    watching: Callable[[str], AbstractContextManager[Callable[[float], bool]]]
    load_step: LocalStepLoader | None = None
    vectors: VectorStore | None = None
    logs: StepLogs | None = None
    following: Callable[[str], AbstractContextManager[Callable[[float], bool]]] | None = None
    now: Callable[[], datetime] = _utc_now
    mock: Callable[[str, Any, Mapping[str, Any]], None] | None = None


_laptop: Laptop | None = None


def use_laptop(laptop: Laptop | None) -> None:
    """Let every engine that this process makes from its environment stand on this, or on AWS again."""
    global _laptop
    _laptop = laptop


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the authoriser says and never a body: the tenant, and in `user_id` the principal, whom roles, quotas
    and records of who did something go by. `roles` are what they may decide as; None is every role.
    """

    tenant_id: str
    user_id: str | None = None
    roles: frozenset[str] | None = frozenset()

    def has_role(self, role: str) -> bool:
        """Whether they may decide what this role decides."""
        return self.roles is None or role in self.roles


def _presigning() -> dict[str, Any]:
    """How addresses of S3 are presigned. By itself botocore signs them for the global endpoint, which answers for a young
    bucket of another region with a redirect that breaks the signature, and in us-east-1 in the way before SigV4. An endpoint
    of one's own has no names for buckets.
    """
    has_own_endpoint = any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
    style = {} if has_own_endpoint else {"s3": {"addressing_style": "virtual"}}
    return {"signature_version": "s3v4", **style}


@dataclass(frozen=True)
class Engine:
    """One per process. Clients are made once, when first used, so importing and constructing costs nothing.

    With a `laptop` AWS is never spoken to, and botocore not loaded.
    """

    settings: Settings
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    laptop: Laptop | None = None
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_environment(cls) -> Engine:
        """The engine that the environment variables describe (`Settings.from_environment`)."""
        now = _utc_now if _laptop is None else _laptop.now
        return cls(Settings.from_environment(), now, laptop=_laptop)

    def timestamp(self) -> str:
        """Now, ISO 8601 UTC with milliseconds."""
        return iso(self.now())

    def may_ask(self, budget: Budget) -> bool:
        """Whether AWS may be asked for something that has a budget (`store.shared_budgets`). A laptop has no quotas."""
        return self.laptop is not None or self.budgets.take(budget)

    @contextmanager
    def watching(self, execution_id: str) -> Iterator[Callable[[float], bool]]:
        """Gives what waits for so many seconds, or less if the end of a run is recorded meanwhile, from the beginning of the
        block on, and somebody tells: on AWS nobody does. It gives False when nobody may wait any longer, because the server
        stops.
        """
        if self.laptop is not None:
            with self.laptop.watching(execution_id) as wait:
                yield wait
            return

        def sleep(seconds: float) -> bool:
            self.sleep(seconds)
            return True

        yield sleep

    @contextmanager
    def following(self, execution_id: str) -> Iterator[Callable[[float], bool]]:
        """As `watching`, for whatever happens in a run."""
        if self.laptop is None or self.laptop.following is None:
            with self.watching(execution_id) as wait:
                yield wait
            return
        with self.laptop.following(execution_id) as wait:
            yield wait

    @cached_property
    def _session(self) -> Session:
        # boto3 would only wrap it: its resources and transfers, which nothing here uses, are a tenth of a cold start.
        from botocore.session import get_session

        return get_session()

    def client(self, service: str, config: Config | None = None) -> Any:
        """The client of an AWS service, made once however many threads ask; `config` counts when it is made, by default
        it is that of `aws.LIMITS`. Raises RuntimeError on a laptop, which has no account.
        """
        if self.laptop is not None:
            raise RuntimeError(f"There is no {service} on a laptop.")
        with _making_clients:
            if service not in self._clients:
                config = config or aws.config(service)
                if service == "s3":
                    from botocore.config import Config

                    config = config.merge(Config(**_presigning()))
                self._clients[service] = aws.translating(self._session.create_client(service, config=config))
            return self._clients[service]

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self.client("dynamodb")
        return client

    @cached_property
    def s3(self) -> S3Client:
        client: S3Client = self.client("s3")
        return client

    @cached_property
    def stepfunctions(self) -> SFNClient:
        client: SFNClient = self.client("stepfunctions")
        return client

    @cached_property
    def _table(self) -> Table:
        if self.laptop is not None:
            return self.laptop.table
        return DynamoTable(self.dynamodb, self.settings.table_name, self.sleep)

    @cached_property
    def _payloads(self) -> PayloadStore:
        if self.laptop is not None:
            return PayloadStore(self.laptop.objects)
        return PayloadStore(S3Objects(lambda: self.s3, self.settings.bucket_name))

    @cached_property
    def workflows(self) -> WorkflowStore:
        return WorkflowStore(self._table, self._payloads)

    @cached_property
    def executions(self) -> ExecutionStore:
        shards = RunShards(self._table, self.settings.execution_shards)
        return ExecutionStore(self._table, self.payloads, shards, self.settings.retention_days)

    @cached_property
    def quotas(self) -> Quotas:
        return Quotas(self._table, Quota(**self.settings.tenant_quota), self.now)

    @cached_property
    def approvals(self) -> ApprovalStore:
        from workflow_engine.store.approvals import ApprovalStore

        return ApprovalStore(self._table, self.payloads, self.settings.retention_days)

    @cached_property
    def reminders(self) -> ReminderStore:
        from workflow_engine.store.reminders import ReminderStore

        return ReminderStore(self._table, self.settings.retention_days)

    @cached_property
    def activity_tasks(self) -> ActivityTaskStore:
        from workflow_engine.store.activity_tasks import ActivityTaskStore

        return ActivityTaskStore(self._table)

    @cached_property
    def steps(self) -> RegistrationStore:
        return RegistrationStore(self._table, self._payloads, STEPS)

    @cached_property
    def results(self) -> ResultsStore:
        from workflow_engine.store.results import ResultsStore

        return ResultsStore(self._table, self.payloads, self.settings.retention_days)

    @cached_property
    def ends(self) -> EndStore:
        from workflow_engine.store.ends import EndStore

        return EndStore(self._table, self.payloads, self.settings.retention_days)

    @cached_property
    def budgets(self) -> SharedBudgets:
        from workflow_engine.store.shared_budgets import SharedBudgets

        return SharedBudgets(self._table, lambda: self.now().timestamp())

    @cached_property
    def figures(self) -> FigureStore:
        from workflow_engine.store.aggregates.figures import FigureStore

        return FigureStore(self._table)

    @cached_property
    def fold(self) -> Fold:
        from workflow_engine.store.aggregates.fold import Fold

        def note(tenant_id: str, workflow_id: str, version: int) -> None:
            self.tuning.note(tenant_id, workflow_id, version, self.timestamp())

        return Fold(self._table, self.now, note)

    @cached_property
    def step_durations(self) -> StepDurations:
        from workflow_engine.store.aggregates.step_durations import StepDurations

        return StepDurations(self._table, self.now)

    @cached_property
    def agents(self) -> VersionStore[Version]:
        from workflow_engine.store.definitions import AGENTS
        from workflow_engine.store.versions import VersionStore

        return VersionStore(self._table, self._payloads, AGENTS)

    @cached_property
    def prompts(self) -> VersionStore[Version]:
        from workflow_engine.store.definitions import PROMPTS
        from workflow_engine.store.versions import VersionStore

        return VersionStore(self._table, self._payloads, PROMPTS)

    @cached_property
    def mcp_servers(self) -> RegistrationStore:
        return RegistrationStore(self._table, self._payloads, MCP_SERVERS)

    @cached_property
    def files(self) -> FileStore:
        from workflow_engine.store.files import FileStore

        return FileStore(RegistrationStore(self._table, self._payloads, FILES), self._payloads.objects)

    @cached_property
    def vectors(self) -> VectorStore:
        if self.laptop is not None:
            from workflow_engine.store.vectors.sqlite import SqliteVectors

            return self.laptop.vectors or SqliteVectors()
        if not self.settings.vector_bucket_name:
            detail = "This deployment keeps no vectors. Whoever runs the service makes a bucket for them by 'vectors'."
            raise MisconfiguredError(detail, aws_code="NoVectorBucket", aws_message=detail)
        from workflow_engine.store.vectors.s3vectors import S3Vectors

        return S3Vectors(lambda: self.client("s3vectors"), self.settings.vector_bucket_name)

    @cached_property
    def logs(self) -> StepLogs:
        if self.laptop is not None:
            from workflow_engine.store.logs.files import FileLogs

            return self.laptop.logs or FileLogs()
        from workflow_engine.store.logs.cloudwatch import CloudWatchLogs

        return CloudWatchLogs(lambda: self.client("logs"), self.now)

    @cached_property
    def payloads(self) -> PayloadStore:
        """What is kept of runs: documents that steps hand on by reference, outputs, results."""
        return PayloadStore(self._payloads.objects, of_runs=True)

    @cached_property
    def names(self) -> NameStore:
        return NameStore(self._table)

    @cached_property
    def idempotency(self) -> IdempotencyStore:
        return IdempotencyStore(self._table, self._payloads, lambda: self.now().timestamp())

    @cached_property
    def machines(self) -> MachineRegistry:
        from workflow_engine.machines.naming import MachineSettings
        from workflow_engine.machines.registry import MachineRegistry

        settings = self.settings
        shared = MachineSettings(
            settings.machine_prefix, settings.stage, settings.machine_role_arn, settings.log_group_arn
        )
        return MachineRegistry(self.runs, self.machine_records, shared, self.timestamp, self.sleep)

    @cached_property
    def machine_records(self) -> MachineStore:
        from workflow_engine.store.machines import MachineStore

        return MachineStore(self._table, self._payloads)

    @cached_property
    def machine_use(self) -> MachineUse:
        from workflow_engine.machines.idleness import MachineUse

        return MachineUse(self.runs)

    @cached_property
    def tuning(self) -> TuningStore:
        from workflow_engine.store.tuning import TuningStore

        return TuningStore(self._table)

    @cached_property
    def due(self) -> DueStore:
        from workflow_engine.store.due import DueStore

        return DueStore(self._table)

    @cached_property
    def runs(self) -> MachineService:
        if self.laptop is not None:
            return self.laptop.machines
        from workflow_engine.machines.step_functions import StepFunctionsMachines

        return StepFunctionsMachines(self.stepfunctions)

    @cached_property
    def history(self) -> HistoryReader:
        from workflow_engine.machines.history import HistoryReader

        return HistoryReader(self.runs)

    @cached_property
    def feeds(self) -> RunFeeds:
        """The events of runs, as this process has read them."""
        from workflow_engine.machines.run_feed import RunFeeds

        # A page of AWS's is a call of few that may be made, one of a laptop's is time of the process that runs the steps.
        return RunFeeds(self.history, HISTORY_PAGE_EVENTS if self.laptop is None else LAPTOP_PAGE_EVENTS)

    @cached_property
    def run_feeds(self) -> RunFeedStore:
        """What was read of histories for all who watch."""
        from workflow_engine.store.run_feeds import RunFeedStore

        return RunFeedStore(self._table, lambda: int(self.now().timestamp() * 1000))
