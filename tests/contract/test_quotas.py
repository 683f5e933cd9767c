"""What tenants may use, counted over either table: of starts at once no more get through than may, and what is lost is found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.store.records import execution
from tests.support.stores import fill, item
from workflow_engine.errors import QuotaExceededError, ThrottledError
from workflow_engine.store.conditions import Exists, below
from workflow_engine.store.ends import EndStore, RecordedEnd
from workflow_engine.store.executions import ExecutionStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.quotas import Quota, Quotas
from workflow_engine.store.run_slots import free_slot, leave_slot, slot_write
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import ConditionFailedError, Table

NOON = datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def quotas(table: Table, clock: Clock | None = None, **default: int) -> Quotas:
    return Quotas(table, Quota(**default), clock or Clock())


def let_in(made: Quotas, tries: int, micros: int = 0, tenant_id: str = "t") -> int:
    """How many of so many starts, one after the other, are let in."""
    count = 0
    for _ in range(tries):
        try:
            made.count_start(tenant_id, made.of(tenant_id), micros)
        except QuotaExceededError:
            continue
        count += 1
    return count


# ---- adding, which the port does ----------------------------------------------------------------------------------------


def test_numbers_are_added_to_and_other_attributes_set_in_one_step(table: Table) -> None:
    table.add("p", "s", {"n": 2, "m": -1}, {"s": "x"})
    assert table.get("p", "s") == item(n=2, m=-1, s="x")
    table.add("p", "s", {"n": 3}, {"s": None}, below("n", 3))
    assert table.get("p", "s") == item(n=5, m=-1)
    for condition in (below("n", 5), Exists("other")):
        with pytest.raises(ConditionFailedError):
            table.add("p", "s", {"n": 1}, {"s": "y"}, condition)
    assert table.get("p", "s") == item(n=5, m=-1)


@pytest.mark.parametrize(
    ("amounts", "changes"), [({}, {"s": "x"}), ({"pk": 1}, {}), ({"n": 1}, {"n": 2}), ({"n": 1}, {"sk": "x"})]
)
def test_what_no_table_adds_is_refused(table: Table, amounts: dict[str, int], changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Amounts are added|An update changes"):
        table.add("p", "s", amounts, changes)
    with pytest.raises(TypeError):
        table.add("p", "s", {"n": True}, {})


def test_no_addition_of_threads_is_lost(table: Table) -> None:
    fill(table, item(n=0))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: table.add("p", "s", {"n": 1}, {}), range(40)))
    assert table.get("p", "s") == item(n=40)


# ---- starts a minute ----------------------------------------------------------------------------------------------------


def test_a_minute_has_so_many_starts_and_the_next_as_many_again(table: Table) -> None:
    clock = Clock()
    made = quotas(table, clock, starts_per_minute=3)
    assert let_in(made, 5) == 3
    with pytest.raises(QuotaExceededError, match=r"starts a minute is 3.*12:01:00 UTC") as refused:
        made.count_start("t", made.of("t"), 0)
    assert refused.value.retry_after_seconds == 30
    clock.now += timedelta(seconds=30)
    assert let_in(made, 5) == 3
    assert let_in(made, 2, tenant_id="u") == 2  # each tenant for itself


def test_of_starts_at_once_no_more_get_through_than_may(table: Table) -> None:
    made = quotas(table, starts_per_minute=10)

    def start(_: int) -> bool:
        try:
            made.count_start("t", made.of("t"), 0)
        except ThrottledError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(start, range(30))) == 10


def test_a_host_whose_clock_is_behind_counts_into_the_minute_that_has_begun(table: Table) -> None:
    ahead = quotas(table, Clock(NOON + timedelta(minutes=1)), starts_per_minute=3)
    behind = quotas(table, Clock(NOON), starts_per_minute=3)
    assert let_in(ahead, 2) + let_in(behind, 3) == 3


def test_a_quota_of_no_starts_lets_none_through(table: Table) -> None:
    assert let_in(quotas(table, starts_per_minute=0), 2) == 0


# ---- money a month ------------------------------------------------------------------------------------------------------


def test_a_month_has_so_much_money_and_no_start_goes_over_it(table: Table) -> None:
    clock = Clock(datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC))
    made = quotas(table, clock, monthly_usd=1)
    assert let_in(made, 9, micros=300_000) == 3
    with pytest.raises(QuotaExceededError, match=r"0\.90 of the 1 USD.*2027-01-01T00:00:00Z") as refused:
        made.count_start("t", made.of("t"), 300_000)
    assert refused.value.retry_after_seconds == 10
    assert let_in(made, 2, micros=100_000) == 1  # what still fits
    clock.now += timedelta(seconds=20)
    assert let_in(made, 9, micros=300_000) == 3


def test_what_is_refused_for_its_cost_is_no_start_of_the_minute(table: Table) -> None:
    made = quotas(table, starts_per_minute=2, monthly_usd=1)
    assert let_in(made, 3, micros=2_000_000) == 0
    assert let_in(made, 3) == 2


# ---- a tenant's own -----------------------------------------------------------------------------------------------------


def test_a_tenants_own_quota_takes_the_place_of_the_deployments_within_a_minute(table: Table) -> None:
    seconds = [0.0]
    made = Quotas(table, Quota(running=5), Clock(), lambda: seconds[0])
    assert made.of("t") == Quota(running=5)
    other = quotas(table)
    other.set("t", Quota(starts_per_minute=9))
    assert made.of("t") == Quota(running=5)
    seconds[0] = 61.0
    assert (made.of("t"), made.of("u")) == (Quota(starts_per_minute=9), Quota(running=5))
    made.set("t", Quota())
    assert made.of("t").is_empty  # an empty one of its own: not limited
    made.set("t", None)
    assert made.of("t") == Quota(running=5)


def test_where_nothing_is_limited_nothing_is_counted(table: Table) -> None:
    made = quotas(table)
    assert let_in(made, 3, micros=9_000_000) == 3
    assert made.usage("t") == {}


# ---- runs at once -------------------------------------------------------------------------------------------------------


def take(table: Table, number: int, execution_id: str) -> None:
    table.put(slot_write("t", number, execution_id))


def test_a_place_is_had_by_one_run_until_it_gives_it_back(table: Table) -> None:
    take(table, 1, "a")
    with pytest.raises(ConditionFailedError):
        take(table, 1, "b")
    leave_slot(table, "t", 1, "b")  # not b's to give back
    with pytest.raises(ConditionFailedError):
        take(table, 1, "b")
    leave_slot(table, "t", 1, "a")
    leave_slot(table, "t", 1, "a")
    take(table, 1, "b")
    leave_slot(table, "t", 1, "a")  # said once more, when another has it
    with pytest.raises(ConditionFailedError):
        take(table, 1, "c")


def test_a_free_place_is_found_and_none_where_all_runs_go_on(table: Table) -> None:
    for number in (1, 2, 4):
        take(table, number, f"e{number}")
    assert free_slot(table, "t", 4, set) == 3
    assert free_slot(table, "t", 2, set) is None
    assert free_slot(table, "u", 1, set) == 1


def test_a_place_that_was_not_given_back_is_found_when_it_is_needed(table: Table) -> None:
    for number in range(1, 4):
        take(table, number, f"e{number}")
    assert free_slot(table, "t", 3, lambda ids: set(ids) - {"e2"}) == 2
    take(table, 2, "new")


def test_a_run_gives_its_place_back_when_its_end_is_recorded(table: Table) -> None:
    payloads = PayloadStore(MemoryObjects())
    runs, ends = ExecutionStore(table, payloads, RunShards(table)), EndStore(table, payloads)
    for number in (1, 2):
        runs.create(execution(execution_id=f"e{number}", execution_arn=f"arn:{number}", slot=number))
    end = RecordedEnd("arn:1", "completed", "2026-01-02T00:00:00.000Z", 0)
    assert ends.record("t", "e1", end)
    assert runs.get("t", "e1").slot is None
    take(table, 1, "another")
    assert not ends.record("t", "e1", end)  # told again
    assert free_slot(table, "t", 2, set) is None
    assert ends.never_started(runs.get("t", "e2"), RecordedEnd("arn:2", "failed", "2026-01-02T00:00:00.000Z", 0))
    assert runs.get("t", "e2").slot is None
    assert free_slot(table, "t", 2, set) == 2
