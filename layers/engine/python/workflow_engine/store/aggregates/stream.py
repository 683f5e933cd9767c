"""Which writes of the table figures are made of, and what of them. Pure.

On AWS the table's stream has the whole of every record, and Lambda picks by `STREAM_FILTERS` before anything is invoked; the table
in a file keeps what `streamed` gives. Both pick the ends of runs, and what the results of a run tell once its history was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.store import keys
from workflow_engine.store.executions import ENDED
from workflow_engine.store.items import Record

_WRITTEN: Final = {"eventName": ["INSERT", "MODIFY"]}
STREAM_FILTERS: Final[tuple[Mapping[str, Any], ...]] = (
    {
        **_WRITTEN,
        "dynamodb": {"Keys": {"sk": {"S": [keys.META]}}, "NewImage": {"status_rank": {"N": [str(ENDED)]}}},
    },
    {**_WRITTEN, "dynamodb": {"Keys": {"sk": {"S": [keys.RESULTS]}}}},
)
"""Of these patterns one must fit ("Using event filtering with a DynamoDB event source": a number is compared as its text)."""

_OF_ENDS: Final = (
    "pk",
    "sk",
    "tenant_id",
    "execution_id",
    "workflow_id",
    "workflow_version",
    "variant_id",
    "status",
    "status_rank",
    "redrive_count",
    "started_at",
    "completed_at",
)
_OF_RESULTS: Final = ("pk", "sk", "tenant_id", "execution_id", "redrive_count", "measured")


def streamed(record: Mapping[str, Any]) -> Record | None:
    """The part of a record that figures are made of, None for a record that tells them nothing, such as that of a mocked run."""
    if record["sk"] == keys.META and record.get("status_rank") == ENDED and "completed_at" in record:
        return None if "is_mocked" in record else {name: record[name] for name in _OF_ENDS if name in record}
    if record["sk"] == keys.RESULTS and "measured" in record:
        return {name: record[name] for name in _OF_RESULTS if name in record}
    return None
