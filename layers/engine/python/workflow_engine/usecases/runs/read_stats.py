"""Figures of many runs, from sums by hour and day: no run is looked at."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from workflow_engine.errors import InvalidRequestError
from workflow_engine.machines.outlines import KnownSteps
from workflow_engine.statuses import RUN_ENDS
from workflow_engine.store.aggregates.figures import NO_RUNS, RunFigures, StepFigures
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.store.aggregates.measures import NANOS
from workflow_engine.store.aggregates.periods import GRAINS, KEPT, LENGTHS, Grain, moment_of, start_of, text_of
from workflow_engine.suggestions import suggest
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.store.workflows import StoredWorkflow
    from workflow_engine.usecases import answers

DEFAULT_BUCKETS: Final[dict[Grain, int]] = {"hour": 24, "day": 30}
MOST_BUCKETS: Final[dict[Grain, int]] = {"hour": 7 * 24, "day": 366}
"""Of one answer."""


class Asked(NamedTuple):
    """The time that figures are asked for, as the request has it, and by what."""

    since: datetime | None = None
    until: datetime | None = None
    bucket: str | None = None


class _Window(NamedTuple):
    """Hours or days, from the beginning of the first to the end of the last."""

    grain: Grain
    since: datetime
    until: datetime

    @property
    def starts(self) -> list[datetime]:
        length = LENGTHS[self.grain]
        return [self.since + length * n for n in range((self.until - self.since) // length)]


def tenant_stats(engine: Engine, caller: Caller, asked: Asked) -> answers.Stats:
    """Figures of all runs of the caller's tenant. A run counts some seconds after its end.

    Raises InvalidRequestError for an unknown bucket, and a time that is empty, too long, or too long ago.
    """
    return _stats(engine, caller, _window(engine, asked))


def workflow_stats(engine: Engine, caller: Caller, workflow_id: str, asked: Asked) -> answers.WorkflowStats:
    """Figures of a workflow's runs and steps. Raises NotFoundError, and what `tenant_stats` raises."""
    window = _window(engine, asked)
    workflow = engine.workflows.newest(caller.tenant_id, workflow_id)
    outline: Any = workflow.compiled.outline
    steps, first = engine.figures.of_steps(caller.tenant_id, workflow_id, *window, workflow.in_use_since_version)
    known = [step_id for step_id in KnownSteps.of(outline).entries if step_id in steps]
    ordered = (*known, *sorted(steps.keys() - set(known)))
    told = [step for step_id in ordered if (step := _step(step_id, steps[step_id]))]
    return {
        "workflow_id": workflow_id,
        **_stats(engine, caller, window, workflow),
        "steps": told,
        "steps_since": iso(moment_of(first)),
    }


def _window(engine: Engine, asked: Asked) -> _Window:
    bucket = asked.bucket or GRAINS[0]
    if bucket not in GRAINS:
        raise InvalidRequestError(
            f"There is no bucket '{bucket[:100]}'.{suggest(bucket[:100], GRAINS)} Use {' or '.join(GRAINS)}."
        )
    grain: Grain = bucket
    length, now = LENGTHS[grain], engine.now()
    end = now if asked.until is None else asked.until
    until = start_of(end, grain)
    if until < end:
        until += length
    since = until - length * DEFAULT_BUCKETS[grain] if asked.since is None else start_of(asked.since, grain)
    if asked.since is not None and asked.since >= end:
        before = "now, where the time asked for ends unless 'to' is given" if asked.until is None else "'to'"
        raise InvalidRequestError(f"The query parameter from must be a moment before {before}.")
    number, most = (until - since) // length, MOST_BUCKETS[grain]
    if number > most:
        instead = ", or figures by day (bucket=day)" if grain == "hour" else ""
        raise InvalidRequestError(
            f"That would be {number:,} {grain}s, and one answer has {most} at most. Ask for a shorter time{instead}."
        )
    oldest = start_of(now - KEPT[grain], grain)
    if since < oldest:
        raise InvalidRequestError(
            f"Figures by {grain} are kept for {KEPT[grain].days} days. Ask for a time after {iso(oldest)}"
            f"{', or for figures by day (bucket=day)' if grain == 'hour' else ''}."
        )
    return _Window(grain, since, until)


def _stats(engine: Engine, caller: Caller, window: _Window, workflow: StoredWorkflow | None = None) -> answers.Stats:
    whose = (None, 1) if workflow is None else (workflow.id, workflow.in_use_since_version)
    found = engine.figures.of_runs(caller.tenant_id, whose[0], *window, whose[1])
    by_start = [(start, found.get(text_of(start, window.grain), NO_RUNS)) for start in window.starts]
    return {
        "since": iso(window.since),
        "until": iso(window.until),
        "bucket": window.grain,
        "total": _told(reduce(RunFigures.merged, found.values(), NO_RUNS)),
        "buckets": [{"start": iso(start), **_told(figures)} for start, figures in by_start],
    }


def _told(figures: RunFigures) -> answers.RunStats:
    numbers, counts = figures.numbers, figures.counts
    failed, decided = counts["failed"] + counts["timed_out"], figures.runs - counts["cancelled"]
    transitions, models = numbers["transition_nanos"] / NANOS, numbers["model_nanos"] / NANOS
    return {
        "runs": figures.runs,
        "counts": {status: counts[status] for status in RUN_ENDS},
        "failure_rate": round(failed / decided, 6) if decided else None,
        "redriven": numbers["redriven"],
        "duration_ms": _durations(figures.durations),
        "sampled": {"runs": numbers["sampled"], "of": figures.runs},
        "retries": numbers["retries"],
        "usage": {
            "tokens_in": numbers["tokens_in"],
            "tokens_out": numbers["tokens_out"],
            "total_tokens": numbers["tokens_in"] + numbers["tokens_out"],
            "llm_calls": numbers["llm_calls"],
        },
        "cost_usd": {
            "total": round(transitions + models, 9),
            "transitions": transitions,
            "models": models,
            "unpriced_runs": numbers["unpriced"],
        },
    }


def _step(step_id: str, figures: StepFigures) -> answers.StepStats | None:
    if not figures.durations.count and not figures.failed and not figures.retries:
        return None  # all was taken back
    durations = _durations(figures.durations)
    return {"step_id": step_id, "duration_ms": durations, "failed": figures.failed, "retries": figures.retries}


def _durations(histogram: Histogram) -> answers.DurationStats:
    count = histogram.count
    if not count:
        return {"count": 0, "mean": None, "p50": None, "p95": None, "p99": None}
    p50, p95, p99 = (round(histogram.quantile(share) * 1000, 1) for share in (0.5, 0.95, 0.99))
    return {"count": count, "mean": round(histogram.mean * 1000, 1), "p50": p50, "p95": p95, "p99": p99}
