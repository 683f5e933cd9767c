"""Judges what was noted while steps were read, once the shapes of all that they read are known.

A path that leads nowhere is null at run time, and a comparison that cannot hold is false: nothing fails, a step is skipped or an
alarm never fires. So both are told before the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from workflow_engine.language.findings import MAX_DIAGNOSTICS, Findings, quoted, shown
from workflow_engine.language.notes import Notes, PlacedComparison, PlacedReference, PlacedText
from workflow_engine.language.references import reference_text
from workflow_engine.language.shapes import (
    ANYTHING,
    Kind,
    ListKind,
    Missing,
    ScalarKind,
    fields_of,
    is_no_list,
    kinds_of,
    values_of,
)
from workflow_engine.language.step_shapes import StepShapes
from workflow_engine.language.syntax import Comparison, LiteralValue, Reference, ScopeReference, Segment, StepReference
from workflow_engine.suggestions import advised, fix_to, with_advice

MAX_NAMES_SHOWN: Final = 12

_OTHER_STATUSES: Final = {
    "success": "completed", "succeeded": "completed", "successful": "completed", "ok": "completed", "done": "completed",
    "complete": "completed", "finished": "completed", "error": "failed", "errored": "failed", "failure": "failed",
    "timed_out": "failed", "cancelled": "aborted", "canceled": "aborted", "upstream_failed": "skipped",
}  # fmt: skip
"""What other systems call the status of a step."""


class Judge:
    """Reports what the notes of one document come to. `complete` is False where steps have gaps, because of errors."""

    def __init__(self, shapes: StepShapes, findings: Findings, *, complete: bool) -> None:
        self._shapes = shapes
        self._findings = findings
        self._complete = complete
        self._paths: dict[tuple[int, Reference], tuple[str, str] | None] = {}

    def judge(self, notes: Notes) -> None:
        """Report paths that lead nowhere, lists that are none, comparisons that cannot hold, and references taken for text."""
        found = dict.fromkeys(islice(self._all(notes), MAX_DIAGNOSTICS))
        for code, pointer, detail in found:
            self._findings.add(code, pointer, detail)

    def _all(self, notes: Notes) -> Iterator[tuple[str, str, str]]:
        for read in notes.references:
            yield from self._path(read)
        for read in notes.lists:
            yield from self._list(read)
        for test in notes.comparisons:
            yield from self._comparison(test)
        for text in notes.texts:
            yield from self._text(text)

    # --- paths ---

    def _path(self, read: PlacedReference) -> Iterator[tuple[str, str, str]]:
        if not read.reference.path:
            return
        key = (id(self._shapes.root(read.reference, read.scope)), read.reference)
        if key not in self._paths:
            _, missing = self._shapes.follow(read.reference, read.scope)
            self._paths[key] = None if missing is None else self._sentence(read.reference, missing)
        if (said := self._paths[key]) is not None:
            yield said[0], read.pointer, said[1]

    def _sentence(self, reference: Reference, missing: Missing) -> tuple[str, str] | None:
        """Code and sentence for a path that leaves what is known."""
        segment = reference.path[missing.position]
        if not isinstance(segment, str):
            return ("WFE-E210", _no_list(reference, missing)) if self._complete else None
        path, before = quoted(reference_text(reference)), reference_text(reference, missing.position)
        if missing.impossible and not fields_of(missing.kinds) and (what := _scalar(missing.kinds)):
            return "WFE-E210", f"{path} is always null: {quoted(before)} is {what} and has no fields."
        whole, advice = _whole(reference, before), self._advice(reference, missing, segment)
        if missing.impossible:
            return "WFE-E210", with_advice(f"{path} is always null: {whole} has no {quoted(segment)}.", advice)
        schema = f"the schema of {whole} names no {quoted(segment)}.{advice} If it is right, name it in the schema."
        return "WFE-W211", f"{path} may always be null: {schema}"

    def _advice(self, reference: Reference, missing: Missing, segment: str) -> str:
        """The path that was meant, else what there is."""
        if isinstance(reference, StepReference) and self._shapes.is_inside(segment, reference.step_id):
            return f" The output of a container has the steps that no other one waits for: add {quoted(segment)} to its 'output'."
        fields = fields_of(missing.kinds)
        before = reference.path[: missing.position]
        deeper = [name for name, shape in fields.items() if segment in fields_of(kinds_of(shape))]
        if deeper:
            meant = _with_path(reference, (*before, deeper[0], *reference.path[missing.position :]))
            return f" Did you mean {quoted(reference_text(meant))}?"
        if not fields:
            return " It is an empty object."
        if (near := self._findings.nearest(segment, list(fields))) is not None:
            meant = _with_path(reference, (*before, near, *reference.path[missing.position + 1 :]))
            return advised(f" Did you mean {quoted(reference_text(meant))}?", fix_to(segment, near, fields))
        names = ", ".join(quoted(name) for name in list(fields)[:MAX_NAMES_SHOWN])
        return f" It has {names}{' and others' if len(fields) > MAX_NAMES_SHOWN else ''}."

    def _list(self, read: PlacedReference) -> Iterator[tuple[str, str, str]]:
        shape = self._shapes.of(read.reference, read.scope)
        if not self._complete or not is_no_list(shape):
            return
        kinds = kinds_of(shape)
        what = _scalar(kinds) or "an object"
        lists = [
            name for name, part in fields_of(kinds).items() if any(isinstance(k, ListKind) for k in kinds_of(part))
        ]
        meant = [reference_text(_with_path(read.reference, (*read.reference.path, name))) for name in lists[:1]]
        advice = f" Did you mean {quoted(meant[0])}?" if meant else " Refer to a list."
        detail = f"{quoted(reference_text(read.reference))} is {what}, not a list, so the step would fail.{advice}"
        yield "WFE-E212", read.pointer, detail

    # --- comparisons ---

    def _comparison(self, test: PlacedComparison) -> Iterator[tuple[str, str, str]]:
        for reference, texts in _compared(test.comparison):
            values = values_of(self._shapes.of(reference, test.scope))
            if values is None or not any(isinstance(value, str) for value in values):
                continue
            for text in texts:
                if text not in values:
                    allowed = ", ".join(shown(value) for value in values[:MAX_NAMES_SHOWN])
                    detail = f"{quoted(reference_text(reference))} is never {quoted(text)}; it is one of {allowed}."
                    yield "WFE-E213", test.pointer, detail + self._value_advice(reference, text, values)

    def _value_advice(self, reference: Reference, text: str, values: tuple[Any, ...]) -> str:
        """The value that was meant; a status may be called as other systems call it."""
        words = {value: value for value in values if isinstance(value, str)}
        if isinstance(reference, StepReference) and reference.facet == "status":
            words |= _OTHER_STATUSES
        near = text.lower() if text.lower() in words else self._findings.nearest(text.lower(), list(words))
        return f" Did you mean '{words[near]}'?" if near is not None else ""

    # --- texts inside of literals ---

    def _text(self, noted: PlacedText) -> Iterator[tuple[str, str, str]]:
        shape, missing = self._shapes.follow(noted.reference, noted.scope)
        # "a.m. is when..." is no reference either, unless it is known to be one.
        if missing is None and (noted.end == len(noted.text) or kinds_of(shape) != (ANYTHING,)):
            detail = (
                f"{quoted(noted.text)} inside of an object or list stays a text. Give it an entry of its own, make the object "
                'with {"expression": ...}, or put {"value": ...} around the whole literal if a text is meant.'
            )
            yield "WFE-W214", noted.pointer, detail


def _compared(comparison: Comparison) -> Iterator[tuple[Reference, list[str]]]:
    """References and the texts that they are tested to be equal to."""
    match comparison:
        case Comparison("==" | "!=", StepReference() | ScopeReference() as reference, LiteralValue(str(text))):
            yield reference, [text]
        case Comparison("==" | "!=", LiteralValue(str(text)), StepReference() | ScopeReference() as reference):
            yield reference, [text]
        case Comparison("in" | "not_in", StepReference() | ScopeReference() as reference, LiteralValue(list(texts))):
            yield reference, [text for text in texts if isinstance(text, str)]


def _with_path(reference: Reference, path: tuple[Segment, ...]) -> Reference:
    return replace(reference, path=path)


def _whole(reference: Reference, text: str) -> str:
    """What lacks a field, named so that an author knows where it comes from."""
    if text == "input":
        return "the input of the run"
    if isinstance(reference, StepReference) and text == reference.step_id:
        return f"the output of step {quoted(text)}"
    return quoted(text)


def _scalar(kinds: tuple[Kind, ...]) -> str | None:
    """What values of these kinds are, if each is a text, number or truth value."""
    names = dict.fromkeys(kind.what for kind in kinds if isinstance(kind, ScalarKind))
    return " or ".join(names) if names and all(isinstance(kind, ScalarKind) for kind in kinds) else None


def _no_list(reference: Reference, missing: Missing) -> str:
    """The sentence for an index, or [*], on what is no list."""
    segments = [reference_text(reference, n) for n in (missing.position, missing.position + 1)]
    what = _scalar(missing.kinds) or "an object"
    index = reference.path[missing.position]
    key = f' A key is written ["{index}"].' if isinstance(index, int) and what == "an object" else ""
    detail = f"{quoted(reference_text(reference))} is always null: {quoted(segments[0])} is {what}, not a list"
    return f"{detail}, so {quoted(segments[1])} reads nothing.{key}"
