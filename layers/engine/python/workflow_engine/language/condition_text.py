"""The text form of conditions: `a.score >= 0.5 and not (b.status == 'failed' or input.skip)`.

    condition  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation   = "not" negation | "(" condition ")" | test
    test       = operand [ check | comparison operand ]
    operand    = reference | 'text' | "text" | number | true | false | null | JSON list

Words are read as long as possible, so `order` is no `or`, and `not_in` is no `not`.
"""

from __future__ import annotations

import math
import re
from typing import Final, Literal, cast, get_args

from workflow_engine.language.diagnostics import Json
from workflow_engine.language.findings import quoted
from workflow_engine.language.references import (
    WORD,
    MalformedTextError,
    advice_to_unwrap,
    malformed,
    scan_quoted,
    scan_reference,
)
from workflow_engine.language.regex import regex_literal
from workflow_engine.language.syntax import (
    And,
    Check,
    CheckOperator,
    Comparison,
    ComparisonOperator,
    Condition,
    LiteralValue,
    Not,
    Operand,
    Or,
    Truthy,
)
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import suggest

MAX_CONDITION_CHARACTERS: Final = 10_000
MAX_CONDITION_DEPTH: Final = 20
MAX_CONDITION_TERMS: Final = 100

COMPARISONS: Final[tuple[str, ...]] = get_args(ComparisonOperator)
CHECKS: Final[tuple[str, ...]] = get_args(CheckOperator)
LOGICAL: Final = ("and", "or", "not")
LITERAL_WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}
OPERATOR_WORDS: Final = frozenset((*LOGICAL, *(c for c in COMPARISONS if c.isidentifier()), *CHECKS))

_SYMBOL: Final = re.compile(r"[=!<>&|~^+*/%]+")
_WRAPPED: Final = re.compile(r"[{$]?\{{1,2}[^{}]*\}{1,2}|\$\.[\w.\[\]*-]+")
_LIST_ADVICE: Final = " A list is written in square brackets."
_CURLY_QUOTES: Final = "\u2018\u2019\u201c\u201d\u00ab\u00bb"
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])")

# What people who know other languages write, and what it is called here.
OTHER_NAMES: Final = {
    "=": "==", "===": "==", "eq": "==", "equals": "==", "is": "==", "!==": "!=", "<>": "!=", "=!": "!=", "ne": "!=",
    "not_equals": "!=", "=>": ">=", "gte": ">=", "ge": ">=", "gt": ">", "greater_than": ">", "=<": "<=", "lte": "<=",
    "le": "<=", "lt": "<", "less_than": "<", "&&": "and", "&": "and", "AND": "and", "||": "or", "|": "or", "OR": "or",
    "!": "not", "NOT": "not", "matches": "regex_match", "regex": "regex_match", "=~": "regex_match",
    "~": "regex_match", "empty": "is_empty", "IN": "in", "startswith": "starts_with", "endswith": "ends_with",
    "not_exists": "is_null", "like": "contains",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["symbol", "word", "operand"]
    text: str
    position: int
    operand: Operand | None = None


def unknown_operator(operator: str) -> str:
    """The sentence for an operator that does not exist."""
    known = (*COMPARISONS, *CHECKS)
    other = OTHER_NAMES.get(operator)
    near = f" Did you mean '{other}'?" if other else suggest(operator[:40], known)
    return f"{quoted(operator)} is not an operator.{near or ' There are: ' + ', '.join(known) + '.'}"


def parse_condition_text(text: str) -> Condition:
    """The condition that a text says. Raises `MalformedTextError` (WFE-E300, E301, E302, or E208) with the position."""
    if len(text) > MAX_CONDITION_CHARACTERS:
        raise MalformedTextError("WFE-E300", f"A condition has at most {MAX_CONDITION_CHARACTERS} characters.")
    parser = _Parser(text, _tokenise(text))
    condition = parser.disjunction(1)
    parser.expect_end()
    return condition


def check_pattern(comparison: Comparison) -> None:
    """Raise `MalformedTextError` (WFE-E302) unless a `regex_match` has a valid literal pattern."""
    if comparison.operator != "regex_match":
        return
    if not isinstance(comparison.right, LiteralValue) or not isinstance(comparison.right.value, str):
        raise MalformedTextError("WFE-E302", "The pattern of regex_match must be a literal text, such as '^[A-Z]+$'.")
    try:
        regex_literal(comparison.right.value)
    except ValueError as problem:
        raise MalformedTextError("WFE-E302", f"In the pattern {quoted(comparison.right.value)}: {problem}") from None


def join(connective: type[And] | type[Or], parts: list[Condition]) -> Condition:
    """`And` or `Or` of parts, flat: parts of the same kind are taken apart, a single one stands for itself."""
    flat: list[Condition] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, connective) else [part])
    return flat[0] if len(flat) == 1 else connective(tuple(flat))


class _Parser:
    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0

    def disjunction(self, depth: int) -> Condition:
        parts = [self._conjunction(depth)]
        while self._take("or"):
            parts.append(self._conjunction(depth))
        return join(Or, parts)

    def _conjunction(self, depth: int) -> Condition:
        parts = [self._negation(depth)]
        while self._take("and"):
            parts.append(self._negation(depth))
        return join(And, parts)

    def _negation(self, depth: int) -> Condition:
        if depth > MAX_CONDITION_DEPTH:
            raise self._error(f"a condition is nested at most {MAX_CONDITION_DEPTH} levels deep.")
        if self._take("not"):
            return Not(self._negation(depth + 1))
        if self._take("("):
            inner = self.disjunction(depth + 1)
            if not self._take(")"):
                raise self._error("')' is expected here.")
            return inner
        return self._test()

    def _test(self) -> Condition:
        left = self._operand()
        token = self._peek()
        if token is None or token.text in (")", "and", "or"):
            return Truthy(left)
        if token.kind == "operand":
            raise self._unknown_operator(token)
        if token.text in CHECKS:
            self._next += 1
            return Check(cast("CheckOperator", token.text), left)
        if token.text not in COMPARISONS:
            raise self._unknown_operator(token)
        self._next += 1
        comparison = Comparison(cast("ComparisonOperator", token.text), left, self._operand())
        check_pattern(comparison)
        return comparison

    def _operand(self) -> Operand:
        token = self._peek()
        if token is None or token.operand is None:
            hint = _LIST_ADVICE if token is not None and token.text == "(" else ""
            raise self._error("a reference or a literal is expected here." + hint)
        self._next += 1
        return token.operand

    def expect_end(self) -> None:
        token = self._peek()
        if token is None:
            return
        if token.text == ")":
            raise self._error("there is no '(' for this ')'.")
        if token.text in COMPARISONS or token.text in CHECKS:
            raise self._error("a test has one operator; join tests by 'and' or 'or'.")
        raise self._unknown_operator(token)

    def _unknown_operator(self, token: _Token) -> MalformedTextError:
        if isinstance(token.operand, LiteralValue) or token.text in ("(", "not"):
            return self._error("an operator is expected here.")
        return malformed("WFE-E301", self._text, token.position, unknown_operator(token.text))

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token is None or token.kind == "operand" or token.text != text:
            return False
        self._next += 1
        return True

    def _error(self, problem: str) -> MalformedTextError:
        token = self._peek()
        return malformed("WFE-E300", self._text, token.position if token else len(self._text), problem)


def _tokenise(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position, length = _skip_space(text, 0), len(text)
    while position < length:
        word = WORD.match(text, position)
        token, position = _word(text, word) if word else _scan_symbol(text, position)
        tokens.append(token)
        position = _skip_space(text, position)
    return tokens


def _word(text: str, word: re.Match[str]) -> tuple[_Token, int]:
    """An operator, a literal or a reference that begins with this word."""
    name, start, end = word.group(), word.start(), word.end()
    if (name in OPERATOR_WORDS or name in LITERAL_WORDS) and not text.startswith(".", end):
        if name in OPERATOR_WORDS:
            return _Token("word", name, start), end
        return _Token("operand", name, start, LiteralValue(LITERAL_WORDS[name])), end
    reference, end = scan_reference(text, start)
    return _Token("operand", text[start:end], start, reference), end


def _scan_symbol(text: str, start: int) -> tuple[_Token, int]:
    """A parenthesis, an operator of symbols, or a literal in quotes or of digits."""
    character = text[start]
    if character in "()":
        return _Token("symbol", character, start), start + 1
    if character in "'\"[" or _NUMBER.match(text, start):
        value, end = _scan_literal(text, start, 1)
        return _Token("operand", text[start:end], start, LiteralValue(value)), end
    if symbol := _SYMBOL.match(text, start):
        if symbol.group() not in COMPARISONS:
            raise malformed("WFE-E301", text, start, unknown_operator(symbol.group()))
        return _Token("symbol", symbol.group(), start), symbol.end()
    raise malformed(
        "WFE-E300", text, start, "neither a reference, a literal nor an operator begins here." + _hint(text, start)
    )


def _hint(text: str, start: int) -> str:
    """What the author of a condition meant by what stands at a position where nothing can begin."""
    if wrapped := _WRAPPED.match(text, start):
        return advice_to_unwrap(wrapped.group())
    if text[start] in _CURLY_QUOTES:
        return " Use straight quotes: ' or \"."
    return _LIST_ADVICE if text[start] == "," else ""


def _scan_literal(text: str, start: int, depth: int) -> tuple[Json, int]:
    """A literal of a condition, within lists also an object, and the position after it."""
    if text[start : start + 1] in ("'", '"'):
        return scan_quoted(text, start, "WFE-E300")
    if number := _NUMBER.match(text, start):
        return _number(number.group(), text, start), number.end()
    if depth > MAX_CONDITION_DEPTH:
        raise malformed("WFE-E300", text, start, f"a literal is nested at most {MAX_CONDITION_DEPTH} levels deep.")
    if text.startswith("[", start):
        return _scan_list(text, start, depth)
    if text.startswith("{", start):
        return _scan_object(text, start, depth)
    if (word := WORD.match(text, start)) and word.group() in LITERAL_WORDS:
        return LITERAL_WORDS[word.group()], word.end()
    raise malformed(
        "WFE-E300",
        text,
        start,
        "a literal is expected in a list: a text in quotes, a number, true, false, null or a list.",
    )


def _scan_list(text: str, start: int, depth: int) -> tuple[list[Json], int]:
    items: list[Json] = []
    position = _skip_space(text, start + 1)
    if text.startswith("]", position):
        return items, position + 1
    while True:
        item, position = _scan_literal(text, position, depth + 1)
        items.append(item)
        position = _skip_space(text, position)
        if text.startswith("]", position):
            return items, position + 1
        position = _expect(text, position, ",")


def _scan_object(text: str, start: int, depth: int) -> tuple[dict[str, Json], int]:
    fields: dict[str, Json] = {}
    position = _skip_space(text, start + 1)
    if text.startswith("}", position):
        return fields, position + 1
    while True:
        if text[position : position + 1] not in ("'", '"'):
            raise malformed("WFE-E300", text, position, "a key in quotes is expected here.")
        key, position = scan_quoted(text, position, "WFE-E300")
        position = _expect(text, _skip_space(text, position), ":")
        fields[key], position = _scan_literal(text, position, depth + 1)
        position = _skip_space(text, position)
        if text.startswith("}", position):
            return fields, position + 1
        position = _expect(text, position, ",")


def _expect(text: str, position: int, symbol: str) -> int:
    if not text.startswith(symbol, position):
        raise malformed("WFE-E300", text, position, f"'{symbol}' is expected here.")
    return _skip_space(text, position + 1)


def _number(digits: str, text: str, start: int) -> int | float:
    value = float(digits)
    if not math.isfinite(value):
        raise malformed("WFE-E300", text, start, "the number is beyond the range of a double.")
    return int(digits) if digits.lstrip("-").isdecimal() else value


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position
