"""References: `step_id.path`, `input.path`, `variables.path`, `item`, `index`, `execution.id`.

Grammar, read from left to right without white space in between:

    reference = word { "." name | "." digits | "[" index "]" | "[*]" | "[" quoted "]" }
    word      = ( letter | digit ) { letter | digit | "_" | "-" }, unless it reads as a number: 12, 1e5
    name      = one or more of letters, digits, "_", "-", "$", "@", not beginning with "-"
    quoted    = "any text" or 'any text'; a backslash escapes the quote and itself, any other stands for itself

After a step id the first names `output`, `status` and `error` are reserved; `a.x` is `a.output.x`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, cast

from workflow_engine.language.findings import quoted
from workflow_engine.language.syntax import (
    MAX_PATH_SEGMENTS,
    SCOPE_WORDS,
    Facet,
    Reference,
    ScopeReference,
    ScopeWord,
    Segment,
    StepReference,
    Wildcard,
)
from workflow_engine.suggestions import suggest

EXECUTION_FIELDS: Final = ("id", "started_at", "workflow_id")
_FACETS: Final = ("output", "status", "error")

WORD: Final = re.compile(r"(?![0-9]+(?:[eE][+-]?[0-9]+)?(?![\w-]))(?:[^\W\d]|[0-9])[\w-]*")
_INDEX_NAME: Final = re.compile(r"\.([0-9]+)(?![\w$@-])")
_NAME: Final = re.compile(r"\.([\w$@][\w$@-]*)")
_PLAIN_NAME: Final = re.compile(r"(?![0-9]+\Z)[\w$@][\w$@-]*")
_INDEX: Final = re.compile(r"\[\s*(-?[0-9]+)\s*\]")
_WILDCARD: Final = re.compile(r"\[\s*\*\s*\]")
_OPEN_QUOTED: Final = re.compile(r"\[\s*(?=[\"'])")
_CLOSE: Final = re.compile(r"\s*\]")
_WRAPPED: Final = re.compile(r"[{$]?\{{1,2}([^{}]+)\}{1,2}|\$\.([^{}]+)|<%?=?([^<>%]+)%?>|@([^{}]+)")

# No list of a payload of 256 KiB has an index of ten digits.
_MAX_INDEX_DIGITS: Final = 9


class MalformedTextError(Exception):
    """A text of the language that cannot be read: the code of the diagnostic and its sentence, position included."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(detail)


def malformed(code: str, text: str, position: int, problem: str) -> MalformedTextError:
    """The error for `problem` at a 0-based position of a text; people count from 1."""
    return MalformedTextError(code, f"{quoted(text)} at character {position + 1}: {problem}")


def parse_reference(text: str, advice: str = "") -> Reference:
    """A text that is one reference and nothing else; white space around it is ignored. `advice` is for the author of a text
    that looks like no reference at all, with `{}` for that text.

    Raises `MalformedTextError` (WFE-E208). Whether what it names exists is not checked here (see `scopes`).
    """
    stripped = text.strip()
    reference, end = scan_reference(stripped, 0, advice)
    if end < len(stripped):
        raise malformed("WFE-E208", stripped, end, "the reference should end here." + _filled_in(advice, stripped))
    return reference


def scan_reference(text: str, start: int, advice: str = "") -> tuple[Reference, int]:
    """The longest reference that begins at `start`, and the position after it. Raises `MalformedTextError`
    (WFE-E208), with `advice` where not even a word begins there.
    """
    word = WORD.match(text, start)
    if word is None:
        meant = (advice_to_unwrap(text) or _filled_in(advice, text)) if advice else ""
        raise malformed("WFE-E208", text, start, "a step id or a scope word is expected." + meant)
    segments: list[Segment] = []
    position = word.end()
    while position < len(text) and text[position] in ".[":
        segment, position = _scan_segment(text, position)
        segments.append(segment)
    try:
        return make_reference(word.group(), segments), position
    except ValueError as problem:
        raise malformed("WFE-E208", text, start, str(problem)) from None


def make_reference(word: str, segments: Sequence[Segment]) -> Reference:
    """The reference of a first word and the path after it. Raises `ValueError` with a sentence when there is no such one."""
    if len(segments) > MAX_PATH_SEGMENTS:
        raise ValueError(f"a path has at most {MAX_PATH_SEGMENTS} segments, this one has {len(segments)}.")
    path = tuple(segments)
    if word not in SCOPE_WORDS:
        return _step_reference(word, path)
    if word == "index" and path:
        raise ValueError("'index' is a number and has no path.")
    if word == "execution" and (len(path) != 1 or path[0] not in EXECUTION_FIELDS):
        near = suggest(str(path[0]), EXECUTION_FIELDS) if path else ""
        raise ValueError(
            f"of 'execution' there are 'execution.id', 'execution.started_at' and 'execution.workflow_id'.{near}"
        )
    return ScopeReference(cast("ScopeWord", word), path)


def _step_reference(step_id: str, path: tuple[Segment, ...]) -> StepReference:
    if not path or path[0] not in _FACETS:
        return StepReference(step_id, "output", path)
    facet, rest = cast("Facet", path[0]), path[1:]
    if facet == "status" and rest:
        raise ValueError(
            f"'{step_id}.status' is a text and has no path; a field of the output is '{step_id}.output.status'."
        )
    return StepReference(step_id, facet, rest)


def _scan_segment(text: str, start: int) -> tuple[Segment, int]:
    if match := _INDEX_NAME.match(text, start):
        return _index(match.group(1), text, start), match.end()
    if match := _NAME.match(text, start):
        return match.group(1), match.end()
    if match := _INDEX.match(text, start):
        return _index(match.group(1), text, start), match.end()
    if match := _WILDCARD.match(text, start):
        return Wildcard(), match.end()
    if match := _OPEN_QUOTED.match(text, start):
        key, end = scan_quoted(text, match.end(), "WFE-E208")
        if close := _CLOSE.match(text, end):
            return key, close.end()
        raise malformed("WFE-E208", text, end, "']' is expected.")
    if text[start] == ".":
        raise malformed(
            "WFE-E208", text, start + 1, 'a name or an index must follow the dot; other keys are written ["any key"].'
        )
    raise malformed(
        "WFE-E208", text, start + 1, 'an index, * or a quoted key is expected: [0], [-1], [*], ["any key"].'
    )


def reference_text(reference: Reference, segments: int | None = None) -> str:
    """A reference as an author writes it, up to so many segments of its path. `parse_reference` reads it again."""
    word = reference.word if isinstance(reference, ScopeReference) else reference.step_id
    return word + _facet_text(reference) + "".join(map(_segment_text, reference.path[:segments]))


def _facet_text(reference: Reference) -> str:
    """The facet where it is not understood by itself: `a.output.status` is a field of the output, `a.status` is not."""
    if isinstance(reference, ScopeReference):
        return ""
    is_plain = reference.facet == "output" and (not reference.path or reference.path[0] not in _FACETS)
    return "" if is_plain else f".{reference.facet}"


def _segment_text(segment: Segment) -> str:
    if isinstance(segment, str):
        escaped = segment.replace("\\", "\\\\").replace('"', '\\"')
        return f".{segment}" if _PLAIN_NAME.fullmatch(segment) else f'["{escaped}"]'
    return "[*]" if isinstance(segment, Wildcard) else f"[{segment}]"


def _index(digits: str, text: str, start: int) -> int:
    if len(digits.lstrip("-")) > _MAX_INDEX_DIGITS:
        raise malformed("WFE-E208", text, start, f"an index has at most {_MAX_INDEX_DIGITS} digits.")
    return int(digits)


def scan_quoted(text: str, start: int, code: str) -> tuple[str, int]:
    """The text within quotes that begins at `start`, and the position after it.

    A backslash escapes the quote and itself; any other backslash stands for itself. Raises `MalformedTextError` with `code`.
    """
    quote = text[start]
    characters: list[str] = []
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == quote:
            return "".join(characters), position + 1
        if character == "\\" and text[position + 1 : position + 2] in (quote, "\\"):
            position += 1
            character = text[position]
        characters.append(character)
        position += 1
    raise malformed(code, text, start, f"the closing {quote} is missing.")


def _filled_in(advice: str, text: str) -> str:
    """Advice about a text, which stands in it as it is where it is short and needs no escapes."""
    is_short = 0 < len(text) <= 40 and text.isprintable() and not set(text) & set('"\\')
    return advice.replace("{}", text if is_short else "...")


def advice_to_unwrap(text: str) -> str:
    """For a reference in the brackets of a template, or of another language's paths: how it is written here, if it is one."""
    wrapped = _WRAPPED.fullmatch(text)
    if wrapped is None:
        return ""
    inner = next(part for part in wrapped.groups() if part is not None).strip()
    try:
        parse_reference(inner)
    except MalformedTextError:
        return ""
    return f" Write {quoted(inner)}, and nothing around it."
