"""JSONata as Step Functions evaluates it: jlens, plus the functions AWS adds, minus the one it removes.

`Evaluator.evaluate(expression, bindings)` is the whole interface. Expressions are compiled once per source text and may
be evaluated from any thread. Values are bound as data, never spliced into the source. Rules of the dialect come from the
AWS page "Transforming data with JSONata in Step Functions"; where jlens answers otherwise than JSONata 2.0.6, the version
that Step Functions runs, `jsonata_source` rewrites the expression to calls of functions that are here.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

import jlens

from infra.local.stepfunctions.jsonata_source import RANGE, TEXT, in_jlens_dialect
from infra.local.stepfunctions.limits import json_text, parsed
from workflow_engine.aws_quotas import EVALUATION_DEPTH
from workflow_engine.language.jsonata.syntax import NestedTooDeepError, read_expression
from workflow_engine.language.jsonata.tokens import JsonataSyntaxError
from workflow_engine.lazy_dataclass import dataclass

# Step Functions ends an evaluation after a time that it does not publish; ours is the most that may hold a thread.
EVALUATION_TIMEOUT_SECONDS = 5.0
COMPILED_EXPRESSIONS_KEPT: Final = 8192

# `$range` answers at most this many elements (AWS page "Intrinsic functions", States.ArrayRange).
RANGE_MAX_ELEMENTS: Final = 1000

# `[a..b]` has no limit of elements that AWS publishes, only one of memory: `$sum([1..900000])` was observed to fail.
SPAN_MAX_ELEMENTS: Final = 500_000

# A call without arguments may take the context in their place, as $string() does.
_CONTEXT_CALL: Final = re.compile(r"\$(?!(?:now|millis|uuid|random)\b)\w+\s*\(\s*\)")
_TIMEOUT_CODE: Final = "D1012"
_STACK_OVERFLOW: Final = (
    "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive."
)
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


class SlowExpressionError(Exception):
    """The expression was not done in the time that it was given, which was less than it may take."""


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """An expression ready to run. It assigns its variables itself from the fields of its input where `reads` names
    them; else it may look at its context, which nothing must stand in, and gets all variables as bindings.
    """

    source: str
    program: jlens.Expression
    reads: tuple[str, ...] | None


class Evaluator:
    """JSONata on a clock and with a randomness that are given. One instant holds for a whole evaluation."""

    def __init__(self, now: Callable[[], float] = time.time, randomness: random.Random | None = None) -> None:
        """`now` gives seconds since the epoch."""
        self._now = now
        self._random = randomness or random.Random()
        self._evaluation = threading.local()
        self._functions: dict[str, Callable[..., Any]] = {
            **_FUNCTIONS,
            "random": self._draw,
            "uuid": self._uuid,
            "now": self._now_text,
            "millis": lambda: self._evaluation.millis,
        }
        self.compile = lru_cache(maxsize=COMPILED_EXPRESSIONS_KEPT)(self._compile)

    def evaluate(
        self, source: str, bindings: Mapping[str, Any], *, seconds: float | None = None, lets_others_run: bool = False
    ) -> Any:
        """Evaluate an expression, without the `{% %}` around it, over variables (names without `$`, JSON values).

        Returns a fresh JSON value. `seconds` is what it may take, else the time that any expression may take; an
        evaluation holds the interpreter's lock unless it `lets_others_run`, which costs more.
        Raises JsonataError, UndefinedResultError or UnsupportedResultError, and SlowExpressionError after `seconds`.
        """
        compiled = self.compile(source)
        # What an expression reads is its input, of which jlens converts what it meets; a binding is converted whole.
        names = compiled.reads
        document = None if names is None else {name: bindings[name] for name in names if name in bindings}
        bound = dict(bindings) if names is None else None
        document = document or None
        limit = EVALUATION_TIMEOUT_SECONDS if seconds is None else seconds
        self._evaluation.millis = int(self._now() * 1000)
        try:
            if not lets_others_run:
                value = compiled.program.evaluate(document, bound, timeout=limit)
                if value is not None:
                    return value
            # Only as JSON text does jlens tell null ("null") from undefined (None).
            given = None if document is None else json_text(document)
            text = compiled.program.evaluate_json(given, bound, timeout=limit)
        except jlens.JlensError as error:
            if error.code == _TIMEOUT_CODE and seconds is not None:
                raise SlowExpressionError(source) from error
            raise JsonataError(error.code, str(error)) from error
        except RecursionError as error:
            raise JsonataError("U1001", _STACK_OVERFLOW) from error
        except (TypeError, ValueError) as error:
            raise JsonataError("D3137", str(error)) from error
        if text is None:
            self._raise_for_no_value(compiled, document, bound)
        return json.loads(text)

    def _compile(self, source: str) -> CompiledExpression:
        """Compile an expression with the functions of Step Functions. Raises JsonataError for a syntax error."""
        try:
            reading = read_expression(source)
            if reading.depth > EVALUATION_DEPTH:
                raise NestedTooDeepError(source)
            plain = self._program(in_jlens_dialect(source))
        except JsonataSyntaxError as error:
            raise JsonataError("S0500", str(error)) from error
        except NestedTooDeepError as error:
            raise JsonataError("U1001", _STACK_OVERFLOW) from error
        except jlens.JlensError as error:
            raise JsonataError(error.code, str(error)) from error
        reads = plain.reads()
        if reads.get("everyBinding") or reading.context_names or _CONTEXT_CALL.search(source):
            return CompiledExpression(source, plain, None)
        names = tuple(name for name in reads["bindings"] if name not in self._functions)
        assignments = "".join(f"${name}:=`{name}`;" for name in names)
        program = self._program(f"({assignments}(\n{in_jlens_dialect(source)}\n))") if names else plain
        return CompiledExpression(source, program, names)

    def _program(self, source: str) -> jlens.Expression:
        program = jlens.Expression(source)
        for name, function in self._functions.items():
            program.register_function(name, function)
        return program

    def _raise_for_no_value(
        self, compiled: CompiledExpression, document: Any, bound: dict[str, Any] | None
    ) -> NoReturn:
        assignments = "".join(f"${name}:=`{name}`;" for name in compiled.reads or ())
        try:
            probe = self._program(f"({assignments}$type((\n{in_jlens_dialect(compiled.source)}\n)))")
            kind = probe.evaluate(document, bound, timeout=EVALUATION_TIMEOUT_SECONDS)
        except (jlens.JlensError, TypeError, ValueError):
            kind = None
        if kind == "function":
            raise UnsupportedResultError(compiled.source)
        raise UndefinedResultError(compiled.source)

    def _draw(self, seed: Any = None) -> float:
        """`$random(seed?)`: a number n with 0 <= n < 1, the same for the same seed."""
        if seed is None:
            return self._random.random()
        if isinstance(seed, bool) or not isinstance(seed, int | float):
            raise _wrong_argument("random", "the seed must be a number")
        return java_random(int(seed))

    def _uuid(self) -> str:
        """`$uuid()`: a version 4 UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _now_text(self, picture: Any = None, timezone: Any = None) -> Any:
        """`$now(picture?, timezone?)`: the instant of this evaluation, as `$fromMillis` writes it."""
        program = _from_millis()
        given = {"millis": self._evaluation.millis, "picture": picture, "timezone": timezone}
        return program.evaluate({name: value for name, value in given.items() if value is not None})


@lru_cache(maxsize=1)
def _from_millis() -> jlens.Expression:
    return jlens.Expression("$fromMillis(millis, picture, timezone)")


def java_random(seed: int) -> float:
    """The first `nextDouble()` of a java.util.Random with this seed, which is what `$random(seed)` gives on AWS."""
    mask = (1 << 48) - 1
    state = (seed ^ 0x5DEECE66D) & mask

    def bits(count: int) -> int:
        nonlocal state
        state = (state * 0x5DEECE66D + 0xB) & mask
        return state >> (48 - count)

    return ((bits(26) << 27) + bits(27)) / (1 << 53)


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


def _parse(text: Any = None) -> Any:
    """`$parse(text)`: the JSON value that the text holds."""
    if not isinstance(text, str):
        raise _wrong_argument("parse", "the argument must be a string")
    try:
        return parsed(text)
    except ValueError as error:
        raise _wrong_argument("parse", f"not JSON: {error}") from error


def _eval(*_arguments: Any) -> None:
    """Step Functions does not support `$eval` (AWS page "Transforming data with JSONata")."""
    raise JsonataError("T1006", "Attempted to invoke a non-function")


def _span(first: Any = None, last: Any = None) -> list[int] | None:
    """`[first..last]`, in bounds: jlens does not stop in time while it builds a long one.

    Codes and messages are JSONata's own.
    """
    for value, code, side in ((first, "T2003", "left"), (last, "T2004", "right")):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and (not is_number or value != int(value)):
            raise JsonataError(code, f"The {side} side of the range operator (..) must evaluate to an integer")
    if first is None or last is None:
        return None
    if last - first + 1 > SPAN_MAX_ELEMENTS:
        raise JsonataError(
            "D2014",
            f"The size of the sequence allocated by the range operator (..) exceeds the limit: {last - first + 1}",
        )
    return list(range(int(first), int(last) + 1))


def _text(holder: dict[str, Any]) -> str | None:
    """`$string(value)`, and what `&` makes of an operand, given as {"value": it}, or {} where it is undefined.

    JSONata 2.0.6 writes numbers with 15 significant digits, whole ones included.
    """
    if "value" not in holder:
        return None
    value = holder["value"]
    return value if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    match value:
        case dict():
            return "{" + ",".join(f"{json_text(name)}:{_written(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_written, value)) + "]"
        case bool() | None | str():
            return json_text(value)
    return _written_number(float(f"{value:.15g}"))


def _written_number(number: float) -> str:
    """A number as JavaScript writes it: in full from 1e-6 up to 1e21, exponents without a leading zero."""
    if number == int(number) and abs(number) < 1e21:
        return str(int(number))
    text = repr(number)
    mantissa, mark, exponent = text.partition("e")
    if not mark:
        return text
    if int(exponent) in (-5, -6):
        return f"{number:.20f}".rstrip("0")
    return f"{mantissa}e{'+' if int(exponent) > 0 else '-'}{abs(int(exponent))}"


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "parse": _parse,
    "eval": _eval,
    RANGE: _span,
    TEXT: _text,
}

_SHARED: Final = Evaluator()


def evaluate(source: str, bindings: Mapping[str, Any]) -> Any:
    """Evaluate an expression on the machine's own clock, as `Evaluator.evaluate` does."""
    return _SHARED.evaluate(source, bindings)


def compile_expression(source: str) -> CompiledExpression:
    """Compile an expression. Raises JsonataError for a syntax error."""
    return _SHARED.compile(source)
