"""JSONata of a power user, and how the references in it are found: `{"expression": "<JSONata>"}`, and that of a `transform`.

An expression runs inside a state of Step Functions, but must not depend on how the workflow is compiled. So it sees
only what it names by `$ref("step.path")`: no `$states`, no variable of the machine, no top-level name. `$eval` is
refused since Step Functions has none.

That of a `transform` is evaluated over the step's input, as JSONata is elsewhere: a bare name, `$` and `$$` read that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise, starmap
from typing import Any, Final, Literal, NoReturn

from workflow_engine.ecma_patterns import PatternError
from workflow_engine.language.backtracking import BacktrackingError, check_backtracking
from workflow_engine.language.findings import quoted
from workflow_engine.language.jsonata import FUNCTIONS
from workflow_engine.language.jsonata.syntax import NestedTooDeepError, read_expression
from workflow_engine.language.jsonata.tokens import JsonataSyntaxError
from workflow_engine.language.references import MalformedTextError, malformed, parse_reference, scan_quoted
from workflow_engine.language.syntax import Expression, Reference, WholeInput
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import suggest

MAX_EXPRESSION_CHARACTERS: Final = 10_000
MAX_BRACKETS: Final = 40
"""Nesting of brackets. Step Functions stops at an evaluation depth of about 100, and a bracket can cost two levels."""

MAX_SYNTAX_DEPTH: Final = 60
"""Levels of the syntax tree. The expression stands inside one of the compiler's, which Step Functions takes 100 of."""

_TOO_DEEP: Final = (
    f"An expression's syntax has at most {MAX_SYNTAX_DEPTH} levels. Write a chain of operators as $sum, $join or $append over "
    "a list, or compute a part of it in a step of its own."
)

# Functions that Step Functions adds to JSONata ("Transforming data with JSONata in Step Functions"), each with one of
# JSONata that takes its place when an expression is analysed; padded, so that positions of errors stay right.
_AWS_FUNCTIONS: Final = {name: "$now".ljust(len(name)) for name in ("$partition", "$range", "$hash", "$uuid", "$parse")}
_PLACEHOLDER: Final = "ref"
_WILD: Final = ("$", "*", "**")
"""What reads a context item without naming a field of it."""

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)|(?P<comment>/\*.*?\*/)|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>`[^`]*`)
    |(?P<variable>\$\$?\w*)|(?P<word>\w+)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<symbol>\?\?|\?:|:=|~>|\*\*|.)""",
    re.VERBOSE | re.DOTALL,
)
_CALL: Final = re.compile(r"\s*\(\s*(?=[\"'])")
_CLOSE: Final = re.compile(r"\s*\)")

_ROOT: Final = "$$"
_REFUSED_VARIABLES: Final = {
    "$eval": "Step Functions has no $eval.",
    "$states": '$states depends on how the workflow is compiled; read steps, input and variables by $ref("...").',
    _ROOT: '$$ is empty in Step Functions; read steps, input and variables by $ref("...").',
}
_REFUSED_SYMBOLS: Final = {
    "??": "the JSONata of Step Functions has no '??'; write $exists(a) ? a : b.",
    "?:": "the JSONata of Step Functions has no '?:'; write a ? a : b.",
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["reference", "variable", "symbol", "open", "close", "other"]
    text: str
    start: int
    end: int
    stands_for: Reference | WholeInput | None = None


def parse_expression(text: str, *, over_input: bool = False) -> Expression:
    """Source and references in turn. `over_input`: it is evaluated over the step's input, so it may read bare names.

    Raises `MalformedTextError` (WFE-E304, or WFE-E208 for a reference in it).
    """
    if not text.strip():
        raise MalformedTextError("WFE-E304", "The expression is empty.")
    if len(text) > MAX_EXPRESSION_CHARACTERS:
        raise MalformedTextError("WFE-E304", f"An expression has at most {MAX_EXPRESSION_CHARACTERS} characters.")
    if (position := text.find("%}")) >= 0:
        raise malformed(
            "WFE-E304",
            text,
            position,
            "'%}' ends an expression of Step Functions; write a space in between, or %\\u007d in a text.",
        )
    tokens = _tokenise(text)
    if over_input:
        tokens = [replace(t, stands_for=WholeInput()) if t.text == _ROOT else t for t in tokens]
    _check_tokens(text, tokens)
    names = _check_parse(text, tokens, over_input=over_input)
    parts: list[str | Reference | WholeInput] = []
    position = 0
    for token in tokens:
        if token.stands_for is not None:
            if token.start > position:
                parts.append(text[position : token.start])
            parts.append(token.stands_for)
            position = token.end
    if position < len(text):
        parts.append(text[position:])
    return Expression(tuple(parts), names if over_input else None)


def _tokenise(text: str) -> list[_Token]:
    """All tokens but white space and comments. A slash begins a regular expression where an operand is expected."""
    tokens: list[_Token] = []
    position, operand_expected = 0, True
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None, "the last alternative matches any character"
        kind, end, value = match.lastgroup, match.end(), match.group()
        if kind in ("space", "comment"):
            position = end
            continue
        if kind == "variable":
            token = (
                _reference_call(text, position, end) if value == "$ref" else _Token("variable", value, position, end)
            )
            operand_expected = False
        elif kind == "symbol":
            if value == "/" and operand_expected:
                end, value = _regex_end(text, position), "*"
                _check_regex_time(text, position, end)
            operand_expected = not (operand_expected and value in ("*", "**", "%"))
            token = _Token("symbol", value, position, end)
        elif kind == "open":
            token, operand_expected = _Token("open", value, position, end), True
        elif kind == "close":
            token, operand_expected = _Token("close", value, position, end), False
        else:
            operand_expected = value in ("and", "or", "in") and not operand_expected
            token = _Token("other", value, position, end)
        tokens.append(token)
        position = token.end
    return tokens


def _regex_end(text: str, start: int) -> int:
    """Position after the regular expression that begins at `start`, by JSONata's own rule: brackets are counted."""
    depth = 0
    for position in range(start + 1, len(text)):
        character = text[position]
        escaped = text[position - 1] == "\\"
        if character == "/" and depth == 0 and not escaped:
            return position + 1
        if not escaped:
            depth += (character in "([{") - (character in ")]}")
    raise malformed("WFE-E304", text, start, "the regular expression is not closed by '/'.")


def _check_regex_time(text: str, start: int, end: int) -> None:
    """Refuse a regular expression that may backtrack for ever; whether it is one at all is judged by the parser."""
    try:
        check_backtracking(text[start + 1 : end - 1])
    except BacktrackingError as error:
        raise malformed("WFE-E304", text, start, f"the regular expression is refused: {error}") from None
    except PatternError:
        return


def _reference_call(text: str, start: int, name_end: int) -> _Token:
    """The token of a whole `$ref("...")`."""
    call = _CALL.match(text, name_end)
    if call is None:
        raise malformed("WFE-E304", text, start, '$ref takes one reference in quotes: $ref("step.path").')
    inner, end = scan_quoted(text, call.end(), "WFE-E304")
    close = _CLOSE.match(text, end)
    if close is None:
        raise malformed("WFE-E304", text, end, "')' is expected after the reference.")
    try:
        reference = parse_reference(inner)
    except MalformedTextError as error:
        raise malformed(error.code, text, start, error.detail) from None
    return _Token("reference", text[start : close.end()], start, close.end(), reference)


def _check_tokens(text: str, tokens: list[_Token]) -> None:
    depth = 0
    for token in tokens:
        if token.kind == "variable" and token.stands_for is None and token.text in _REFUSED_VARIABLES:
            raise malformed("WFE-E304", text, token.start, _REFUSED_VARIABLES[token.text])
        if token.kind == "symbol" and token.text in _REFUSED_SYMBOLS:
            raise malformed("WFE-E304", text, token.start, _REFUSED_SYMBOLS[token.text])
        depth += (token.kind == "open") - (token.kind == "close")
        if depth > MAX_BRACKETS:
            raise malformed("WFE-E304", text, token.start, f"brackets are nested deeper than {MAX_BRACKETS} levels.")


def _check_parse(text: str, tokens: list[_Token], *, over_input: bool) -> tuple[str, ...]:
    """Parse the expression and look at what it reads: the names of a context item, which only one over an input may have.
    Every reference is replaced by the variable `$ref`, of equal length, so that positions stay right.
    """
    import jlens  # here, since only workflows with expressions or patterns need it

    standing_for = {id(t): f"${_PLACEHOLDER}" for t in tokens if t.kind == "reference"}
    standing_for |= {id(t): _AWS_FUNCTIONS[t.text] for t in tokens if t.text in _AWS_FUNCTIONS}
    probe = _replaced(text, tokens, standing_for)
    try:
        reads: dict[str, Any] = dict(jlens.Expression(probe).reads())
        reading = read_expression(probe)
    except jlens.JlensError as error:
        position = error.start if isinstance(error.start, int) else 0
        raise malformed("WFE-E304", text, position, f"the expression does not parse: {error.args[0]}.") from None
    except JsonataSyntaxError as error:
        raise MalformedTextError("WFE-E304", f"{quoted(text)}: not JSONata 2.0.6: {error}.") from None
    except NestedTooDeepError:
        raise MalformedTextError("WFE-E304", _TOO_DEEP) from None
    if reading.depth > MAX_SYNTAX_DEPTH:
        raise MalformedTextError("WFE-E304", _TOO_DEEP)
    _check_variables(text, reading.variables - FUNCTIONS - {_PLACEHOLDER})
    if over_input:
        return tuple(name for name in reading.context_names if name not in _WILD)
    if reading.context_names:
        _refuse_context(text, reading.context_names[0])
    if reads.get("input") is True:
        # It says so of every call of a function of the expression's own, too: it does not follow these.
        calls = {id(t): "$zip" for t, after in pairwise(tokens) if _is_own_call(t, after)}
        plain = jlens.Expression(_replaced(probe, tokens, calls)).reads()
        if plain.get("input") is True and not any(starmap(_is_call_of_result, pairwise(tokens))):
            _refuse_context(text, "$")
    return ()


def _replaced(text: str, tokens: list[_Token], standing_for: Mapping[int, str]) -> str:
    """The text with other words for these tokens, each as long as the token at least."""
    for token in reversed(tokens):
        if (word := standing_for.get(id(token))) is not None:
            text = text[: token.start] + word.ljust(token.end - token.start) + text[token.end :]
    return text


def _is_own_call(token: _Token, after: _Token) -> bool:
    """Whether the expression calls, or partially applies, a function that it made itself."""
    return token.kind == "variable" and token.text[1:] not in FUNCTIONS and after.text == "("


def _is_call_of_result(token: _Token, after: _Token) -> bool:
    """Whether what a call or a block gave is called: `$add(1)(2)`, `(function($x){$x})(1)`."""
    return token.text in (")", "}") and after.text == "("


def _check_variables(text: str, unknown: frozenset[str]) -> None:
    if unknown:
        name = min(unknown)
        near = suggest(f"${name}", [f"${function}" for function in FUNCTIONS])
        raise MalformedTextError(
            "WFE-E304", f"{quoted(text)}: ${name} is neither a function nor defined in the expression.{near}"
        )


def _refuse_context(text: str, name: str) -> NoReturn:
    if name in _WILD:
        problem = "there is no context at the top level that a '$', a '*' or a function could read."
    else:
        problem = f'{quoted(name)} is read from nowhere. Read a step, input or variables by $ref("...").'
    raise MalformedTextError("WFE-E304", f"{quoted(text)}: {problem}")
