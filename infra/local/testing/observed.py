"""What a case came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from infra.local.mocking.stage import Called, Problem
from workflow_engine.lazy_dataclass import dataclass


@dataclass(slots=True)
class Observed:
    """What a case came to. `results` are those of the API, `order` the step ids as they began; `choices` the decisions taken."""

    results: Mapping[str, Any] = field(default_factory=dict)
    calls: list[Called] = field(default_factory=list)
    most_at_once: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    choices: set[tuple[str, int | None]] = field(default_factory=set)
    findings: tuple[Mapping[str, str], ...] = ()
    duration: float = 0.0
    evaluate: Callable[[str, Any], Any] = lambda _source, _document: None

    @property
    def status(self) -> str | None:
        """The run's status; None where it was refused."""
        return self.results.get("status")

    @property
    def output(self) -> Any:
        """The run's output."""
        return self.results.get("output")

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The run's error, `{step_id, type, message}`: what a case is held to, without advice, whose words may change."""
        error = self.results.get("error")
        return error and {name: value for name, value in error.items() if name != "advice"}

    @property
    def steps(self) -> Mapping[str, Any]:
        """Results of steps by their keys."""
        found: Mapping[str, Any] = self.results.get("step_results", {})
        return found

    def calls_of(self, name: str) -> list[Called]:
        """The calls of a step, or of an address."""
        return [called for called in self.calls if name in (called.step_id, called.address)]
