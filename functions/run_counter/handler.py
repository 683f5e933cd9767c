"""Counts ended runs: batches of the table's stream, of which Lambda picks what `store.aggregates.stream` names.

A write is told at least once, in order for each record, and again with the whole rest of its shard when this fails; what it has
been counted for is known (`store.aggregates.fold`), so nothing counts twice.
"""

from __future__ import annotations

import logging
from typing import Any

from functions.run_counter.settings import clients, engine
from workflow_engine.init_phase import at_init
from workflow_engine.store.aggregates.contributions import Told
from workflow_engine.store.items import from_attributes

logger = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """Count what a batch tells; the answer is that of `ReportBatchItemFailures`, whose identifiers are sequence numbers.

    A write that cannot be read is named, so that Lambda tells of it and what follows it again, and puts it aside in the end; what
    comes before it is counted. Raises ThrottledError and UnavailableError, after which all is told again.
    """
    told: list[Told] = []
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        written = record["dynamodb"]
        try:
            one = Told.of(from_attributes(written["NewImage"]), int(written["SequenceNumber"]))
        except Exception:
            logger.exception("what was written is no record of a run: %s", written.get("Keys"))
            failed.append({"itemIdentifier": written["SequenceNumber"]})
            continue
        if one is not None:
            told.append(one)
    counted = engine().fold.add(told)
    logger.debug("%d runs were counted", counted)
    return {"batchItemFailures": failed}


at_init(clients)
