"""What a tenant may use: runs at once, starts a minute, money a month."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from workflow_engine.errors import QuotaExceededError, ThrottledError
from workflow_engine.store import keys
from workflow_engine.store.conditions import Condition, Exists, Missing, all_of, any_of, at_most, below, equals
from workflow_engine.store.items import Record
from workflow_engine.store.table import ConditionFailedError, Table, Write

MICROS: Final = 1_000_000
"""Money is counted in millionths of a dollar, since a table adds whole numbers."""

_KNOWN_FOR_SECONDS: Final = 60.0
_KEPT_SECONDS: Final = 100 * 24 * 3600
"""How long the figures of a month are kept after it."""


class Quota(NamedTuple):
    """What a tenant may use. None is as much as it likes."""

    running: int | None = None
    """Runs that have not ended, at once."""
    starts_per_minute: int | None = None
    monthly_usd: int | None = None
    """By what the plans of its workflows say that a run's transitions cost."""

    @property
    def is_empty(self) -> bool:
        return self == Quota()


class Quotas:
    """The quotas of all tenants, as one process knows them: a change shows within a minute."""

    def __init__(
        self,
        table: Table,
        default: Quota,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`default` is the quota of tenants that have none of their own; `clock` gives seconds for how long one is known."""
        self._table = table
        self._default = default
        self._now = now
        self._clock = clock
        self._known: dict[str, tuple[float, Quota]] = {}

    def of(self, tenant_id: str) -> Quota:
        """A tenant's quota: its own, whole, or else the deployment's."""
        read_at, quota = self._known.get(tenant_id, (None, self._default))
        now = self._clock()
        if read_at is None or now - read_at >= _KNOWN_FOR_SECONDS:
            own = self.own(tenant_id)
            quota = self._default if own is None else own
            self._known[tenant_id] = (now, quota)
        return quota

    def own(self, tenant_id: str) -> Quota | None:
        """The quota that was set for a tenant, None where none was."""
        record = self._table.get(keys.quota(tenant_id), keys.META)
        return None if record is None else Quota(*(record.get(name) for name in Quota._fields))

    def set(self, tenant_id: str, quota: Quota | None) -> None:
        """Give a tenant a quota of its own, which may be empty, or with None take it back."""
        if quota is None:
            self._table.delete(keys.quota(tenant_id), keys.META)
        else:
            record = {"pk": keys.quota(tenant_id), "sk": keys.META, "tenant_id": tenant_id}
            self._table.put(Write(record | quota._asdict()))
        self._known.pop(tenant_id, None)

    def usage(self, tenant_id: str) -> Record:
        """What the tenant has used this month: `cost_micros`, and `starts` of the minute `minute`; some may be missing."""
        return self._table.get(keys.usage(tenant_id), self._month()) or {}

    def count_start(self, tenant_id: str, quota: Quota, micros: int) -> None:
        """Count a start, of a run that costs so much. QuotaExceededError when it is one too many; it is not counted then.

        One conditional write, two for the first start of a minute. Of starts at once no more get through than may.
        """
        if quota.starts_per_minute is None and quota.monthly_usd is None:
            return
        minute = self._now().astimezone(UTC).isoformat()[:16]
        for _ in range(3):
            if self._is_counted(tenant_id, quota, micros, minute):
                return
            standing = self.usage(tenant_id)
            self._refuse(quota, micros, standing, minute)
            minute = max(minute, standing.get("minute", ""))  # another host's clock may be ahead
        raise ThrottledError("Many starts are being counted. Try again in a second.")

    def give_back(self, tenant_id: str, quota: Quota, micros: int) -> None:
        """Take back the money that was counted for a start which came to nothing: who is refused asks again and again. It stays
        one of its minute's starts.
        """
        if micros and quota.monthly_usd is not None:
            # Not where the month has ended since.
            with contextlib.suppress(ConditionFailedError):
                self._table.add(
                    keys.usage(tenant_id), self._month(), {"cost_micros": -micros}, {}, Exists("cost_micros")
                )

    def _is_counted(self, tenant_id: str, quota: Quota, micros: int, minute: str) -> bool:
        money: list[Condition] = []
        if quota.monthly_usd is not None:
            left = quota.monthly_usd * MICROS - micros
            money.append(any_of(at_most("cost_micros", left), *([Missing("cost_micros")] if left >= 0 else [])))
        starts = [] if quota.starts_per_minute is None else [below("starts", quota.starts_per_minute)]
        expires_at = int(self._now().timestamp()) + _KEPT_SECONDS
        first = {"minute": minute, "starts": 1, "tenant_id": tenant_id, "expires_at": expires_at}
        is_first = any_of(Missing("minute"), below("minute", minute))
        is_first_allowed = quota.starts_per_minute is None or quota.starts_per_minute > 0
        attempts: list[tuple[dict[str, int], dict[str, Any], Condition]] = [
            ({"cost_micros": micros, "starts": 1}, {}, all_of(equals("minute", minute), *starts, *money))
        ]
        if is_first_allowed:
            attempts.append(({"cost_micros": micros}, first, all_of(is_first, *money)))
        for amounts, changes, condition in attempts:
            try:
                self._table.add(keys.usage(tenant_id), minute[:7], amounts, changes, condition)
            except ConditionFailedError:
                continue
            return True
        return False

    def _refuse(self, quota: Quota, micros: int, standing: Record, minute: str) -> None:
        """Raises QuotaExceededError for what is used up, by the figures that stand."""
        now = self._now().astimezone(UTC)
        if quota.monthly_usd is not None and standing.get("cost_micros", 0) + micros > quota.monthly_usd * MICROS:
            month = (now.replace(day=28) + timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            spent = standing.get("cost_micros", 0) / MICROS
            raise QuotaExceededError(
                f"Runs of this month cost {spent:.2f} of the {quota.monthly_usd} USD that the tenant may spend, and this run "
                f"does not fit in. The next month begins at {month:%Y-%m-%dT%H:%M:%SZ}.",
                retry_after_seconds=_seconds(month - now),
            )
        most = quota.starts_per_minute
        if most is not None and (most == 0 or (standing.get("minute") == minute and standing["starts"] >= most)):
            following = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
            raise QuotaExceededError(
                used_up("starts a minute", most, f"The next minute begins at {following:%H:%M:%S} UTC."),
                retry_after_seconds=_seconds(following - now),
            )

    def _month(self) -> str:
        return self._now().astimezone(UTC).isoformat()[:7]


def used_up(what: str, most: int, then: str) -> str:
    """What is told where there is no room for another start, and `then`, when there will be; of a quota of 0 there never is."""
    if most == 0:
        return f"The tenant's quota of {what} is 0, so nothing is started until it is raised."
    return f"The tenant's quota of {what} is {most}, and used up. {then}"


def _seconds(left: timedelta) -> int:
    return max(1, -int(-left.total_seconds() // 1))
