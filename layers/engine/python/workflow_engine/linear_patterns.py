"""Patterns of clients, matched in time linear in the text: `linear("^(a+)+$").search(text)`.

Backtracking engines (`re`) may take exponential time for such a pattern. RE2 has no backtracking, and therefore neither
lookaround nor backreferences; those are refused with advice. RE2 (`google-re2`) and not `regex` with a timeout: a timeout
ends one match, not the hundreds of a schema, and what it ends has no answer, while 1.6 MB and 11 ms of import (when a
pattern is first met) buy one for every text. Wheels: manylinux_2_28 on x86-64 and arm64 (Lambda), macOS, Windows; no musl.

What RE2 means otherwise is translated: `.`, `\\s`, `$`, `\\uXXXX`, `[^]`, brackets in classes, surrogate pairs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from workflow_engine.ecma_patterns import (
    Assertion,
    Backreference,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    PatternError,
    Repeat,
    Sequence,
    complement,
    parse,
)

MAX_INSTRUCTIONS: Final = 25_000
"""Of RE2's program; `.{1,1000}` has 22,000. At its worst RE2 takes about 4 ns per instruction and byte of text."""


class LinearPattern:
    """A pattern that is searched for in time linear in the text."""

    __slots__ = ("_compiled", "instructions")

    def __init__(self, pattern: str) -> None:
        """Raises PatternError."""
        import re2  # here, since only schemas with patterns need it

        parsed = parse(pattern)
        options = re2.Options()
        options.log_errors, options.never_capture, options.case_sensitive = False, True, not parsed.ignore_case
        try:
            self._compiled: Any = re2.compile(_re2_source(parsed.root).encode(), options)
        except re2.error as error:
            reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
            advice = "Use a simpler pattern, for lengths 'minLength' and 'maxLength'"
            raise PatternError(f"The pattern cannot be matched in linear time ({reason[:80]}). {advice}.") from None
        self.instructions: int = self._compiled.programsize
        """Size of the compiled program, of which the time of a match is a multiple."""
        if self.instructions > MAX_INSTRUCTIONS:
            raise PatternError(
                "The pattern is too large once its repetitions are counted out. Use + or * in it, and 'maxLength' beside it."
            )

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in a text."""
        return self._compiled.search(text.encode("utf-8", "replace")) is not None


@lru_cache(maxsize=256)
def linear(pattern: str) -> LinearPattern:
    """The compiled pattern. Raises PatternError for one that is no ECMA-262, or has lookarounds or backreferences."""
    return LinearPattern(pattern)


def _re2_source(node: Node) -> str:
    """A tree as RE2 reads it. Raises PatternError for what needs backtracking."""
    match node:
        case Chars():
            return _re2_class(node)
        case Sequence(parts):
            return "".join(map(_re2_source, parts))
        case Choice(options):
            return f"(?:{'|'.join(map(_re2_source, options))})"
        case Group(body):
            return f"(?:{_re2_source(body)})"
        case Repeat(body, least, most, lazy):
            times = f"{{{least}}}" if most == least else f"{{{least},{'' if most is None else most}}}"
            return f"(?:{_re2_source(body)}){times}{'?' if lazy else ''}"
        case Assertion(kind):
            return {"^": "\\A", "$": "\\z", "b": "\\b", "B": "\\B"}[kind]
        case Look(behind=behind):
            what = "lookbehind, such as (?<=x)," if behind else "lookahead, such as (?=x) or (?!x),"
            raise PatternError(
                f"A {what} cannot be matched in linear time. Leave it out of the pattern: 'allOf' demands several patterns, "
                "'not' with a pattern forbids one."
            )
        case Backreference(group):
            raise PatternError(
                f"A backreference (to group {group}) cannot be matched in linear time. Write the pattern without it."
            )


def _re2_class(chars: Chars) -> str:
    ranges, negated = chars.ranges, chars.negated
    if negated and not chars.properties:
        ranges, negated = complement(ranges), False
    if not ranges and not chars.properties:
        return "[^\\x{0}-\\x{10FFFF}]"  # [] matches nothing
    inside = "".join(f"\\x{{{low:X}}}" + (f"-\\x{{{high:X}}}" if high > low else "") for low, high in ranges)
    return f"[{'^' if negated else ''}{inside}{''.join(chars.properties)}]"
