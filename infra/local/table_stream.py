"""The table's stream on this machine: what DynamoDB and Lambda make of writes, for the functions that the catalogue feeds by it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from infra.catalog import FUNCTIONS
from infra.local.gateway import ACCOUNT, REGION, context_of, load_handler
from infra.local.lambda_context import request_id
from workflow_engine.store.items import Record, to_attributes
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY
from workflow_engine.store.tables.sqlite import SqliteTable

LOG = logging.getLogger(__name__)

BATCH: Final = 360

_GATHERED_FOR_SECONDS: Final = 0.5
"""So that what happens together is told together, behind what somebody may be waiting for."""

_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 300.0
"""Before what could not be told is told again, each time after twice the pause."""

_LAST_SECONDS: Final = 10.0
"""How long the batch that is being told may take when the server stops; it is told of again when the next one starts."""


class TableStream:
    """Tells of what is written to the table, in order, in a thread of its own, for as long as this is open. What was told is
    forgotten; what was not, because the process ended or a function failed, is told again.
    """

    def __init__(self, table: SqliteTable, tell: Callable[[dict[str, Any]], Any]) -> None:
        """`tell` takes a batch as Lambda gives it to a function, and raises when it is to be told again."""
        self._table = table
        self._tell = tell
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True, name="table stream")
        self._thread.start()

    def close(self) -> None:
        """Tell no more, once what is being told has been."""
        self._closing.set()
        self._table.has_changes.set()
        self._thread.join(_LAST_SECONDS)

    def _follow(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while self._table.has_changes.wait() and not self._closing.wait(_GATHERED_FOR_SECONDS):
            try:
                while not self._closing.is_set() and (changes := self._table.changes(BATCH)):
                    self._tell(stream_event(changes))
                    self._table.forget_changes(changes[-1][0])
                    pause = _FIRST_PAUSE_SECONDS
            except Exception:
                LOG.exception("What was written could not be told; it is told again in %d s.", pause)
                self._closing.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                self._table.has_changes.set()


def tell_functions(batch: dict[str, Any]) -> None:
    """Hand a batch to the functions that follow the table. What they cannot read they have logged; on AWS it is put aside."""
    for function in FUNCTIONS:
        if function.kind == "stream":
            load_handler(function)(batch, context_of(function, request_id()))


def stream_event(changes: Sequence[tuple[int, Record]]) -> dict[str, Any]:
    """The batch that Lambda gives to a function for numbered changes, of which it has new images alone ("Using Lambda with Amazon
    DynamoDB", example event).
    """
    return {"Records": [_stream_record(number, to_attributes(image)) for number, image in changes]}


def _stream_record(number: int, image: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "eventID": str(number),
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": int(time.time()),
            "Keys": {name: image[name] for name in (PARTITION_KEY, SORT_KEY)},
            "NewImage": image,
            "SequenceNumber": str(number),
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/workflow-local/stream/local",
    }
