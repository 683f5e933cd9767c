"""Idempotency keys: a request repeated with its key gets the first answer and does nothing.

The record is claimed before the work and filled in after it. A claim that was never filled in (the function died) is
free again after `CLAIM_SECONDS`, longer than any request may last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from workflow_engine.errors import ConflictError, InvalidRequestError, RequestUnderWayError
from workflow_engine.language.diagnostics import Json
from workflow_engine.store import keys
from workflow_engine.store.items import Record, canonical, dump
from workflow_engine.store.table import ConditionFailedError, Table, Write

KEEP_SECONDS: Final = 24 * 3600
CLAIM_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class IdempotencyStore:
    """Answers by tenant, operation and key. `now` gives seconds since the epoch."""

    table: Table
    now: Callable[[], float]

    def once(self, tenant_id: str, operation: str, key: str | None, body: Json, work: Callable[[], Any]) -> Any:
        """The answer (JSON) of `work`, or the answer it gave when it was done under this key before.

        Raises ConflictError when the key was used with another body, RequestUnderWayError while the first request is
        still being worked on. When `work` raises, the key is free again. Without a key, `work` is just done.
        """
        if key is None:
            return work()
        pk = keys.idempotency(tenant_id, operation, key)
        try:
            fingerprint = hashlib.sha256(canonical(body).encode()).hexdigest()
        except (RecursionError, ValueError):
            raise InvalidRequestError("The body cannot be read: it is nested too deeply or holds no text.") from None
        claimed_until = self._claim(tenant_id, pk, fingerprint)
        if claimed_until is None:
            return self._earlier_answer(pk, key, fingerprint)
        own = "claimed_until = :mine AND attribute_not_exists(answer)"
        try:
            answer = work()
        except BaseException:
            self._release(pk, own, claimed_until)
            raise
        try:
            self.table.update(pk, keys.META, {"answer": dump(answer)}, own, {":mine": claimed_until})
        except ConditionFailedError:
            return answer  # the claim ran out and another request took the key over
        return answer

    def _claim(self, tenant_id: str, pk: str, fingerprint: str) -> int | None:
        now = int(self.now())
        record: Record = {
            "pk": pk,
            "sk": keys.META,
            "tenant_id": tenant_id,
            "fingerprint": fingerprint,
            "claimed_until": now + CLAIM_SECONDS,
            "expires_at": now + KEEP_SECONDS,
        }
        # DynamoDB deletes expired items within days, not at once, so expiry is asked for here too.
        free = (
            "attribute_not_exists(pk) OR expires_at < :now OR (attribute_not_exists(answer) AND claimed_until < :now)"
        )
        try:
            self.table.put(Write(record, free, {":now": now}))
        except ConditionFailedError:
            return None
        return now + CLAIM_SECONDS

    def _earlier_answer(self, pk: str, key: str, fingerprint: str) -> Any:
        record = self.table.get(pk, keys.META)
        if record is not None and record["fingerprint"] != fingerprint:
            raise ConflictError(f"The idempotency key '{key}' was used with another body. Use a new key.")
        if record is None or "answer" not in record:
            raise RequestUnderWayError(
                f"A request with the idempotency key '{key}' is under way. Try again in a second."
            )
        return json.loads(record["answer"])

    def _release(self, pk: str, condition: str, claimed_until: int) -> None:
        try:
            self.table.delete(pk, keys.META, condition, {":mine": claimed_until})
        except ConditionFailedError:
            return
