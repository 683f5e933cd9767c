"""Where a reference finds its value: lexical scopes of the machine and what each step's record is called there.

AWS forbids to assign a variable in an inner scope under a name that an outer scope assigns too (Step Functions developer
guide, "Passing data between states with variables", scope rules), so names carry the depth of the scope that assigns them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Final

from workflow_engine.compiler.ir import Assigns, Template
from workflow_engine.compiler.jsonata.fragments import NULL, Fragment, Infix, Read, Text, if_assigned, json_literal
from workflow_engine.compiler.jsonata.references import Root
from workflow_engine.compiler.jsonata.states import INDEX, ITEM, from_input
from workflow_engine.compiler.lower.status import COMPLETED, Statuses
from workflow_engine.compiler.records import failed_record
from workflow_engine.language.syntax import Reference, ScopeReference, StepReference
from workflow_engine.lazy_dataclass import dataclass

_MAX_ESCAPED = 70
_NULL = Root(NULL, defined=True)


def variable_name(depth: int, step_id: str) -> str:
    """`s<depth>_<escaped id>`. Injective: `_` becomes `__`, `-` becomes `_d`; an id that gets too long (a variable's name has
    80 characters at most) is cut and ends in `_x<hash>`, which no escape gives."""
    escaped = step_id.replace("_", "__").replace("-", "_d")
    if len(escaped) > _MAX_ESCAPED:
        digest = hashlib.sha1(step_id.encode(), usedforsecurity=False).hexdigest()[:12]
        escaped = f"{escaped[:50]}_x{digest}"
    return f"s{depth}_{escaped}"


FAILURE_VARIABLE: Final = "failure"
"""What has failed the run, as failure steps read it."""


def tolerated_variable(scope: Scope) -> str:
    """For the ids of steps whose failures a Parallel of this scope tolerated. No record of a step has such a name."""
    return f"tolerated{scope.depth}_{len(scope.tolerated)}"


def failures_variable(depth: int) -> str:
    """The notes of critical failures in a scope. No record of a step has such a name."""
    return f"failures{depth}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a step at a point of the machine. `variable` is None when no record of it is kept; where it is
    `unsure`, the step may not have begun, and there is no value then. `output` and `error`, if given, are what it gave.
    """

    statuses: Statuses
    variable: str | None
    unsure: bool = False
    output: Fragment | None = None
    error: Fragment | None = None


NOTES_CHARACTERS: Final = 30_000
"""Of the messages of all failures that may come together, so that they can leave a branch and be variables: 256 KiB, of which
a character may take six bytes."""
MOST_CHARACTERS: Final = 4_000
FEWEST_CHARACTERS: Final = 200


def message_characters(failures: int | None) -> int:
    """How much is kept of a message where so many failures may come together; None where only the run can tell how many."""
    share = 0 if failures is None else NOTES_CHARACTERS // max(1, failures)
    return min(MOST_CHARACTERS, max(FEWEST_CHARACTERS, share))


@dataclass(frozen=True, slots=True)
class Recovery:
    """What critical failures in a scope lead to. `order` is the place of each step in the document, `characters` what is kept
    of a message. `containers` are the loops and switches of the same scope around a place, whose records fail with it, by
    variable, with whether their error is read.
    """

    order: Mapping[str, int]
    characters: int
    containers: Mapping[str, bool]

    @classmethod
    def of(cls, step_ids: list[str], *, sequential: bool) -> Recovery:
        """For a workflow of these steps."""
        order = {step_id: place for place, step_id in enumerate(step_ids)}
        return cls(order, message_characters(1 if sequential else len(step_ids)), {})

    def in_branch(self) -> Recovery:
        """Inside a branch, where nothing of the scope around it can be assigned."""
        return replace(self, containers={})

    def inside(self, variable: str | None, *, keeps_error: bool) -> Recovery:
        """Inside a loop or switch whose record is this variable, None where it has none."""
        return self if variable is None else replace(self, containers={**self.containers, variable: keeps_error})

    def records(self, error: Template, message: Template) -> Assigns:
        """The records of the loops and switches around a failure."""
        return {name: failed_record(error, message, keeps_error=keeps) for name, keeps in self.containers.items()}


@dataclass(frozen=True, slots=True)
class MapLevel:
    """The position of the current element in a map; the outermost map has number 0."""

    number: int


PlacePart = str | Fragment | MapLevel
"""A part of a place: text, the turn of a loop, or the position in a map."""


@dataclass(slots=True)
class Scope:
    """A lexical scope while it is being lowered: entries change as steps are passed. Lookups fall back to the parent.

    `item` and `index` are the innermost element and its position, None outside for_each and map. `around` is what stands in
    front of a step's id in its place, `maps` how many maps are around. `fields` are those that every output of a step is sure
    to have, by step id; all scopes of a machine share them. `recovery` is what critical failures lead to, None where they end
    the run, or what is around; `may_end` says that one of them may end this scope. `tolerated` are, of the workflow's own steps,
    those that may fail without ending the run, and the lists of those in Parallels of this scope.
    """

    depth: int
    parent: Scope | None = None
    item: Fragment | None = None
    index: Fragment | None = None
    around: tuple[PlacePart, ...] = ()
    maps: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    recovery: Recovery | None = None
    may_end: bool = False
    tolerated: list[str | Fragment] = field(default_factory=list)

    def child(self) -> Scope:
        """A scope one deeper that sees all of this one (a Parallel branch or a Map body), and ends with its first failure."""
        return Scope(self.depth + 1, self, self.item, self.index, self.around, self.maps, fields=self.fields)

    def element_of(self, step_id: str) -> Scope:
        """The scope of one element of a map or a for_each."""
        inner = self.child()
        inner.item, inner.index = ITEM, INDEX
        inner.around = (*self.around, f"{step_id}[", MapLevel(self.maps), "].")
        inner.maps = self.maps + 1
        return inner

    def place(self, step_id: str) -> Fragment:
        """The step's full place, a text such as `outer[3].loop[1].inner`: its key in the results of a run."""
        return self._text((*self.around, step_id))

    def element_place(self) -> Fragment:
        """The place of this scope's element, such as `each[3]`."""
        return self._text((*self.around[:-1], "]"))

    def _text(self, parts: tuple[PlacePart, ...]) -> Fragment:
        """The parts as one text. It begins and ends with a name or a bracket, and so does what is between two positions."""
        written: list[Fragment] = []
        text = ""
        for part in parts:
            if isinstance(part, str):
                text += part
            else:
                written += [json_literal(text), self._position(part) if isinstance(part, MapLevel) else part]
                text = ""
        written.append(json_literal(text))
        return written[0] if len(written) == 1 else Infix("&", tuple(written))

    def _position(self, level: MapLevel) -> Fragment:
        """Where an element stands in its map. A map's body sees its own `index`, and those around it in `at`."""
        return INDEX if level.number == self.maps - 1 else Text(f"$states.input.at[{level.number}]")

    def find(self, step_id: str) -> Entry:
        """The entry of a step that has been passed; the innermost one. KeyError says that the tree's order is wrong."""
        scope: Scope | None = self
        while scope is not None:
            if step_id in scope.entries:
                return scope.entries[step_id]
            scope = scope.parent
        raise KeyError(step_id)

    def statuses(self, step_id: str) -> Statuses:
        return self.find(step_id).statuses

    def name(self, step_id: str) -> str:
        """The variable of this scope for a step's record."""
        return variable_name(self.depth, step_id)

    def status(self, step_id: str) -> Fragment:
        """The step's status: a constant where it is known before the run."""
        entry = self.find(step_id)
        if len(entry.statuses) == 1:
            return json_literal(next(iter(entry.statuses)))
        assert entry.variable is not None, f"the status of {step_id} is read but not kept"
        read = Read(entry.variable, ("status",))
        return if_assigned(read, Text('"pending"')) if entry.unsure else read

    def locate(self, reference: Reference) -> Root:
        """Where the reference's value starts, before its path is applied."""
        match reference:
            case StepReference(step_id=step_id, facet=facet):
                return self._locate_step(step_id, facet)
            case ScopeReference(word="item"):
                assert self.item is not None, "item outside a list; the language refuses that"
                return Root(self.item, defined=True)
            case ScopeReference(word="index"):
                assert self.index is not None, "index outside a list; the language refuses that"
                return Root(self.index, defined=True)
            case ScopeReference(word="failure"):
                return Root(Read(FAILURE_VARIABLE), defined=True)
            case ScopeReference(word=word):
                return Root(from_input(word), defined=True)

    def _locate_step(self, step_id: str, facet: str) -> Root:
        entry = self.find(step_id)
        if facet == "status":
            return Root(self.status(step_id), defined=True)
        if facet == "output" and entry.output is not None:
            return Root(entry.output, defined=True)
        if facet == "error" and entry.error is not None:
            return Root(entry.error, defined=True)
        if (facet == "output" and "completed" not in entry.statuses) or (
            facet == "error" and "failed" not in entry.statuses
        ):
            return _NULL
        assert entry.variable is not None, f"the record of {step_id} is read but not kept"
        code = Read(entry.variable, (facet,))
        if entry.unsure:
            return Root(if_assigned(code, NULL), defined=True)
        if facet == "error":
            return Root(code, defined=False)
        return Root(code, defined=entry.statuses == COMPLETED, fields=self.fields.get(step_id, frozenset()))
