"""Idempotency keys: whatever fails, a request that is repeated with its key goes on where the last attempt stopped.

An error after an effect does not say that there was no effect, so the id of what is made is not the attempt's: the claim,
which is written before anything else, holds it, and each attempt under the key works with the same id. What an attempt
finds done under this id was done by an earlier one. Once an attempt has come to its end, the claim holds the answer.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from workflow_engine.errors import (
    ConflictError,
    InvalidRequestError,
    MisconfiguredError,
    OutcomeUnknownError,
    RequestUnderWayError,
    ThrottledError,
    WorkflowEngineError,
)
from workflow_engine.language.diagnostics import InvalidWorkflowError, Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.observability import get_logger
from workflow_engine.store import keys
from workflow_engine.store.conditions import Condition, Missing, all_of, any_of, below, equals
from workflow_engine.store.items import Record, canonical
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.schema import PARTITION_KEY, TTL_ATTRIBUTE
from workflow_engine.store.table import ConditionFailedError, Table, Write

logger = get_logger(__name__)

KEEP_SECONDS: Final = 24 * 3600
"""How long a key is known. Later it is that of a new request."""

CLAIM_SECONDS: Final = 45
"""How long an attempt that does not say how it ended is taken to be under way: longer than a function of the API may run (30
s), and the clocks of two hosts may differ.
"""

_REFUSALS: Final = (WorkflowEngineError, InvalidWorkflowError)
_PASSING: Final = (MisconfiguredError, OutcomeUnknownError, RequestUnderWayError, ThrottledError)


AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a request.

    `made_id` is the id for what the request makes, a UUID, the same for every attempt; `attempt_id` is this one's own. An
    earlier attempt `is_repeat` of another may have come to any point. `expires_at`, in seconds since the epoch, is when no
    further attempt can come; None for a request without a key, which has this one only.
    """

    made_id: str
    attempt_id: str
    is_repeat: bool = False
    expires_at: int | None = None

    @classmethod
    def first(cls, expires_at: int | None = None) -> Attempt:
        """The first attempt at a new request."""
        return cls(str(uuid.uuid4()), str(uuid.uuid4()), expires_at=expires_at)


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who claims what: the partition of the key's record, and what that is compared with."""

    pk: str
    key: str
    tenant_id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class IdempotencyStore:
    """Answers by tenant, operation and key. `now` gives seconds since the epoch."""

    table: Table
    payloads: PayloadStore
    now: Callable[[], float]

    def once(
        self, tenant_id: str, operation: str, key: str | None, body: Json, work: Callable[[Attempt], AnswerT]
    ) -> AnswerT:
        """The answer (JSON) of `work`, or the answer it gave when it was done under this key before.

        `work` makes everything under the attempt's `made_id` and, in a repetition, takes what it finds there for its own. It
        raises one of our errors other than those that pass (throttled, unknown outcome) only where nothing was made: then the
        key is free again, with any body.

        Raises ConflictError when the key was used with another body, RequestUnderWayError while another attempt is being
        worked on. Without a key, `work` is just done.
        """
        if key is None:
            return work(Attempt.first())
        try:
            fingerprint = hashlib.sha256(canonical(body).encode()).hexdigest()
        except (RecursionError, ValueError):
            raise InvalidRequestError("The body cannot be read: it is nested too deeply or holds no text.") from None
        claim = _Claim(keys.idempotency(tenant_id, operation, key), key, tenant_id, fingerprint)
        attempt = self._claimed(claim)
        if isinstance(attempt, dict):
            return cast("AnswerT", self.payloads.load(attempt["answer"]))  # kept as JSON, which an answer is
        try:
            answer = work(attempt)
        except BaseException as error:
            if isinstance(error, _REFUSALS) and not isinstance(error, _PASSING):
                self._forget(claim, attempt)
            else:
                self._let_go(claim, attempt)
            raise
        self._keep(claim, attempt, answer)
        return answer

    def _claimed(self, claim: _Claim) -> Attempt | Record:
        """The attempt that may work now, or the record with the answer of an earlier one."""
        now = int(self.now())
        attempt = Attempt.first(now + KEEP_SECONDS)
        record: Record = {
            "pk": claim.pk,
            "sk": keys.META,
            "tenant_id": claim.tenant_id,
            "fingerprint": claim.fingerprint,
            "made_id": attempt.made_id,
            "attempt_id": attempt.attempt_id,
            "claimed_until": now + CLAIM_SECONDS,
            "expires_at": attempt.expires_at,
        }
        try:
            # DynamoDB deletes expired items within days, not at once, so expiry is asked for here too.
            self.table.put(Write(record, any_of(Missing(PARTITION_KEY), below(TTL_ATTRIBUTE, now))))
        except ConditionFailedError:
            return self._claimed_again(claim, attempt, now)
        except BaseException:
            self._let_go(claim, attempt)
            raise
        return attempt

    def _claimed_again(self, claim: _Claim, attempt: Attempt, now: int) -> Attempt | Record:
        record = self.table.get(claim.pk, keys.META)
        if record is not None and record["fingerprint"] != claim.fingerprint:
            raise ConflictError(f"The idempotency key '{claim.key}' was used with another body. Use a new key.")
        if record is not None and "answer" in record:
            return record
        if record is None or record["claimed_until"] >= now:
            raise _under_way(claim)
        # Earlier versions of this service kept no ids: with them a takeover was a new request.
        made_id, before = record.get("made_id", attempt.made_id), record.get("attempt_id")
        attempt = replace(attempt, made_id=made_id, is_repeat="made_id" in record, expires_at=record["expires_at"])
        try:
            self.table.update(
                claim.pk,
                keys.META,
                {"made_id": made_id, "attempt_id": attempt.attempt_id, "claimed_until": now + CLAIM_SECONDS},
                _is_unanswered(before),
            )
        except ConditionFailedError:
            raise _under_way(claim) from None
        except BaseException:
            self._let_go(claim, attempt)
            raise
        return attempt

    def _keep(self, claim: _Claim, attempt: Attempt, answer: Any) -> None:
        """Keep the answer. What was asked for is done, so no fault here may be the client's: the next attempt finds it."""
        try:
            changes = {"answer": self.payloads.store(claim.tenant_id, answer)}
            self._change_own(claim, attempt, changes)
        except ConditionFailedError:
            return  # the claim ran out, and another attempt at the same id answers
        except Exception:
            logger.warning("answer was not kept", exc_info=True)
            self._let_go(claim, attempt)

    def _let_go(self, claim: _Claim, attempt: Attempt) -> None:
        """Let the next attempt go on at once. As far as possible: it may go on anyhow when the claim has run out."""
        try:
            self._change_own(claim, attempt, {"claimed_until": 0})
        except ConditionFailedError:
            return
        except Exception:
            logger.warning("claim was not let go", exc_info=True)

    def _change_own(self, claim: _Claim, attempt: Attempt, changes: Record) -> None:
        self.table.update(claim.pk, keys.META, changes, _is_unanswered(attempt.attempt_id))

    def _forget(self, claim: _Claim, attempt: Attempt) -> None:
        """Free the key of a request that was refused."""
        try:
            self.table.delete(claim.pk, keys.META, equals("attempt_id", attempt.attempt_id))
        except ConditionFailedError:
            return
        except Exception:
            logger.warning("claim was not forgotten", exc_info=True)


def _is_unanswered(attempt_id: str | None) -> Condition:
    """Nobody answered since this attempt made its claim, and no other took it over."""
    return all_of(equals("attempt_id", attempt_id), Missing("answer"))


def _under_way(claim: _Claim) -> RequestUnderWayError:
    return RequestUnderWayError(
        f"A request with the idempotency key '{claim.key}' is under way. Try again in a second."
    )
