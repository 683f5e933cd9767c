"""Results of a run made of a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflow_engine.language.diagnostics import Json
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.results import LargeOutput, RunResults, StepResult, Wanted
from workflow_engine.store.step_details import StepDetails

FIELDS = {"status": "completed", "output_data": None}


@dataclass
class Listed:
    """Results from a list of `(key, output)`."""

    entries: Sequence[tuple[str, Any]]
    taken: list[str] = field(default_factory=list)
    known: dict[int, StepDetails] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return len(self.entries)

    @property
    def tops(self) -> dict[str, int]:
        return {key: i for i, (key, _) in enumerate(self.entries) if key.isidentifier()}

    def statuses(self) -> dict[str, str]:
        return dict.fromkeys(self.tops, "completed")

    def details(self, ordinal: int) -> StepDetails | None:
        return self.known.get(ordinal)

    def read(self, start: int, stop: int, wanted: Wanted) -> Iterator[StepResult]:
        for ordinal, (key, output) in list(enumerate(self.entries))[start:stop]:
            if not wanted(key):
                continue
            self.taken.append(key)
            if isinstance(output, LargeOutput):
                yield StepResult(ordinal, key, dict(FIELDS), output)
            else:
                yield StepResult(ordinal, key, FIELDS | {"output_data": output})


def results(payloads: PayloadStore, *entries: tuple[str, Any], output: Json = None) -> RunResults:
    """A completed run with these keys and outputs."""
    return RunResults({"status": "completed"}, output, None, Listed(entries), payloads)
