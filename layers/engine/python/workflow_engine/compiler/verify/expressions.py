"""The expressions of a state: where each stands, what it reads, and whether it may read that there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, Final, Literal

from workflow_engine import aws_quotas
from workflow_engine.compiler.verify.fields import is_expression
from workflow_engine.compiler.verify.rules import Path, Violation, violation
from workflow_engine.compiler.verify.scopes import State, entries
from workflow_engine.compiler.verify.shapes import shape_of
from workflow_engine.language.jsonata import FUNCTIONS
from workflow_engine.language.jsonata.syntax import MAX_NESTING, NestedTooDeepError, Reading, read_expression
from workflow_engine.language.jsonata.tokens import SPACE, JsonataSyntaxError
from workflow_engine.lazy_dataclass import dataclass

Place = Literal["entry", "result", "error"]
"""What `$states` holds besides input and context: nothing more, the result of a success, or the error output."""

_STATES_FIELDS: Final = frozenset({"input", "context", "result", "errorOutput"})
_CONSTANT_FIELDS: Final = frozenset(
    {"Type", "Comment", "QueryLanguage", "Next", "End", "Default", "Resource", "Retry", "Catch", "Choices", "Branches"}
    | {"ItemProcessor", "Label"}
)
_SIMPLE_PATH: Final = re.compile(rf"{SPACE}*\$([A-Za-z]\w*)((?:\.[A-Za-z]\w*)*){SPACE}*", re.ASCII)
_KEYWORDS: Final = re.compile(r"\.(?:and|or|in|true|false|null)\b")
_KEPT_NAMES: Final = FUNCTIONS | {"states"}
_LONGEST_CACHED: Final = 8192
"""Characters; a longer expression is parsed each time, so that the cache stays small."""
_NESTED_TOO_DEEP: Final = "U1001"
"""jlens's code for more than 1,000 levels."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of an expression: its reading, or why there is none, as a rule and a sentence."""

    reading: Reading | None
    rule: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression of a machine. `path` is its place, `reading` None if it cannot be read."""

    path: Path
    place: Place
    reading: Reading | None
    text: str

    def asks_for(self, variable: str) -> bool:
        """Whether it reads the variable only where it has asked for a value: `$exists($v.a)?$v.a:...`."""
        read = rf"\${re.escape(variable)}\b"
        asked = re.sub(rf"\$exists\(({read}(?:\.\w+)*)\)(?:\?\1:)?", "", self.text)
        return not re.search(read, asked)


@cache
def _jlens() -> ModuleType:
    # Imported when the first expression is checked: functions that verify nothing do not pay for it.
    import jlens

    return jlens


def analyse(text: str) -> Analysis:
    """Read an expression (without the `{% %}`). Never raises, for any text."""
    simple = _SIMPLE_PATH.fullmatch(text)
    if simple and not _KEYWORDS.search(simple[2]):
        steps = simple[2].split(".")
        fields = frozenset(steps[1:2]) if simple[1] == "states" else frozenset[str]()
        return Analysis(Reading(2 if simple[2] else 1, frozenset({simple[1]}), fields, (), False))
    if len(text) > _LONGEST_CACHED:
        return _parse(text)
    # What has a slash mostly has a regular expression, and no shape; the guards of a run's output are equal texts.
    if "/" not in text and (shaped := shape_of(text, _KEPT_NAMES)):
        shape, names = shaped
        reading = _parse_cached(shape).reading
        if reading and _is_clean(reading):
            return Analysis(_renamed(reading, names) if names else reading)
    return _parse_cached(text)


def _renamed(reading: Reading, names: Mapping[str, str]) -> Reading:
    variables = frozenset(names.get(name, name) for name in reading.variables)
    return Reading(reading.depth, variables, reading.states_fields, reading.context_names, reading.reads_root)


def _is_clean(reading: Reading) -> bool:
    """Nothing in it is worth a violation in every place, so no message needs the names that the shape has lost."""
    return not (
        reading.context_names
        or reading.reads_root
        or reading.states_fields - _STATES_FIELDS
        or reading.depth > aws_quotas.SYNTAX_DEPTH
    )


def _parse(text: str) -> Analysis:
    """By jlens for validity, and by our parser for JSONata 2.0.6 and what is read.

    jlens knows operators of later versions (`?:`, `??`), which Step Functions refuses, and checks what our parser does
    not (regular expressions, signatures, `%`).
    """
    try:
        _jlens().Expression(text)
    except UnicodeEncodeError:
        return Analysis(None, "ASL-EXPRESSION-SYNTAX", "The expression has a lone surrogate.")
    except _jlens().JlensError as error:
        if error.code != _NESTED_TOO_DEEP:
            return Analysis(None, "ASL-EXPRESSION-SYNTAX", f"{error.code}: {error}.")
    try:
        reading = read_expression(text)
    except NestedTooDeepError:
        return Analysis(None, "RUN-DEPTH", f"The expression is nested over {MAX_NESTING} deep.")
    except JsonataSyntaxError as error:
        return Analysis(None, "ASL-EXPRESSION-SYNTAX", f"Not JSONata 2.0.6: {error}.")
    return Analysis(reading)


_parse_cached = lru_cache(maxsize=4096)(_parse)


def state_expressions(path: Path, state: State) -> tuple[list[Expression], list[Violation]]:
    """Every expression of a state, those of states inside it left out, and what is wrong with them."""
    found: list[Expression] = []
    wrong: list[Violation] = []
    for keys, place, value in _evaluated_values(state):
        for inner, text in _texts((*path, *keys), value, wrong):
            analysis = analyse(text)
            expression = Expression(inner, place, analysis.reading, text)
            found.append(expression)
            wrong += _check_expression(expression, analysis)
    return found, wrong


def _evaluated_values(state: State) -> Iterator[tuple[Path, Place, Any]]:
    fallible = state.get("Type") in ("Task", "Parallel", "Map")
    for name, value in state.items():
        if name not in _CONSTANT_FIELDS:
            yield (name,), "result" if fallible and name in ("Assign", "Output") else "entry", value
    for field, place in (("Catch", "error"), ("Choices", "entry")):
        for index, entry in entries(state, field):
            for name in ("Condition", "Assign", "Output"):
                if name in entry:
                    yield (field, index, name), "error" if place == "error" else "entry", entry[name]


def _texts(path: Path, value: Any, wrong: list[Violation]) -> Iterator[tuple[Path, str]]:
    """The expressions in a JSON value without their delimiters, in document order; malformed ones and `.$` keys are noted."""
    waiting: list[tuple[Path, Any]] = [(path, value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str):
            if is_expression(item):
                yield place, item[2:-2]
            elif item.startswith("{%") or item.endswith("%}"):
                wrong.append(
                    violation("ASL-EXPRESSION-DELIMITERS", place, f"{item[:80]!r} is opened or closed, but not both.")
                )
        elif isinstance(item, (dict, Mapping)):  # dict first: it is what comes, and the check of an ABC is slow
            for key, inner in reversed(list(item.items())):
                waiting.append(((*place, key), inner))
                if isinstance(key, str) and key.endswith(".$"):
                    wrong.append(
                        violation("ASL-JSONPATH-FIELD", (*place, key), f"The key {key!r} belongs to JSONPath.")
                    )
        elif isinstance(item, list):
            waiting += [((*place, index), item[index]) for index in reversed(range(len(item)))]


def _check_expression(expression: Expression, analysis: Analysis) -> Iterator[Violation]:
    path, reading = expression.path, analysis.reading
    if reading is None:
        yield violation(analysis.rule, path, analysis.detail)
        return
    if reading.depth > aws_quotas.SYNTAX_DEPTH:
        detail = f"The syntax tree is {reading.depth} nodes deep; at most {aws_quotas.SYNTAX_DEPTH} are allowed."
        yield violation("RUN-DEPTH", path, detail)
    if reading.reads_root:
        yield violation("ASL-ROOT-REFERENCE", path, "$$ refers to an input document, and there is none.")
    for name in reading.context_names:
        detail = f"{name!r} is read from a context item, and there is none; begin with $states or a variable."
        yield violation("ASL-CONTEXT-REFERENCE", path, detail)
    if "eval" in reading.variables:
        yield violation("RUN-EVAL", path, "$eval is not available; use $parse for JSON.")
    for name in sorted(reading.states_fields - _STATES_FIELDS):
        yield violation("ASL-STATES-FIELD", path, f"$states has no field {name!r}.")
    if "result" in reading.states_fields and expression.place != "result":
        yield violation("ASL-STATES-RESULT", path, "There is no $states.result here.")
    if "errorOutput" in reading.states_fields and expression.place != "error":
        yield violation("ASL-STATES-ERROR", path, "There is no $states.errorOutput here.")
