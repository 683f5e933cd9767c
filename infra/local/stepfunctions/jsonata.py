"""JSONata as Step Functions evaluates it: jlens, plus the functions AWS adds, minus the one it removes.

`Evaluator.evaluate(expression, bindings)` is the whole interface. Expressions are compiled once per source text and may
be evaluated from any thread. Values are bound as data, never spliced into the source. Rules of the dialect come from the
AWS page "Transforming data with JSONata in Step Functions"; where jlens answers otherwise than JSONata 2.0.6, the version
that Step Functions runs, `jsonata_source` rewrites the expression to calls of functions that are here.

That page says that an evaluation has limits of depth, memory and time, and names no number. Those here were measured with
TestState (GitHub, floci-io/floci, issue 2737 and the page on Step Functions in its documentation): a depth of 100 is
evaluated and 101 is not, as jlens counts it: 100 terms of `1+1+...`, 99 pairs of brackets, the 31st call of a function that
calls itself. Only where a function is passed to a function does jlens count one more than JSONata, for each such call.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn

import jlens

from infra.local.stepfunctions.jsonata_source import TEXT, in_jlens_dialect
from infra.local.stepfunctions.limits import json_text, parsed
from workflow_engine.aws_quotas import EVALUATION_DEPTH
from workflow_engine.language.jsonata.syntax import NestedTooDeepError, read_expression
from workflow_engine.language.jsonata.tokens import JsonataSyntaxError
from workflow_engine.lazy_dataclass import dataclass

# Step Functions ends an evaluation after a time that it does not publish; ours is the most that may hold a thread.
EVALUATION_TIMEOUT_SECONDS = 5.0
COMPILED_EXPRESSIONS_KEPT: Final = 8192

# AWS's limit of memory, as measured (see above): `[1..873782]` and a text of 2**22 characters are within it, `[1..873783]`
# and 2**23 characters are not, nor are 360,146 elements of `$range`. Ours between the two: 8 bytes a number, 1 a character.
MAX_ARRAY_ELEMENTS: Final = 873_782
MAX_TEXT_BYTES: Final = 8 * MAX_ARRAY_ELEMENTS
MAX_RANGE_ELEMENTS: Final = 360_145
_MEMORY: Final[Any] = {"max_array_length": MAX_ARRAY_ELEMENTS, "max_string_length": MAX_TEXT_BYTES}

# A call without arguments may take the context in their place, as $string() does.
_CONTEXT_CALL: Final = re.compile(r"\$(?!(?:now|millis|uuid|random)\b)\w+\s*\(\s*\)")
# The code under which an evaluation that exceeds a limit is known, and jlens's codes for the limits with AWS's texts.
LIMIT_CODE: Final = "U1001"
_DEPTH_CODE: Final = "D1011"
_TIMEOUT_CODE: Final = "D1012"
_MEMORY_CODE: Final = "U1001"
_LIMITS: Final = {
    _DEPTH_CODE: (
        "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive"
    ),
    _TIMEOUT_CODE: "Expression evaluation timeout: Check for infinite loop",
    _MEMORY_CODE: "Expression evaluation memory limit exceeded: Check for excessive memory usage",
}
# The blocks around an expression that assign its variables.
_DEPTH_OF_ASSIGNMENTS: Final = 2
_HASHES: Final = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


class JsonataError(Exception):
    """An expression that does not compile, or whose evaluation failed.

    `code` is JSONata's own (such as "T1006", or "U1001" where a limit was exceeded) or "D3137" for an AWS function that was
    called wrongly. The text has the code where AWS tells it: not for a limit.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message if code == LIMIT_CODE else f"{code}: {message}")
        self.code = code
        self.message = message


def _limit_exceeded(jlens_code: str) -> JsonataError:
    return JsonataError(LIMIT_CODE, _LIMITS[jlens_code])


def _assigning(names: Sequence[str] | None, source: str) -> str:
    """An expression in which variables are assigned from fields of the input first."""
    assignments = "".join(f"${name}:=`{name}`;" for name in names or ())
    return f"({assignments}(\n{source}\n))" if assignments else source


class UndefinedResultError(Exception):
    """The expression gave nothing. Not the same as null: Step Functions refuses the first and stores the second."""


class UnsupportedResultError(Exception):
    """The expression gave a function, which is no JSON value."""


class SlowExpressionError(Exception):
    """The expression was not done in the time that it was given, which was less than it may take."""


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """An expression ready to run. It assigns its variables itself from the fields of its input where `reads` names
    them; else it may look at its context, which nothing must stand in, and gets all variables as bindings. `depth` is how
    deep its evaluation may be, unless only what was rewritten made it so deep.
    """

    source: str
    program: jlens.Expression
    reads: tuple[str, ...] | None
    is_rewritten: bool
    depth: int


class _Given(NamedTuple):
    """What an evaluation starts from."""

    document: dict[str, Any] | None
    bindings: dict[str, Any] | None
    seconds: float
    lets_others_run: bool


def _run(program: jlens.Expression, given: _Given, depth: int | None) -> tuple[Any, bool]:
    """The value of an expression, and whether there is one. Raises JlensError."""
    document, bindings, seconds, lets_others_run = given
    if not lets_others_run:
        value = program.evaluate(document, bindings, timeout=seconds, max_depth=depth, **_MEMORY)
        if value is not None:
            return value, True
    # Only as JSON text does jlens tell null ("null") from undefined (None).
    given_text = None if document is None else json_text(document)
    text = program.evaluate_json(given_text, bindings, timeout=seconds, max_depth=depth, **_MEMORY)
    return (None, False) if text is None else (json.loads(text), True)


class Evaluator:
    """JSONata on a clock and with a randomness that are given. One instant holds for a whole evaluation."""

    def __init__(self, now: Callable[[], float] = time.time, randomness: random.Random | None = None) -> None:
        """`now` gives seconds since the epoch."""
        self._now = now
        self._random = randomness or random.Random()
        self._evaluation = threading.local()
        self._functions: dict[str, tuple[Callable[..., Any], str | None]] = {
            **_FUNCTIONS,
            "random": (self._draw, "<n?:n>"),
            "uuid": (self._uuid, "<:s>"),
            "now": (self._now_text, "<s?s?:s>"),
            "millis": (lambda: self._evaluation.millis, "<:n>"),
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
        document = None if names is None else {name: bindings[name] for name in names if name in bindings} or None
        bound = dict(bindings) if names is None else None
        given = _Given(document, bound, EVALUATION_TIMEOUT_SECONDS if seconds is None else seconds, lets_others_run)
        self._evaluation.millis = int(self._now() * 1000)
        try:
            value, is_defined = self._value(compiled, given)
        except jlens.JlensError as error:
            if error.code == _TIMEOUT_CODE and seconds is not None:
                raise SlowExpressionError(source) from error
            if error.code in _LIMITS:
                raise _limit_exceeded(error.code) from error
            raise JsonataError(error.code, str(error)) from error
        except RecursionError as error:
            raise _limit_exceeded(_DEPTH_CODE) from error
        if not is_defined:
            self._raise_for_no_value(compiled, given)
        return value

    def evaluate_on(self, source: str, document: Any) -> Any:
        """The value of an expression whose context is a document, as it is written in JSONata itself; None where that is
        undefined. Raises JsonataError.
        """
        self._evaluation.millis = int(self._now() * 1000)
        given = _Given(document, None, EVALUATION_TIMEOUT_SECONDS, False)
        try:
            return _run(self._program(in_jlens_dialect(source)), given, None)[0]
        except jlens.JlensError as error:
            raise JsonataError(error.code, str(error)) from error

    def _value(self, compiled: CompiledExpression, given: _Given) -> tuple[Any, bool]:
        try:
            return _run(compiled.program, given, compiled.depth)
        except jlens.JlensError as error:
            if error.code != _DEPTH_CODE or not compiled.is_rewritten:
                raise
        # It was made deeper here. Whether it is too deep is to be asked of what AWS evaluates.
        _run(self._program(_assigning(compiled.reads, compiled.source)), given, compiled.depth)
        return _run(compiled.program, given, None)

    def _compile(self, source: str) -> CompiledExpression:
        """Compile an expression with the functions of Step Functions. Raises JsonataError for a syntax error."""
        try:
            reading = read_expression(source)
            rewritten = in_jlens_dialect(source)
            plain = self._program(rewritten)
        except JsonataSyntaxError as error:
            raise JsonataError("S0500", str(error)) from error
        except NestedTooDeepError as error:
            raise _limit_exceeded(_DEPTH_CODE) from error
        except jlens.JlensError as error:
            raise JsonataError(error.code, str(error)) from error
        reads = plain.reads()
        if reads.get("everyBinding") or reading.context_names or _CONTEXT_CALL.search(source):
            names = None
        else:
            names = tuple(name for name in reads["bindings"] if name not in self._functions)
        program = self._program(_assigning(names, rewritten)) if names else plain
        depth = EVALUATION_DEPTH + (_DEPTH_OF_ASSIGNMENTS if names else 0)
        return CompiledExpression(source, program, names, rewritten != source, depth)

    def _program(self, source: str) -> jlens.Expression:
        program = jlens.Expression(source)
        for name, (function, signature) in self._functions.items():
            # Each costs time in every evaluation, so it gets those that it may name.
            if f"${name}" in source:
                program.register_function(name, function, signature)
        return program

    def _raise_for_no_value(self, compiled: CompiledExpression, given: _Given) -> NoReturn:
        kind = None
        with contextlib.suppress(jlens.JlensError):
            probe = self._program(_assigning(compiled.reads, f"$type((\n{in_jlens_dialect(compiled.source)}\n))"))
            kind, _ = _run(probe, given, None)
        if kind == "function":
            raise UnsupportedResultError(compiled.source)
        raise UndefinedResultError(compiled.source)

    def _draw(self, seed: float | None = None) -> float:
        """`$random(seed?)`: a number n with 0 <= n < 1, the same for the same seed."""
        return self._random.random() if seed is None else java_random(int(seed))

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


# What these functions do with arguments that they cannot take was measured as the limits were. Arguments of a wrong type are
# refused by their signatures, numbers are cut to whole ones towards zero, and what is undefined arrives as None.


def _partition(values: Any = None, size: float | None = None) -> Any:
    """`$partition(array, size)`: consecutive chunks, the last one possibly shorter."""
    if values is None or values == []:
        return None
    if not isinstance(values, list):
        raise JsonataError("T0412", 'Argument 1 of function "partition" must be an array of undefined')
    width = len(values) if size is None else int(size)
    if width < 0:
        raise JsonataError("D3137", "Second argument must be zero or greater")
    return [values[start : start + width] for start in range(0, len(values), width)] if width else None


def _range(first: float | None = None, last: float | None = None, step: float | None = None) -> Any:
    """`$range(first, last, step)`: a sequence, so one element comes back bare, as AWS answers (recorded)."""
    for number, value in enumerate((first, last), 1):
        if value is None:
            raise JsonataError("T0410", f'Argument {number} of function "range" does not match function signature')
    assert first is not None
    assert last is not None
    delta = int(step or 0)
    if delta == 0:
        return None
    elements = range(int(first), int(last) + (1 if delta > 0 else -1), delta)
    if len(elements) > MAX_RANGE_ELEMENTS:
        raise _limit_exceeded(_MEMORY_CODE)
    return elements[0] if len(elements) == 1 else list(elements) or None


def _hash(data: str | None = None, algorithm: str | None = None) -> str | None:
    """`$hash(text, algorithm)`: the digest as lower-case hexadecimal digits."""
    if data is None:
        raise JsonataError("T0410", 'Argument 1 of function "hash" does not match function signature')
    if algorithm is None:
        return None
    if algorithm not in _HASHES:
        raise JsonataError("D3137", f"Hash algorithm '{algorithm}' must be one of {', '.join(_HASHES)}")
    return _HASHES[algorithm](data.encode()).hexdigest()


def _parse(text: str | None = None) -> Any:
    """`$parse(text)`: the JSON value that the text holds."""
    if text is None:
        return None
    try:
        return parsed(text, _with_names_once)
    except (ValueError, RecursionError) as error:
        raise JsonataError("D3137", "Invalid JSON") from error


def _with_names_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(fields)
    if len(value) < len(fields):
        raise ValueError("A name stands twice in an object.")
    return value


def _eval(*_arguments: Any) -> None:
    """Step Functions does not support `$eval` (AWS page "Transforming data with JSONata")."""
    raise JsonataError("T1006", "Attempted to invoke a non-function")


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


# With their signatures; a `$partition` that is given no array has an error of its own.
_FUNCTIONS: Final[dict[str, tuple[Callable[..., Any], str | None]]] = {
    "partition": (_partition, "<x?n?:x>"),
    "range": (_range, "<n?n?n?:x>"),
    "hash": (_hash, "<s?s?:s>"),
    "parse": (_parse, "<s?:x>"),
    "eval": (_eval, None),
    TEXT: (_text, None),
}

_SHARED: Final = Evaluator()


def evaluate(source: str, bindings: Mapping[str, Any]) -> Any:
    """Evaluate an expression on the machine's own clock, as `Evaluator.evaluate` does."""
    return _SHARED.evaluate(source, bindings)
