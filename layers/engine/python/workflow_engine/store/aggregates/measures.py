"""What the results of one run tell that figures are made of. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.aws_quotas import KIB
from workflow_engine.language.diagnostics import Json
from workflow_engine.store.aggregates.histogram import bucket_of
from workflow_engine.store.aggregates.step_durations import step_number
from workflow_engine.store.items import dump

NANOS: Final = 1_000_000_000
"""Money is counted in billionths of a dollar, since a table adds whole numbers: a model takes less than a millionth a token."""

MOST_STEP_BYTES: Final = 24 * KIB
"""Of one run's numbers of its steps. The record of its results has room for little more beside results and details, and what is
added is one transaction (`fold`). A step outside maps and loops has one to three numbers, each some bytes more than its id; about
800 steps fit, and what a larger workflow has beyond them is not counted.
"""

MOST_GROUPS: Final = 16
_STEPS_OF_A_GROUP: Final = 16
"""The steps of a large workflow have several records of figures a period: DynamoDB charges a write by the size of the record, and a
step has a number for each bucket that it ever was in.
"""

_NUMBER_BYTES: Final = 10
"""Of a number beside its name: quotes, colon, comma, and some digits."""


class Measuring:
    """Takes the results of a run's steps, one by one, and tells what they come to. What was going on when a run ended took until
    its redrive, days perhaps, so durations of a redriven run do not count.
    """

    def __init__(self, redrive_count: int) -> None:
        self._is_timed = not redrive_count
        self._retries = 0
        self._steps: Counter[str] = Counter()
        self._bytes = 0
        self._step_ids: set[str] = set()

    def add(self, key: str, result: Mapping[str, Any]) -> None:
        """Take the result of a step, or of a part of one, by its key. A for_each counts as a whole, its elements do not."""
        is_element = key.endswith("]")
        step_id = key[key.rfind(".") + 1 :].partition("[")[0]
        self._step_ids.add(step_id)
        duration: int | None = result.get("execution_time_ms")
        if retries := result.get("retry_count"):
            self._retries += retries
            self._count(step_number("r", step_id), retries)
        if is_element:
            return
        if result["status"] == "failed":
            self._count(step_number("f", step_id), 1)
        elif result["status"] == "completed" and duration is not None and self._is_timed:
            self._count(step_number(bucket_of(duration), step_id), 1)

    def told(self, run: Mapping[str, Any]) -> str:
        """JSON text of `{retries, tokens_in, tokens_out, llm_calls, transition_nanos, model_nanos, groups, steps}`, given the run's
        own part of its results. `model_nanos` is None where the price of a model is not known, `groups` is how many records the
        numbers of `steps` are spread over.
        """
        usage, cost = run.get("usage") or {}, run.get("cost_usd") or {}
        models = cost.get("models")
        told: dict[str, Json] = {
            "retries": self._retries,
            "tokens_in": usage.get("tokens_in", 0),
            "tokens_out": usage.get("tokens_out", 0),
            "llm_calls": usage.get("llm_calls", 0),
            "transition_nanos": round(cost.get("transitions", 0) * NANOS),
            "model_nanos": None if models is None else round(models * NANOS),
            "groups": max(1, min(MOST_GROUPS, -(-len(self._step_ids) // _STEPS_OF_A_GROUP))),
            "steps": dict(self._steps),
        }
        return dump(told)

    def _count(self, name: str, number: int) -> None:
        if name not in self._steps:
            size = len(name.encode()) + _NUMBER_BYTES
            if self._bytes + size > MOST_STEP_BYTES:
                return
            self._bytes += size
        self._steps[name] += number
