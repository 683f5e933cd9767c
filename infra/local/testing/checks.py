"""What checks are made with: the case, what was observed, and how a number is held to bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from infra.local.mocking.durations import seconds_of
from infra.local.mocking.model import Place
from infra.local.testing.flows import FlowStep
from infra.local.testing.matching import Surroundings, path_text
from infra.local.testing.model import Case
from infra.local.testing.observed import Observed
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import suggest

SAME_SECONDS: Final = 0.001
"""Moments that are no further apart are the same."""

INDEXES: Final = re.compile(r"\[(\d+)\]")
_ADDRESS: Final = re.compile(r"(tool|agent|type|subflow|http):")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as expected: a sentence, the line of the expectation, and that of the mock behind it."""

    told: str
    place: Place
    mock: Place | None = None

    def __str__(self) -> str:
        behind = f" (answered by the mock at {self.mock})" if self.mock is not None else ""
        return f"{self.place}: {self.told}{behind}"


@dataclass(frozen=True, slots=True)
class Context:
    """What an expectation is checked with."""

    case: Case
    observed: Observed
    steps: Mapping[str, FlowStep]
    snapshot: Callable[[str, Any], str | None] = lambda _path, _value: None

    def around(self) -> Surroundings:
        """The surroundings of matchers, new for each expectation."""
        return Surroundings(self.case.secrets)

    def fail(self, told: str, *path: str | int, mock: Place | None = None) -> Failure:
        """A failure of the expectation at a path."""
        return Failure(told, self.case.line_of(*path), mock)

    def unknown(self, name: str) -> str | None:
        """Why a name is no step's; None where it is one."""
        bare = INDEXES.sub("", name).rpartition(".")[2]
        if bare in self.steps or _ADDRESS.match(name):
            return None
        return f"There is no step '{bare}'.{suggest(bare, self.steps)}"


def outside(
    value: float, wanted: Any, text: Callable[[float], str] = lambda v: f"{v:g}", *, slack: float = 0.0
) -> str | None:
    """What a number should have been; None where it is so. `wanted` is exact, or min and max."""
    if not isinstance(wanted, Mapping):
        return None if abs(value - wanted) <= slack else text(wanted)
    lower, upper = wanted.get("min"), wanted.get("max")
    if lower is not None and value < lower - slack:
        return f"at least {text(lower)}"
    if upper is not None and value > upper + slack:
        return f"at most {text(upper)}"
    return None


def seconds_in(wanted: Any) -> Any:
    """A duration, or bounds of one, in seconds."""
    if isinstance(wanted, Mapping):
        return {name: seconds_of(value) for name, value in wanted.items()}
    return seconds_of(wanted)


def joined(path: Sequence[str | int]) -> str:
    """A path as it stands behind a name: `.a[0]`."""
    text = path_text(path)
    return f".{text}" if text and not text.startswith("[") else text
