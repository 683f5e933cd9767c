"""Whatever runs do, and however the table's stream tells of it: figures are those of the last records."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_engine.errors import ThrottledError
from workflow_engine.statuses import RUN_ENDS
from workflow_engine.store.aggregates.contributions import Told
from workflow_engine.store.aggregates.figures import FigureStore, RunFigures, StepFigures
from workflow_engine.store.aggregates.fold import Fold
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.store.aggregates.measures import Measuring
from workflow_engine.store.aggregates.periods import Grain, start_of, text_of
from workflow_engine.store.executions import ENDED
from workflow_engine.store.table import Table
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.timestamps import iso

NOW: Final = datetime(2026, 3, 10, 6, tzinfo=UTC)
START: Final = NOW - timedelta(days=2)
Image = dict[str, Any]

STEPS: Final = ("load", "say", "each")
results = st.lists(
    st.tuples(
        st.sampled_from((*STEPS, "each[0]", "m[1].load")),
        st.sampled_from(("completed", "failed", "skipped")),
        st.none() | st.integers(0, 10**7),
        st.integers(0, 3),
    ),
    max_size=6,
)


def end(run: tuple[str, str, str], status: str, minutes: int, redrives: int) -> Image:
    tenant, workflow, execution = run
    return {
        "pk": f"run {execution}",
        "sk": "META",
        "tenant_id": tenant,
        "execution_id": execution,
        "workflow_id": workflow,
        "workflow_version": 3,
        "status": status,
        "status_rank": ENDED,
        "redrive_count": redrives,
        "started_at": iso(START),
        "completed_at": iso(START + timedelta(minutes=minutes)),
        "output": "what a run gives is none of our concern",
    }


def read(run: tuple[str, str, str], steps: list[tuple[str, str, int | None, int]], tokens: int, redrives: int) -> Image:
    tenant, _, execution = run
    measuring = Measuring(redrives)
    for key, status, milliseconds, retries in steps:
        measuring.add(key, {"status": status, "execution_time_ms": milliseconds, "retry_count": retries})
    usage = {"tokens_in": tokens, "tokens_out": 2 * tokens, "llm_calls": 1}
    cost = {"transitions": 0.000025 * len(steps), "models": None if tokens == 7 else tokens / 10**6}
    measured = measuring.told({"usage": usage, "cost_usd": cost})
    told = {"pk": f"run {execution}", "sk": "RESULTS", "tenant_id": tenant, "execution_id": execution}
    return told | {"redrive_count": redrives, "measured": measured}


runs = st.tuples(st.sampled_from("tu"), st.sampled_from("vw"), st.sampled_from("0123456789"))
ends = st.builds(end, runs, st.sampled_from(RUN_ENDS), st.integers(0, 60 * 40), st.integers(0, 2))
reads = st.builds(read, runs, results, st.integers(0, 9), st.integers(0, 2))


class Shaky:
    """A table that is too busy now and then, before it has written or after."""

    def __init__(self, table: Table, chance: random.Random) -> None:
        self._table, self._chance = table, chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def write_all(self, changes: Any) -> None:
        fate = self._chance.random()
        if fate < 0.1:
            raise ThrottledError("busy")
        self._table.write_all(changes)
        if fate > 0.9:
            raise ThrottledError("who knows")


@settings(max_examples=150, deadline=None)
@given(st.lists(ends | reads, max_size=30), st.randoms(use_true_random=False))
def test_figures_are_those_of_the_last_records_however_often_late_and_mixed_up_they_are_told(
    images: list[Image], chance: random.Random
) -> None:
    written = [(number, _one_workflow_a_run(image)) for number, image in enumerate(images)]
    told = [one for number, image in written if (one := Told.of(image, number))]
    deliveries = told + chance.choices(told, k=len(told) // 2) if told else []
    chance.shuffle(deliveries)
    with closing(SqliteTable()) as table:
        folds = [Fold(Shaky(table, chance), lambda: NOW) for _ in range(2)]
        while deliveries:
            size = chance.randrange(1, 9)
            _until_done(chance.choice(folds), deliveries[:size])
            deliveries = deliveries[size:]
        last = {(image["pk"], image["sk"]): image for _, image in written}
        for tenant in "tu":
            for grain in ("hour", "day"):
                _compare(FigureStore(table), tenant, grain, last)


def _one_workflow_a_run(image: Image) -> Image:
    """A run is of one tenant and workflow."""
    number = int(image["execution_id"])
    return {
        **image,
        "tenant_id": "tu"[number % 2],
        **({"workflow_id": "vw"[number // 2 % 2]} if image["sk"] == "META" else {}),
    }


def _until_done(fold: Fold, told: list[Told]) -> None:
    while True:
        try:
            fold.add(told)
        except ThrottledError:
            continue
        return


def _compare(store: FigureStore, tenant: str, grain: Grain, last: Mapping[tuple[str, str], Image]) -> None:
    since, until = start_of(START, "day"), start_of(NOW, "day") + timedelta(days=1)
    ended = [image for (_, sk), image in last.items() if sk == "META" and image["tenant_id"] == tenant]
    for workflow in (None, "v", "w"):
        of_workflow = [one for one in ended if workflow in (None, one["workflow_id"])]
        periods = {_period(one, grain) for one in of_workflow}
        expected = {p: _run_figures([one for one in of_workflow if _period(one, grain) == p], last) for p in periods}
        assert store.of_runs(tenant, workflow, grain, since, until) == expected
        if workflow is not None:
            steps, first = store.of_steps(tenant, workflow, grain, since, until)
            assert {s: f for s, f in steps.items() if f != (Histogram(), 0, 0)} == _step_figures(of_workflow, last)
            assert first == text_of(since, grain)


def _period(image: Image, grain: Grain) -> str:
    return text_of(start_of(datetime.fromisoformat(image["completed_at"]), grain), grain)


def _results_of(image: Image, last: Mapping[tuple[str, str], Image]) -> dict[str, Any] | None:
    found = last.get((image["pk"], "RESULTS"))
    told: dict[str, Any] | None = None
    if found is not None and found["redrive_count"] == image["redrive_count"]:
        told = json.loads(found["measured"])
    return told


def _run_figures(images: list[Image], last: Mapping[tuple[str, str], Image]) -> RunFigures:
    numbers: Counter[str] = Counter(image["status"] for image in images)
    numbers["redriven"] = sum(image["redrive_count"] > 0 for image in images)
    for image in images:
        if told := _results_of(image, last):
            numbers["sampled"] += 1
            numbers["unpriced"] += told["model_nanos"] is None
            numbers.update({n: told[n] or 0 for n in told if n not in ("steps", "groups")})
    took = [
        datetime.fromisoformat(i["completed_at"]) - datetime.fromisoformat(i["started_at"])
        for i in images
        if i["status"] == "completed" and not i["redrive_count"]
    ]
    return RunFigures(+numbers, Histogram.of(t // timedelta(milliseconds=1) for t in took))


def _step_figures(images: list[Image], last: Mapping[tuple[str, str], Image]) -> dict[str, StepFigures]:
    sums: dict[str, Counter[str]] = {}
    for image in images:
        for name, number in (_results_of(image, last) or {"steps": {}})["steps"].items():
            kind, _, step_id = name.partition(":")
            sums.setdefault(step_id, Counter())[kind] += number
    return {
        step_id: StepFigures(Histogram({int(k): n for k, n in c.items() if k.isdecimal()}), c["f"], c["r"])
        for step_id, c in sums.items()
    }
