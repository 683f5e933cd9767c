"""Figures of many runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from workflow_engine.store.aggregates.periods import GRAINS
from workflow_engine.usecases.answers.values import Count, Time

StatsBucket = TypeAliasType("StatsBucket", Annotated[str, Field(json_schema_extra={"enum": list(GRAINS)})])


class DurationStats(TypedDict):
    """How long something took, in milliseconds; null where nothing did. These figures are off by 5 % at most."""

    count: Count
    """How many durations these are figures of."""
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Sample(TypedDict):
    """Of how many runs the figures are that only a run's history tells."""

    runs: Count
    """Those whose history was read: because somebody asked for their steps, or all, where the deployment archives them."""
    of: Count
    """Those that ended."""


class UsageStats(TypedDict):
    """What models took."""

    tokens_in: Count
    tokens_out: Count
    total_tokens: Count
    llm_calls: Count


class CostStats(TypedDict):
    """What runs have cost, in US dollars."""

    total: float
    transitions: float
    """What AWS takes for the states that were entered, retries included."""
    models: float
    unpriced_runs: Count
    """Runs that used a model whose price is not known; what that took is in none of these."""


class RunStats(TypedDict):
    """Figures of runs that ended. A run counts once, by its last end: that of a redrive takes the place of the one before."""

    runs: Count
    counts: dict[str, Count]
    """By status."""
    failure_rate: float | None
    """Those that failed or timed out, of all that were not cancelled: 0 to 1. Null where there are none."""
    redriven: Count
    """Those that were redriven before they ended so."""
    duration_ms: DurationStats
    """From start to end, of those that completed and were neither redriven nor reruns from a step."""
    sampled: Sample
    """Of which runs `retries`, `usage` and `cost_usd` are."""
    retries: Count
    usage: UsageStats
    cost_usd: CostStats


class BucketStats(RunStats):
    """Figures of the runs that ended in one hour or on one day, UTC."""

    start: Time


class StepStats(TypedDict):
    """Figures of a step, of the runs in `sampled`. In a map or loop it counts each time; a for_each counts as a whole."""

    step_id: str
    duration_ms: DurationStats
    """Of the times that it completed, in runs that were not redriven: what waited for that would count with them."""
    failed: Count
    retries: Count


class Stats(TypedDict):
    """Figures of all runs of a tenant, by hour or by day."""

    since: Time
    until: Time
    """Not included."""
    bucket: StatsBucket
    total: RunStats
    buckets: list[BucketStats]
    """All hours or days of this time, oldest first, those without runs too."""


class WorkflowStats(Stats):
    """Figures of the runs of a workflow, whichever version they ran, by hour or by day."""

    workflow_id: str
    steps: list[StepStats]
    """In the order of the newest version; what only earlier versions have stands at the end."""
    steps_since: Time
    """When the figures of steps begin; later than `since` where the steps of so long a time are too many to be summed."""
