"""`{"expression": "<JSONata>"}`: what a power user may write, and how the references in it are found.

An expression runs inside a state of Step Functions, but must not depend on how the workflow is compiled. So it sees
only what it names by `$ref("step.path")`: no `$states`, no variable of the machine, no top-level name. `$eval` is
refused since Step Functions has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from workflow_engine.ecma_patterns import PatternError
from workflow_engine.language.backtracking import BacktrackingError, check_backtracking
from workflow_engine.language.diagnostics import suggest
from workflow_engine.language.findings import quoted
from workflow_engine.language.references import MalformedTextError, malformed, parse_reference, scan_quoted
from workflow_engine.language.syntax import Expression, Reference

MAX_EXPRESSION_CHARACTERS: Final = 10_000
MAX_BRACKETS: Final = 40
"""Nesting of brackets. Step Functions stops at an evaluation depth of about 100, and a bracket can cost two levels."""

# Functions that Step Functions adds to JSONata ("Transforming data with JSONata in Step Functions"), each with one of
# JSONata that takes its place when an expression is analysed; padded, so that positions of errors stay right.
_AWS_FUNCTIONS: Final = {name: "$now".ljust(len(name)) for name in ("$partition", "$range", "$hash", "$uuid", "$parse")}
_PLACEHOLDER: Final = "ref"

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)|(?P<comment>/\*.*?\*/)|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>`[^`]*`)
    |(?P<variable>\$\$?\w*)|(?P<word>\w+)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<symbol>\?\?|\?:|:=|~>|\*\*|.)""",
    re.VERBOSE | re.DOTALL,
)
_CALL: Final = re.compile(r"\s*\(\s*(?=[\"'])")
_CLOSE: Final = re.compile(r"\s*\)")

_REFUSED_VARIABLES: Final = {
    "$eval": "Step Functions has no $eval.",
    "$states": '$states depends on how the workflow is compiled; read steps, input and variables by $ref("...").',
    "$$": '$$ is empty in Step Functions; read steps, input and variables by $ref("...").',
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
    reference: Reference | None = None


def parse_expression(text: str) -> Expression:
    """Source and references in turn. Raises `MalformedTextError` (WFE-E304, or WFE-E208 for a reference in it)."""
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
    _check_tokens(text, tokens)
    _check_parse(text, tokens)
    parts: list[str | Reference] = []
    position = 0
    for token in tokens:
        if token.reference is not None:
            if token.start > position:
                parts.append(text[position : token.start])
            parts.append(token.reference)
            position = token.end
    if position < len(text):
        parts.append(text[position:])
    return Expression(tuple(parts))


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
        if token.kind == "variable" and token.text in _REFUSED_VARIABLES:
            raise malformed("WFE-E304", text, token.start, _REFUSED_VARIABLES[token.text])
        if token.kind == "symbol" and token.text in _REFUSED_SYMBOLS:
            raise malformed("WFE-E304", text, token.start, _REFUSED_SYMBOLS[token.text])
        depth += (token.kind == "open") - (token.kind == "close")
        if depth > MAX_BRACKETS:
            raise malformed("WFE-E304", text, token.start, f"brackets are nested deeper than {MAX_BRACKETS} levels.")


def _check_parse(text: str, tokens: list[_Token]) -> None:
    """Parse the expression and look at what it reads. Every reference is replaced by the variable `$ref`, of equal
    length.
    """
    import jlens  # here, since only workflows with expressions or patterns need it

    probe = text
    for token in reversed(tokens):
        substitute = f"${_PLACEHOLDER}" if token.kind == "reference" else _AWS_FUNCTIONS.get(token.text)
        if substitute is not None:
            probe = probe[: token.start] + substitute.ljust(token.end - token.start) + probe[token.end :]
    try:
        reads: dict[str, Any] = dict(jlens.Expression(probe).reads())
    except jlens.JlensError as error:
        position = error.start if isinstance(error.start, int) else 0
        raise malformed("WFE-E304", text, position, f"the expression does not parse: {error.args[0]}.") from None
    unknown = sorted(set(reads.get("bindings", {})) - {_PLACEHOLDER})
    if unknown:
        name = unknown[0]
        near = suggest(f"${name}", _AWS_FUNCTIONS)
        raise MalformedTextError(
            "WFE-E304", f"{quoted(text)}: ${name} is neither a function nor defined in the expression.{near}"
        )
    top_level = reads.get("input")
    if isinstance(top_level, dict) and top_level:
        name = sorted(top_level)[0]
        raise MalformedTextError(
            "WFE-E304",
            f'{quoted(text)}: {quoted(name)} is read from nowhere. Read a step, input or variables by $ref("...").',
        )
    if top_level is True:
        raise MalformedTextError(
            "WFE-E304",
            f"{quoted(text)}: there is no context at the top level that a '$', a '*' or a function could read.",
        )
