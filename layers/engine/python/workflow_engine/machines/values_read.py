"""What references gave at a place of a run, from its history and the outline of its workflow, and of what type that was. Pure.

Types only, with the length of a list and the first names of an object: a message is kept, logged and shown to people who
may not see the data.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.language.paths import value_at
from workflow_engine.language.references import EXECUTION_FIELDS, parse_reference, reference_text
from workflow_engine.language.syntax import Reference, ScopeReference, StepReference
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.outcomes import Outcome
from workflow_engine.machines.outputs import Outputs
from workflow_engine.machines.timeline import Frames

_MAX_REFERENCES: Final = 10
_MAX_NAMES: Final = 5
_MAX_NAME_CHARACTERS: Final = 40
_MAX_TEXT_CHARACTERS: Final = 120
_MAX_ELEMENTS: Final = 1000
"""Elements of a list that are looked at one by one."""
_MAX_BYTES: Final = 1024 * 1024
"""Of an output that is looked at: no state passes a larger one on."""
_KEPT: Final = 16

_DID: Final = {
    "skipped": "was skipped",
    "failed": "failed",
    "pending": "had not run",
    "running": "had not ended",
    "aborted": "was aborted",
}
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\s*")
_KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    list: "list",
    dict: "object",
}


class UnknownValueError(Exception):
    """What a reference gave is not in the history, or too large to be looked at."""


@dataclass(slots=True)
class ValuesRead:
    """Values of references as the states of a run read them.

    `steps` has the outline's entry of every step, `enclosing` the maps, for_each steps and loops around it, `outcome`
    gives how a step ended at a place, None for a step that is not there.
    """

    steps: Mapping[str, Mapping[str, Any]]
    enclosing: Mapping[str, tuple[str, ...]]
    outcome: Callable[[str, Frames], Outcome | None]
    outputs: Outputs
    run_input: str | None
    _kept: dict[Any, Json] = field(default_factory=dict)

    def in_words(self, references: Iterable[str], frames: Frames) -> str:
        """` It read a.n (a text), b (null: step 'b' was skipped).`; "" where nothing was read."""
        texts = list(references)
        told = [
            f"{_cut(text, _MAX_TEXT_CHARACTERS)}{self._type_read(text, frames)}" for text in texts[:_MAX_REFERENCES]
        ]
        if len(texts) > _MAX_REFERENCES:
            told.append(f"and {len(texts) - _MAX_REFERENCES} more")
        return f" It read {', '.join(told)}." if told else ""

    def _type_read(self, text: str, frames: Frames) -> str:
        """` (a text)`, or "" if that is not known."""
        try:
            return f" ({self._read(parse_reference(text), frames)})"
        except UnknownValueError:
            return ""

    def _read(self, reference: Reference, frames: Frames) -> str:
        root = self._root(reference, frames)
        value = value_at(root, reference.path)
        if value is not None:
            return type_in_words(value)
        if root is None:
            return "null" + self._why_null(reference, frames)
        return "null" + _parent_in_words(reference, root)

    def _why_null(self, reference: Reference, frames: Frames) -> str:
        """What the step that is read did instead of giving a value."""
        if not isinstance(reference, StepReference):
            return ""
        outcome = self._outcome_of(reference.step_id, frames)
        did = "" if outcome is None else _DID.get(outcome.status, "")
        if reference.facet == "error":
            did = "did not fail"
        return f": step '{reference.step_id}' {did}" if did else ""

    def _root(self, reference: Reference, frames: Frames) -> Json:
        """The value before the reference's path; of texts that only the machine knows, any. Raises UnknownValueError."""
        match reference:
            case StepReference(facet="status"):
                return "text"
            case ScopeReference(word="execution"):
                return dict.fromkeys(EXECUTION_FIELDS, "text")
            case StepReference(step_id=step_id, facet="error"):
                outcome = self._outcome_of(step_id, frames)
                failed = outcome is not None and outcome.status == "failed"
                return {"type": "text", "message": "text"} if failed else None
            case StepReference(step_id=step_id):
                return self._output(step_id, frames)
            case ScopeReference(word="item"):
                return self._item(frames)
            case ScopeReference(word="index"):
                return 0
            case ScopeReference(word=word):
                started = self._cached("", lambda: parsed(self.run_input))
                if not isinstance(started, dict) or word not in started:
                    raise UnknownValueError
                return started[word]

    def _output(self, step_id: str, frames: Frames) -> Json:
        outcome = self._outcome_of(step_id, frames)
        if outcome is None:
            return self._turn_before(step_id, frames)
        if outcome.status != "completed" or outcome.output is None:
            return None
        output = outcome.output
        if output.size > _MAX_BYTES or not self.outputs.is_whole(output):
            raise UnknownValueError
        return self._cached(id(outcome), lambda: self.outputs.value(output))  # outcomes live as long as the report

    def _turn_before(self, loop: str, frames: Frames) -> Json:
        """What a loop gave in the turn before, null in the first. Of an output of its own the history has nothing."""
        depth = len(self.enclosing[loop])
        turn, sinks = frames[depth][1], self.steps[loop]["body"].get("sinks")
        if turn == 0:
            return None
        if sinks is None:
            raise UnknownValueError
        before = (*frames[:depth], (loop, turn - 1))
        ended = {sink: self.outcome(sink, before) for sink in sinks}
        return {sink: self._output(sink, before) for sink, one in ended.items() if one and one.status == "completed"}

    def _outcome_of(self, step_id: str, frames: Frames) -> Outcome | None:
        """How a step ended that is read from inside these frames; None for a loop around them, which has
        not. Raises UnknownValueError.
        """
        around = self.enclosing.get(step_id)
        if around is None or around != tuple(container for container, _ in frames[: len(around)]):
            raise UnknownValueError
        if len(frames) > len(around) and frames[len(around)][0] == step_id:
            return None
        outcome = self.outcome(step_id, frames[: len(around)])
        if outcome is None:
            raise UnknownValueError
        return outcome

    def _item(self, frames: Frames) -> Json:
        """The element that the innermost map or for_each runs for."""
        for depth in range(len(frames) - 1, -1, -1):
            container, index = frames[depth]
            reads = self.steps[container].get("reads", {})
            listed = reads.get("for_each") or reads.get("items")
            if listed is not None:
                elements = self._elements(container, listed, frames[:depth])
                if isinstance(elements, list) and index < len(elements):
                    return elements[index]
                break
        raise UnknownValueError

    def _elements(self, container: str, listed: str, frames: Frames) -> Json:
        reference = parse_reference(listed)
        return self._cached((container, frames), lambda: value_at(self._root(reference, frames), reference.path))

    def _cached(self, key: Any, make: Callable[[], Json]) -> Json:
        """A value that was read lately is not read again: many elements of a list may fail alike."""
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = make()
        return self._kept[key]


def _parent_in_words(reference: Reference, root: Json) -> str:
    """What stands in the place where a path leads to nothing; "" where it leads to a null."""
    parent, known = root, 0
    while (value := value_at(root, reference.path[: known + 1])) is not None:
        parent, known = value, known + 1
    if isinstance(parent, dict) and reference.path[known] in parent:
        return ""
    return f": {_cut(reference_text(reference, known), _MAX_TEXT_CHARACTERS)} was {type_in_words(parent)}"


def type_in_words(value: Json) -> str:
    """`a text`, `a list of 3 numbers`, `an object with the keys a and b`: never what a text or a number is."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return _text_in_words(value)
        case list():
            return _list_in_words(value)
        case _:
            return _object_in_words(value)


def _text_in_words(text: str) -> str:
    if not text:
        return "an empty text"
    return "a text that reads as a number" if _NUMBER.fullmatch(text) else "a text"


def _list_in_words(elements: list[Json]) -> str:
    if not elements:
        return "an empty list"
    size = len(elements)
    kinds = Counter(_KINDS[type(element)] for element in elements[:_MAX_ELEMENTS])
    if size > _MAX_ELEMENTS:
        return f"a list of {size:,} elements"
    if len(kinds) == 1:
        return f"a list of {_counted(size, next(iter(kinds)))}"
    return f"a list of {size:,} elements: {', '.join(_counted(n, kind) for kind, n in kinds.items())}"


def _counted(count: int, kind: str) -> str:
    return f"{count:,} {kind}" + ("s" if count != 1 else "")


def _object_in_words(value: Mapping[str, Json]) -> str:
    if not value:
        return "an empty object"
    names = [_cut(name, _MAX_NAME_CHARACTERS) for name in list(value)[:_MAX_NAMES]]
    more = f" and {len(value) - _MAX_NAMES} more" if len(value) > _MAX_NAMES else ""
    return f"an object with the key{'s' if len(value) > 1 else ''} {', '.join(names)}{more}"


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "\N{HORIZONTAL ELLIPSIS}"
