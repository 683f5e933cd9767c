"""What is noted while steps are read, because it can be judged only when all steps are known (see `judge`)."""

from __future__ import annotations

from dataclasses import field

from workflow_engine.language.scopes import Scope
from workflow_engine.language.syntax import Comparison, Reference
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class PlacedReference:
    """A reference that resolves in `scope`, and the pointer of the text in which it stands."""

    reference: Reference
    pointer: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class PlacedComparison:
    """A comparison of a condition at `pointer`."""

    comparison: Comparison
    pointer: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A text that stands for itself inside of a literal, and begins with the reference `text[:end]`."""

    text: str
    end: int
    reference: Reference
    pointer: str
    scope: Scope


@dataclass(slots=True)
class Notes:
    """All notes of one document. `lists` are references that must lead to a list; `bodies` has the scope inside of each
    container by its id.
    """

    references: list[PlacedReference] = field(default_factory=list)
    comparisons: list[PlacedComparison] = field(default_factory=list)
    lists: list[PlacedReference] = field(default_factory=list)
    texts: list[PlacedText] = field(default_factory=list)
    bodies: dict[str, Scope] = field(default_factory=dict)
