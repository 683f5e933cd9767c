"""JSONata as Step Functions evaluates it: jlens, plus the functions AWS adds, minus the one it removes.

`evaluate(expression, bindings)` is the whole interface. Expressions are compiled once per source text and may be
evaluated from any thread. Values are bound as data, never spliced into the source. Rules of the dialect come from the
AWS page "Transforming data with JSONata in Step Functions".
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NoReturn

import jlens

# An expression that loops forever must not hold a local run forever.
EVALUATION_TIMEOUT_SECONDS = 5.0
COMPILED_EXPRESSIONS_KEPT: Final = 8192

# `$range` answers at most this many elements (AWS page "Intrinsic functions", States.ArrayRange).
RANGE_MAX_ELEMENTS: Final = 1000

_HASHES: Final = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


class JsonataError(Exception):
    """An expression that does not compile, or whose evaluation failed.

    `code` is JSONata's own (such as "T1006") or "D3137" for an AWS function that was called wrongly.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class UndefinedResultError(Exception):
    """The expression gave nothing. Not the same as null: Step Functions refuses the first and stores the second."""


class UnsupportedResultError(Exception):
    """The expression gave a function, which is no JSON value."""


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """An expression ready to run, with the names of the bindings it reads (None: possibly all)."""

    source: str
    program: jlens.Expression
    reads: frozenset[str] | None


def evaluate(source: str, bindings: Mapping[str, Any]) -> Any:
    """Evaluate an expression, without the `{% %}` around it, over bindings (names without `$`, JSON values).

    Returns a fresh JSON value. Raises JsonataError, UndefinedResultError or UnsupportedResultError.
    """
    compiled = compile_expression(source)
    bound = _needed(compiled, bindings)
    try:
        value = compiled.program.evaluate(None, bound, timeout=EVALUATION_TIMEOUT_SECONDS)
        if value is not None:
            return value
        # Only as JSON text does jlens tell null ("null") from undefined (None). It is not asked first, because it lets
        # other threads run meanwhile, and to get the interpreter back costs more than most expressions take.
        text = compiled.program.evaluate_json(None, bound, timeout=EVALUATION_TIMEOUT_SECONDS)
    except jlens.JlensError as error:
        raise JsonataError(error.code, str(error)) from error
    except RecursionError as error:
        raise JsonataError("D1011", "Stack overflow") from error
    if text is None:
        _raise_for_no_value(compiled, bound)
    return json.loads(text)


@lru_cache(maxsize=COMPILED_EXPRESSIONS_KEPT)
def compile_expression(source: str) -> CompiledExpression:
    """Compile an expression with the functions of Step Functions. Raises JsonataError for a syntax error."""
    try:
        program = jlens.Expression(source)
    except jlens.JlensError as error:
        raise JsonataError(error.code, str(error)) from error
    for name, function in _FUNCTIONS.items():
        program.register_function(name, function)
    reads = program.reads()
    names = None if reads.get("everyBinding") else frozenset(reads["bindings"])
    return CompiledExpression(source=source, program=program, reads=names)


def _needed(compiled: CompiledExpression, bindings: Mapping[str, Any]) -> dict[str, Any]:
    if compiled.reads is None:
        return dict(bindings)
    return {name: bindings[name] for name in compiled.reads if name in bindings}


def _raise_for_no_value(compiled: CompiledExpression, bound: dict[str, Any]) -> NoReturn:
    probe = jlens.Expression(f"$type(({compiled.source}))")
    for name, function in _FUNCTIONS.items():
        probe.register_function(name, function)
    try:
        kind = probe.evaluate(None, bound, timeout=EVALUATION_TIMEOUT_SECONDS)
    except jlens.JlensError:
        kind = None
    if kind == "function":
        raise UnsupportedResultError(compiled.source)
    raise UndefinedResultError(compiled.source)


def _wrong_argument(function: str, rule: str) -> JsonataError:
    return JsonataError("D3137", f"${function}: {rule}")


def _integer(function: str, value: Any, rule: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != math.floor(value):
        raise _wrong_argument(function, rule)
    return int(value)


def _partition(values: Any = None, size: Any = None) -> Any:
    """`$partition(array, size)`: consecutive chunks, the last one possibly shorter."""
    if not isinstance(values, list):
        raise _wrong_argument("partition", "the first argument must be an array")
    width = _integer("partition", size, "the chunk size must be a positive integer")
    if width <= 0:
        raise _wrong_argument("partition", "the chunk size must be a positive integer")
    return [values[start : start + width] for start in range(0, len(values), width)]


def _range(first: Any = None, last: Any = None, step: Any = None) -> Any:
    """`$range(first, last, step)`: a sequence, so one element comes back bare, as AWS answers (recorded)."""
    rule = "first, last and step must be integers and step must not be 0"
    start, stop, delta = (_integer("range", value, rule) for value in (first, last, step))
    if delta == 0:
        raise _wrong_argument("range", rule)
    values = list(range(start, stop + (1 if delta > 0 else -1), delta)[: RANGE_MAX_ELEMENTS + 1])
    if len(values) > RANGE_MAX_ELEMENTS:
        raise _wrong_argument("range", f"more than {RANGE_MAX_ELEMENTS} elements")
    return values[0] if len(values) == 1 else values


def _hash(data: Any = None, algorithm: Any = None) -> str:
    """`$hash(text, algorithm)`: the digest as lower-case hexadecimal digits."""
    if not isinstance(data, str):
        raise _wrong_argument("hash", "the first argument must be a string")
    if algorithm not in _HASHES:
        raise _wrong_argument("hash", f"the algorithm must be one of {', '.join(_HASHES)}")
    return _HASHES[algorithm](data.encode()).hexdigest()


def _random(seed: Any = None) -> float:
    """`$random(seed?)`: a number n with 0 <= n < 1, the same for the same seed."""
    if seed is None:
        return random.random()
    if isinstance(seed, bool) or not isinstance(seed, int | float):
        raise _wrong_argument("random", "the seed must be a number")
    return random.Random(seed).random()


def _uuid() -> str:
    """`$uuid()`: a version 4 UUID."""
    return str(uuid.uuid4())


def _parse(text: Any = None) -> Any:
    """`$parse(text)`: the JSON value that the text holds."""
    if not isinstance(text, str):
        raise _wrong_argument("parse", "the argument must be a string")
    try:
        return json.loads(text)
    except ValueError as error:
        raise _wrong_argument("parse", f"not JSON: {error}") from error


def _eval(*_arguments: Any) -> None:
    """Step Functions does not support `$eval` (AWS page "Transforming data with JSONata")."""
    raise JsonataError("T1006", "Attempted to invoke a non-function")


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": _uuid,
    "parse": _parse,
    "eval": _eval,
}
