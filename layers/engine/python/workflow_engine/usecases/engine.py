"""What use cases work with: settings, AWS clients made when first used, and the repositories on top of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.machines.executions import MachineExecutions
from workflow_engine.machines.history import HistoryReader
from workflow_engine.machines.idleness import MachineUse
from workflow_engine.machines.naming import MachineSettings
from workflow_engine.machines.registry import MachineRegistry
from workflow_engine.settings import Settings
from workflow_engine.store.definitions import DefinitionStore
from workflow_engine.store.due import DueStore
from workflow_engine.store.executions import ExecutionStore
from workflow_engine.store.idempotency import IdempotencyStore
from workflow_engine.store.machines import MachineStore
from workflow_engine.store.mcp_servers import McpServerStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.steps import StepStore
from workflow_engine.store.table import Table
from workflow_engine.store.workflows import WorkflowStore

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

LocalStepLoader = Callable[[str, str, str], str]
"""`(tenant_id, step_type, "module:function") -> ARN` under which the local runtime calls the handler."""

_making_clients: Final = threading.RLock()  # boto3 sessions may not make two clients at once
_local_step_loader: LocalStepLoader | None = None


def use_local_step_loader(loader: LocalStepLoader | None) -> None:
    """Let every engine of this process load `local` steps by this function, or by none. For the local runtime."""
    global _local_step_loader
    _local_step_loader = loader


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. The tenant comes from the authoriser, never from a body."""

    tenant_id: str
    user_id: str | None = None


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Engine:
    """One per process. Clients are made once, when first used, so importing and constructing costs nothing."""

    settings: Settings
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_environment(cls) -> Engine:
        """The engine that the environment variables describe (`Settings.from_environment`)."""
        return cls(Settings.from_environment())

    def timestamp(self) -> str:
        """Now, ISO 8601 UTC with milliseconds."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def local_step_loader(self) -> LocalStepLoader | None:
        """Loads handlers of `local` steps; None where there is no local runtime."""
        return _local_step_loader

    @cached_property
    def _session(self) -> Session:
        import boto3

        return boto3.session.Session()

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        # Shorter than the 30 seconds that an API request may last, so that a hanging call becomes an error, not a
        # timeout.
        config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
        with _making_clients:
            return self._session.client(service, config=config)  # type: ignore[call-overload]  # one overload a service

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @cached_property
    def s3(self) -> S3Client:
        client: S3Client = self._client("s3")
        return client

    @cached_property
    def stepfunctions(self) -> SFNClient:
        client: SFNClient = self._client("stepfunctions")
        return client

    @cached_property
    def _table(self) -> Table:
        return Table(self.dynamodb, self.settings.table_name)

    @cached_property
    def _payloads(self) -> PayloadStore:
        return PayloadStore(lambda: self.s3, self.settings.bucket_name)

    @cached_property
    def workflows(self) -> WorkflowStore:
        return WorkflowStore(self._table, self._payloads)

    @cached_property
    def executions(self) -> ExecutionStore:
        return ExecutionStore(self._table, self._payloads)

    @cached_property
    def steps(self) -> StepStore:
        return StepStore(self._table, self._payloads)

    @cached_property
    def agents(self) -> DefinitionStore:
        return DefinitionStore(self._table, self._payloads, "agent")

    @cached_property
    def prompts(self) -> DefinitionStore:
        return DefinitionStore(self._table, self._payloads, "prompt")

    @cached_property
    def mcp_servers(self) -> McpServerStore:
        return McpServerStore(self._table, self._payloads)

    @cached_property
    def idempotency(self) -> IdempotencyStore:
        return IdempotencyStore(self._table, self._payloads, lambda: self.now().timestamp())

    @cached_property
    def machines(self) -> MachineRegistry:
        settings = self.settings
        shared = MachineSettings(
            settings.machine_prefix, settings.stage, settings.machine_role_arn, settings.log_group_arn
        )
        return MachineRegistry(self.stepfunctions, self.machine_records, shared, self.timestamp, self.sleep)

    @cached_property
    def machine_records(self) -> MachineStore:
        return MachineStore(self._table, self._payloads)

    @cached_property
    def machine_use(self) -> MachineUse:
        return MachineUse(self.stepfunctions)

    @cached_property
    def due(self) -> DueStore:
        return DueStore(self._table)

    @cached_property
    def runs(self) -> MachineExecutions:
        return MachineExecutions(self.stepfunctions)

    @cached_property
    def history(self) -> HistoryReader:
        return HistoryReader(self.stepfunctions)
