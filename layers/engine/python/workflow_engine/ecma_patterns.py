"""Regular expressions of ECMA-262, which JSON Schema and JSONata use, read into a frozen tree: `parse("^a+$")`.

Beyond ECMA-262 a leading `(?i)`, `(?P<name>...)`, `\\A` and `\\Z` are taken, which authors bring along from Python.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Final, Literal, NoReturn, TypeAlias

from workflow_engine.lazy_dataclass import dataclass

MAX_PATTERN_CHARACTERS: Final = 2_000
MAX_GROUP_DEPTH: Final = 40

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Code points, both ends included; in order, apart from each other."""


class PatternError(ValueError):
    """A pattern that is not ECMA-262, or that cannot be matched as it must be. The message is a sentence with advice."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set. `properties` (`\\p{L}`) are not resolved into `ranges`; `negated` counts for both."""

    ranges: Ranges
    properties: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; empty for nothing."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`most` None is without end."""

    body: Node
    least: int
    most: int | None
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """`number` counts capturing groups from 1; None does not capture."""

    body: Node
    number: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """A lookahead or lookbehind."""

    body: Node
    behind: bool
    negative: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """Start, end, or (no) boundary of a word."""

    kind: Literal["^", "$", "b", "B"]


@dataclass(frozen=True, slots=True)
class Backreference:
    """The text of a group again; `group` is its number or name."""

    group: int | str


Node: TypeAlias = Chars | Sequence | Choice | Repeat | Group | Look | Assertion | Backreference


@dataclass(frozen=True, slots=True)
class Pattern:
    """A whole pattern; it is searched for, so it need not match from start to end."""

    root: Node
    ignore_case: bool = False


_ALL: Final = sys.maxunicode
_DIGITS: Final[Ranges] = ((48, 57),)
_WORD: Final[Ranges] = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Final[Ranges] = (
    (9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_LINE_ENDS: Final[Ranges] = ((10, 10), (13, 13), (0x2028, 0x2029))
_CLASSES: Final = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
_LOOKS: Final = {"(?=": (False, False), "(?!": (False, True), "(?<=": (True, False), "(?<!": (True, True)}
_QUANTIFIER: Final = re.compile(r"[*+?]|\{([0-9]+)(,)?([0-9]*)\}")
_NAMED: Final = re.compile(r"\(\?P?<([A-Za-z_$][A-Za-z0-9_$]*)>")
_BACK_BY_NAME: Final = re.compile(r"k<([^>]*)>")
_PROPERTY: Final = re.compile(r"[pP]\{(?:(?:Script|sc|General_Category|gc)=)?([A-Za-z_]+)\}")
_HEX: Final = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}")
_LOW_SURROGATE: Final = re.compile(r"\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_CATEGORIES: Final = {
    "Letter": "L", "Lowercase_Letter": "Ll", "Uppercase_Letter": "Lu", "Mark": "M", "Number": "N",
    "Decimal_Number": "Nd", "Punctuation": "P", "Symbol": "S", "Separator": "Z",
}  # fmt: skip


def parse(pattern: str) -> Pattern:
    """The tree of a pattern. Raises PatternError."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternError(f"A pattern has at most {MAX_PATTERN_CHARACTERS:,} characters.")
    ignore_case = pattern.startswith("(?i)")
    reader = _Reader(pattern, 4 if ignore_case else 0)
    root = reader.choice(0)
    if reader.position < len(pattern):
        reader.refuse("a ')' closes no group; write \\) for the character")
    return Pattern(root, ignore_case)


def complement(ranges: Ranges) -> Ranges:
    """All code points but these."""
    found, start = [], 0
    for low, high in ranges:
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    return (*found, (start, _ALL)) if start <= _ALL else tuple(found)


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """In order, overlapping and adjacent ones joined."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


class _Reader:
    """Recursive descent over one pattern."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position
        self._groups = 0

    def refuse(self, what: str) -> NoReturn:
        raise PatternError(
            f"The pattern is not a valid regular expression of ECMA-262: {what} (position {self.position})."
        )

    def choice(self, depth: int) -> Node:
        if depth > MAX_GROUP_DEPTH:
            self.refuse(f"groups are nested more than {MAX_GROUP_DEPTH} deep")
        options = [self._sequence(depth)]
        while self.text.startswith("|", self.position):
            self.position += 1
            options.append(self._sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.position < len(self.text) and self.text[self.position] not in "|)":
            atom = self._atom(depth)
            parts.append(self._repeated(atom))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, atom: Node) -> Node:
        match = _QUANTIFIER.match(self.text, self.position)
        if match is None:
            if self.text.startswith("{,", self.position):
                self.refuse("write {0,n} for 'at most n'")
            return atom
        if isinstance(atom, Assertion):
            self.refuse("there is nothing to repeat")
        least, comma, most = match.group(1), match.group(2), match.group(3)
        if least is None:
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[match.group()]
        else:
            if len(least) > 9 or len(most) > 9:
                self.refuse("a repetition counts to 999,999,999 at most")
            low, high = int(least), int(most) if most else (None if comma else int(least))
            if high is not None and high < low:
                self.refuse("the numbers of a repetition are in the wrong order")
        self.position = match.end()
        lazy = self.text.startswith("?", self.position)
        self.position += lazy
        if _QUANTIFIER.match(self.text, self.position):
            self.refuse("there is nothing to repeat")
        return Repeat(atom, low, high, lazy)

    def _atom(self, depth: int) -> Node:
        character = self.text[self.position]
        if character == "(":
            return self._group(depth)
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        if _QUANTIFIER.match(self.text, self.position):
            self.refuse("there is nothing to repeat")
        self.position += 1
        if character in "^$":
            return Assertion("^" if character == "^" else "$")
        return Chars(complement(_LINE_ENDS)) if character == "." else self._single(ord(character))

    def _group(self, depth: int) -> Node:
        text, start = self.text, self.position
        named = _NAMED.match(text, start)
        look = next((lead for lead in ("(?<=", "(?<!", "(?=", "(?!") if text.startswith(lead, start)), None)
        number = None
        if look:
            self.position += len(look)
        elif text.startswith("(?:", start):
            self.position += 3
        elif named or not text.startswith("(?", start):
            self.position = named.end() if named else start + 1
            self._groups += 1
            number = self._groups
        else:
            self.refuse("after '(?' only ':', '=', '!', '<=', '<!' and '<name>' have a meaning")
        body = self.choice(depth + 1)
        if not text.startswith(")", self.position):
            self.position = start
            self.refuse("the group is not closed")
        self.position += 1
        return Look(body, *_LOOKS[look]) if look else Group(body, number)

    def _escape(self) -> Node:
        following = self.text[self.position + 1 : self.position + 2]
        if following in ("b", "B"):
            self.position += 2
            return Assertion("b" if following == "b" else "B")
        if following in ("A", "Z"):
            self.position += 2
            return Assertion("^" if following == "A" else "$")
        if following in tuple("123456789"):
            digits = re.compile("[0-9]{1,3}").match(self.text, self.position + 1)
            assert digits is not None, "it begins with a digit"
            self.position = digits.end()
            return Backreference(int(digits.group()))
        if name := _BACK_BY_NAME.match(self.text, self.position + 1):
            self.position = name.end()
            return Backreference(name.group(1))
        found = self._escaped()
        return found if isinstance(found, Chars) else self._single(found)

    def _escaped(self) -> int | Chars:
        """What an escape stands for, in a class or outside: a code point or a set."""
        start = self.position + 1
        letter = self.text[start : start + 1]
        if not letter:
            self.refuse("it ends with a single backslash")
        if letter.lower() in _CLASSES:
            self.position = start + 1
            ranges = _CLASSES[letter.lower()]
            return Chars(ranges if letter.islower() else complement(ranges))
        if found := _PROPERTY.match(self.text, start):
            self.position = found.end()
            return Chars((), (f"\\{letter}{{{_CATEGORIES.get(found.group(1), found.group(1))}}}",))
        if code := _HEX.match(self.text, start):
            self.position = code.end()
            return self._code_point(int(next(digits for digits in code.groups() if digits), 16))
        if letter == "c" and self.text[start + 1 : start + 2].isascii() and self.text[start + 1 : start + 2].isalpha():
            self.position = start + 2
            return ord(self.text[start + 1]) % 32
        if letter in _CONTROLS:
            self.position = start + 1
            return _CONTROLS[letter]
        if letter.isascii() and letter.isalnum():
            self.refuse(f"'\\{letter}' has no meaning; for the character itself leave the backslash out")
        self.position = start + 1
        return ord(letter)

    def _code_point(self, code: int) -> int:
        """A code point, of which the second half of a surrogate pair may follow."""
        if 0xD800 <= code <= 0xDBFF and (low := _LOW_SURROGATE.match(self.text, self.position)):
            self.position = low.end()
            return 0x10000 + ((code - 0xD800) << 10) + (int(low.group(1), 16) - 0xDC00)
        return code

    def _single(self, code: int) -> Chars:
        if 0xD800 <= code <= 0xDFFF or code > _ALL:
            self.refuse("a code point is half of a surrogate pair or beyond 10FFFF")
        return Chars(((code, code),))

    def _class(self) -> Node:
        start = self.position
        negated = self.text.startswith("[^", start)
        self.position += 2 if negated else 1
        ranges: list[tuple[int, int]] = []
        properties: list[str] = []
        while not self.text.startswith("]", self.position):
            if self.position >= len(self.text):
                self.position = start
                self.refuse("the character class is not closed")
            low = self._class_atom()
            if isinstance(low, Chars):
                ranges += low.ranges
                properties += low.properties
                continue
            high: int | Chars = low
            if self.text.startswith("-", self.position) and not self.text.startswith("-]", self.position):
                self.position += 1
                high = self._class_atom()
            if isinstance(high, Chars):
                ranges += [(low, low), (45, 45), *high.ranges]
                properties += high.properties
            elif high < low:
                self.refuse("a range in a character class is in the wrong order")
            else:
                ranges.append((self._single(low).ranges[0][0], self._single(high).ranges[0][0]))
        self.position += 1
        return Chars(_joined(ranges), tuple(properties), negated)

    def _class_atom(self) -> int | Chars:
        if self.text.startswith("\\", self.position):
            if self.text.startswith(("\\b", "\\-"), self.position):
                self.position += 2
                return 8 if self.text[self.position - 1] == "b" else 45
            return self._escaped()
        self.position += 1
        return ord(self.text[self.position - 1 : self.position] or "\0")
