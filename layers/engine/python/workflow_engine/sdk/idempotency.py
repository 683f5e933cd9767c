"""A step's work done once for a place of a run: what it gave is kept, and given again to further attempts, also after a redrive.

Powertools' idempotency does it: in the DynamoDB table that `STEP_IDEMPOTENCY_TABLE` names (its own, with `id` as partition key and
TTL on `expiration`); outside Lambda, without that variable, in this process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
    IdempotencyPersistenceLayerError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import STATUS_CONSTANTS, DataRecord

from workflow_engine.aws_quotas import FUNCTION_SECONDS
from workflow_engine.errors import StepTransientError
from workflow_engine.init_phase import IN_LAMBDA, once
from workflow_engine.settings import required

TABLE_VARIABLE: Final = "STEP_IDEMPOTENCY_TABLE"
KEPT_SECONDS: Final = 15 * 24 * 3600
"""Longer than a run may be redriven (RedriveExecution: 14 days)."""
LEASE_SECONDS: Final = FUNCTION_SECONDS
"""How long an attempt is taken to be at work whose caller tells no time, as a worker does: one that was killed tells no end."""


class InProcess(BasePersistenceLayer):
    """Records of this process, for laptops and tests."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Powertools left it without types
        self._records: dict[str, DataRecord] = {}
        self._changing = threading.Lock()

    def _get_record(self, idempotency_key: str) -> DataRecord:
        with self._changing:
            if idempotency_key not in self._records:
                raise IdempotencyItemNotFoundError
            return self._records[idempotency_key]

    def _put_record(self, data_record: DataRecord) -> None:
        key = data_record.idempotency_key
        with self._changing:
            standing = self._records.get(key)
            if standing is not None and not standing.is_expired and not _is_cut_off(standing):
                raise IdempotencyItemAlreadyExistsError(old_data_record=standing)
            self._records[key] = data_record

    def _update_record(self, data_record: DataRecord) -> None:
        with self._changing:
            self._records[data_record.idempotency_key] = data_record

    def _delete_record(self, data_record: DataRecord) -> None:
        with self._changing:
            self._records.pop(data_record.idempotency_key, None)


def _is_cut_off(record: DataRecord) -> bool:
    """Whether the time of the attempt that wrote a record is over before it ended, as Powertools' condition on a table has it."""
    end = record.in_progress_expiry_timestamp
    return record.status == STATUS_CONSTANTS["INPROGRESS"] and end is not None and end < time.time() * 1000


class _Lease:
    """In the place of a context of Lambda."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return LEASE_SECONDS * 1000


def made_records() -> BasePersistenceLayer:
    """Where results are kept. Raises MissingSettingError in a Lambda function that was given no table."""
    if not os.environ.get(TABLE_VARIABLE) and not os.environ.get(IN_LAMBDA):
        return InProcess()
    return DynamoDBPersistenceLayer(table_name=required(TABLE_VARIABLE))


records: Final = once(made_records)
"""The one place of this process, made when first asked for."""


def once_for(key: str, work: Callable[[], Any], lambda_context: Any) -> Any:
    """What `work` gives, or gave when it was called for this key. It is called again after an attempt that failed, or whose
    function was cut off.

    Raises StepTransientError while another attempt is at work, and where the table does not answer.
    """
    config = IdempotencyConfig(expires_after_seconds=KEPT_SECONDS)
    timed: Any = lambda_context if hasattr(lambda_context, "get_remaining_time_in_millis") else _Lease()
    config.register_lambda_context(timed)

    def done(*, key: str) -> dict[str, Any]:  # Powertools reads it, and gives None for what is empty
        return {"output": work()}

    kept = idempotent_function(
        done, data_keyword_argument="key", persistence_store=records(), config=config, key_prefix="step"
    )
    try:
        return kept(key=key)["output"]
    except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError):
        raise StepTransientError("Another attempt at this step is still at work.") from None
    except IdempotencyPersistenceLayerError as error:
        raise StepTransientError(f"The step's earlier result cannot be looked up: {error}") from error
