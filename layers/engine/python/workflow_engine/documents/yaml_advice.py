"""libyaml's terse words about a text that is not YAML, as sentences that say what its author most likely did and what to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from yaml import MarkedYAMLError, YAMLError
from yaml._yaml import CParser
from yaml.tokens import ScalarToken, StreamEndToken

MAX_SHOWN: Final = 40

TAB: Final = "A tab stands where the line is indented. Indent with spaces only."
UNQUOTED_TEMPLATE: Final = (
    'A text that begins with {{ must stand in quotes, since a { begins an object: "{{ input.name }}".'
)
MAX_KEY: Final = 1_024
LONG_KEY: Final = (
    f"A key may have {MAX_KEY:,} characters at the most (YAML 1.2, implicit keys), and stands on one line."
)
_NO_SPACE: Final = re.compile(r"\s*(?:- +)*([\w.$-]+):([^\s/:].*)")
_CONFLICT: Final = re.compile(r"^(?:<{7} .*|={7}|>{7} .*)$", re.MULTILINE)
_KEY_AND_VALUE: Final = re.compile(r"\s*(?:- +)*[^\s:#][^:#]*:\s+[^\s#]")


class _Problem(NamedTuple):
    """An error of libyaml: `at` is where it stumbled, `began` where what it was reading begins."""

    text: str
    at: int
    began: int
    context: str

    @property
    def character(self) -> str:
        return self.text[self.at : self.at + 1]

    def line(self, offset: int) -> str:
        """The line of an offset."""
        start = self.text.rfind("\n", 0, offset) + 1
        return self.text[start:].partition("\n")[0].rstrip("\r")

    @property
    def before(self) -> str:
        """What stands on the line before where it stumbled."""
        return self.text[self.text.rfind("\n", 0, self.at) + 1 : self.at]

    @property
    def line_before(self) -> int:
        """The offset of the first character of the line before that says something; -1 without one."""
        start = self.text.rfind("\n", 0, self.at)
        while start > 0:
            begins = self.text.rfind("\n", 0, start) + 1
            line = self.text[begins:start]
            if line.strip() and not line.lstrip().startswith("#"):
                return begins + len(line) - len(line.lstrip())
            start = begins - 1
        return -1

    def column(self, offset: int) -> int:
        return offset - self.text.rfind("\n", 0, offset)


_Advice = tuple[int, str]
"""An offset and a sentence."""


def quoted(text: str) -> str:
    """A text of the client in single quotes, cut when long."""
    return f"'{cut(text)}'"


def cut(text: str) -> str:
    """A text that is shown in a sentence: on one line, and not long."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def explained(error: YAMLError, text: str) -> _Advice:
    """The offset in the text and the sentence for an error of libyaml."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return 0, f"{error}."
    at = min(error.problem_mark.index, len(text))
    began = at if error.context_mark is None else error.context_mark.index
    if conflict := _CONFLICT.search(text):
        return conflict.start(), "A merge conflict stands here. Decide what stays, and remove its marks."
    problem = _Problem(text, at, began, error.context or "")
    for words, advice in _ADVICE:
        if words in error.problem or words in problem.context:
            return advice(problem)
    told = f"{problem.context}: {error.problem}" if problem.context else error.problem
    return at, f"{told[0].upper()}{told[1:]}."


_ESCAPE: Final = "In double quotes \\ begins an escape. Write it \\\\, or put the text into single quotes."


def _to_quote(start: str, value: str) -> str:
    mark = '"' if '"' not in value and "\\" not in value else "'"
    return f"A text that begins with {start} must stand in quotes: {mark}{cut(value.rstrip())}{mark}."


def _cannot_start(p: _Problem) -> _Advice:
    if p.character == "\t":
        return p.at, TAB
    if p.character == "%" and p.text[p.at - 1 : p.at] == "{":
        return p.at - 1, _to_quote("{%", p.line(p.at)[p.column(p.at) - 2 :])
    return p.at, _to_quote(p.character, p.line(p.at)[p.column(p.at) - 1 :])


def _star_or_anchor(p: _Problem) -> _Advice:
    return p.began, _to_quote(p.text[p.began], p.line(p.began)[p.column(p.began) - 1 :])


def _unclosed_quote(p: _Problem) -> _Advice:
    return p.began, f"The quote {p.text[p.began]} that is opened here is never closed."


def _no_colon(p: _Problem) -> _Advice:
    if found := _missing_space(p, p.began):
        return found
    if len(p.line(p.began)) > MAX_KEY:
        return p.began, LONG_KEY
    return p.began, "This line is no 'key: value'. Is a colon missing, or a space too many before it?"


def _missing_space(p: _Problem, offset: int) -> _Advice | None:
    line = p.line(offset)
    if not (match := _NO_SPACE.match(line)):
        return None
    begins = offset - p.column(offset) + 1 + match.start(1)
    return begins, f"A space is missing after the colon: {cut(match[1])}: {cut(match[2])}"


def _second_colon(p: _Problem) -> _Advice:
    if len(p.before) > MAX_KEY and not _KEY_AND_VALUE.match(p.before):
        return p.at - len(p.before.lstrip()), LONG_KEY
    if _KEY_AND_VALUE.match(p.before):
        return p.at, (
            "A text that has a colon and a space in it must stand in quotes, or on lines of its own below a |, since the colon "
            "makes a key of what stands before it."
        )
    above = p.line_before
    if above >= 0:
        if found := _missing_space(p, above):
            return found
        if ":" not in p.line(above):
            return above, "This line is no 'key: value'. Is a colon missing?"
    begins = p.at - len(p.before.lstrip())
    return begins, "This line is indented deeper than the one above it, which has its value already. Begin both alike."


def _no_key(p: _Problem) -> _Advice:
    before = p.before.rstrip()
    if before.endswith(('"', "'")) and (quote := _quote_before(p)) is not None:
        return _after_quote(p, *quote)
    if before.endswith(("}", "]")):
        opening = "{" if before.endswith("}") else "["
        return p.at, (
            f"Nothing may follow a {before[-1]} on its line. A text that begins with {opening} must stand in quotes."
        )
    if p.character == ":":
        return p.at, "A key is missing before the colon."
    if p.text[p.at : p.at + 1] == "-" and p.text[p.at + 1 : p.at + 2].isspace():
        return (
            p.at,
            "Here is an element of a list, with a dash, among the keys of an object. Indent it, or give it a key.",
        )
    return _indentation(p)


def _quote_before(p: _Problem) -> tuple[int, int] | None:
    """Start and end of the text in quotes that ends before where it stumbled."""
    parser, last = CParser(p.text), None
    while not isinstance(token := parser.get_token(), StreamEndToken) and token.start_mark.index < p.at:
        last = token
    if not isinstance(last, ScalarToken) or last.plain:
        return None
    return last.start_mark.index, last.end_mark.index


def _after_quote(p: _Problem, start: int, end: int) -> _Advice:
    mark = p.text[start]
    if "\n" in p.text[start:end]:
        return start, f"The quote {mark} that is opened here is closed only by the next one, lines below. Close it."
    if end == p.at:
        inner = '\\"' if mark == '"' else "''"
        return p.at, f"The {mark} before this ends the text. Within {mark} it is written {inner}."
    other = "'" if mark == '"' else '"'
    return (
        start,
        f"The text goes on after its closing {mark}. Put all of it into other quotes: {other}{mark}a{mark} == b{other}.",
    )


def _no_dash(p: _Problem) -> _Advice:
    if p.column(p.at) == p.column(p.began):
        return (
            p.at,
            "Here is a key among the elements of a list. Indent it below its element's dash, or begin it further left.",
        )
    return _indentation(p)


def _indentation(p: _Problem) -> _Advice:
    if p.before.strip():
        return p.at, "This does not belong here. Is a quote, a comma or a line break missing before it?"
    spaces = p.column(p.at) - 1
    return p.at, (
        f"This line is indented by {spaces} space{'' if spaces == 1 else 's'}, as no line above is that it could belong to. What "
        "belongs together begins in the same column."
    )


def _unclosed_bracket(p: _Problem) -> _Advice:
    opening = p.text[p.began]
    closing = "]" if opening == "[" else "}"
    if "\n" in p.text[p.began : p.at].rstrip() or not p.text[p.at :].strip():
        return (
            p.began,
            f"The {opening} that is opened here is not closed by a {closing}, or a comma is missing after it.",
        )
    return p.at, (
        f"A comma or the {closing} is missing before this. Within {opening} {closing} a text that has a bracket, a comma or a "
        "colon in it must stand in quotes."
    )


def _unicode_escape(p: _Problem) -> _Advice:
    begins = p.text.rfind("\\", 0, p.at + 1)
    pair = re.match(r"\\u([dD][89abAB]\w\w)\\u([dD][c-fC-F]\w\w)", p.text[begins : begins + 12])
    if pair is None:
        return begins, "This escape is no character: half of a surrogate pair, or beyond U+10FFFF."
    whole = 0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + int(pair[2], 16) - 0xDC00
    return begins, f"Two halves of a surrogate pair are for JSON. Write the character itself, or \\U{whole:08x}."


def _document_ended(p: _Problem) -> _Advice:
    if not p.before.strip():
        return p.at, "This does not belong to what stands above it. Keys of one object begin in the same column."
    return p.at, "The document has ended before this. Put a text that goes on after a quote or bracket into quotes."


def _says(sentence: str) -> Callable[[_Problem], _Advice]:
    return lambda p: (p.at, sentence)


_ADVICE: Final[tuple[tuple[str, Callable[[_Problem], _Advice]], ...]] = (
    ("found a tab character", _says(TAB)),
    ("cannot start any token", _cannot_start),
    ("while scanning an alias", _star_or_anchor),
    ("while scanning an anchor", _star_or_anchor),
    ("while scanning a tag", lambda p: (p.began, _to_quote("!", p.line(p.began)[p.column(p.began) - 1 :]))),
    ("while parsing a tag", lambda p: (p.began, _to_quote("!", p.line(p.began)[p.column(p.began) - 1 :]))),
    ("undefined tag handle", lambda p: (p.at, _to_quote("!", p.line(p.at)[p.column(p.at) - 1 :]))),
    (
        "while scanning a directive",
        lambda p: (p.began, "A line that begins with % is a directive. Put the text into quotes."),
    ),
    ("found unexpected end of stream", _unclosed_quote),
    ("found unexpected document indicator", _unclosed_quote),
    ("found unknown escape", _says(_ESCAPE)),
    ("did not find expected hexdecimal number", lambda p: (p.text.rfind("\\", 0, p.at + 1), _ESCAPE)),
    ("invalid Unicode character", _unicode_escape),
    ("could not find expected ':'", _no_colon),
    ("mapping values are not allowed", _second_colon),
    ("did not find expected key", _no_key),
    ("did not find expected '-' indicator", _no_dash),
    ("did not find expected ',' or", _unclosed_bracket),
    (
        "did not find expected comment or line break",
        lambda p: (
            p.began,
            _to_quote(p.text[p.began], p.line(p.began)[p.column(p.began) - 1 :])
            + f" A text of several lines begins on the line after the {p.text[p.began]}.",
        ),
    ),
    (
        "did not find expected node content",
        lambda p: (p.at, "A value is missing here. A text that begins with a comma or a bracket must stand in quotes."),
    ),
    (
        "block sequence entries are not allowed",
        _says("A list begins on a line of its own, and a text that begins with a dash and a space stands in quotes."),
    ),
    ("mapping keys are not allowed", _says("A text that begins with a question mark and a space stands in quotes.")),
    (
        "found incompatible YAML document",
        _says("The document is said to be of another version. Remove the %YAML line, or say 1.2."),
    ),
    ("did not find expected <document start>", _document_ended),
)
"""By libyaml's words for the problem or for what it was reading; the first that fits."""
