"""Texts that look like references or templates where they stand for themselves. Pure: what is read is asked of `can_read`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.references import MalformedTextError, parse_reference, reference_text, scan_reference
from workflow_engine.language.syntax import Reference, StepReference, Template, TemplateVariable
from workflow_engine.language.templates import parse_template

CanRead = Callable[[Reference], bool]
"""Whether a reference names what can be read in the scope of the text."""

_SINGLE_BRACES: Final = re.compile(r"(?<!\{)\$?\{\s*([^{}\s][^{}]{0,200})\}(?!\})")


def texts_in(value: Json, place: str) -> Iterator[tuple[str, str]]:
    """All texts of a JSON value, keys aside, each with its pointer."""
    if isinstance(value, str):
        yield value, place
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from texts_in(part, place + pointer(name))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from texts_in(part, place + pointer(i))


def leading_reference(text: str, can_read: CanRead) -> tuple[StepReference, int] | None:
    """The reference to a step, with a path, that a text begins with as a word of its own, and the position after it."""
    try:
        reference, end = scan_reference(text, 0)
    except MalformedTextError:
        return None
    is_word = not text[end : end + 1].strip()
    if is_word and isinstance(reference, StepReference) and reference.path and can_read(reference):
        return reference, end
    return None


def placeholder_in(text: str, can_read: CanRead) -> str | None:
    """The first `{{ placeholder }}` that would be filled in if the text were a template; None if there is none."""
    if "{{" not in text:
        return None
    try:
        parts = parse_template(text).parts
    except MalformedTextError:
        return None
    for part in parts:
        if isinstance(part, TemplateVariable):
            return "{{ " + part.name + " }}"
        if not isinstance(part, str) and can_read(part):
            return "{{ " + reference_text(part) + " }}"
    return None


def single_braces(template: Template, can_read: CanRead) -> Iterator[tuple[str, str]]:
    """What stands in a template as `{a.n}` or `${a.n}`, and the placeholder that was meant."""
    for part in template.parts:
        for found in _SINGLE_BRACES.finditer(part) if isinstance(part, str) else ():
            try:
                reference = parse_reference(found.group(1))
            except MalformedTextError:
                continue
            if reference.path and can_read(reference):
                yield found.group(), "{{ " + reference_text(reference) + " }}"
