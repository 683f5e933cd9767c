"""JSON Schemas of clients: checked when they are saved, applied without trust in them.

    schema_problem({"$ref": "#/nope"})                  # SchemaProblem(path=("$ref",), detail="The reference ...")
    SchemaValidator(schema).misfits({"age": -1})        # (Misfit(path=("age",), keyword="minimum", ...),)

The only module that knows `jsonschema`. Schemas are read as draft 2020-12. A schema is never handed over as it came, but as
`json_schema_flattening` makes it. Applying it is bounded: patterns are matched in linear time (`linear_patterns`), repeated
elements are found by hash, and each keyword that is looked at is counted, since references can multiply (`MAX_WORK`).

The verdict falls when a schema is saved (`schema_problem`). Schemas that were saved under older rules, and those of MCP
servers, may still raise `UnusableSchemaError` when a validator is made of them; the caller decides what that means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import field
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from workflow_engine.ecma_patterns import PatternError
from workflow_engine.json_schema_fits import verdict
from workflow_engine.json_schema_flattening import (
    CannotApplyError,
    Path,
    SchemaProblem,
    UnusableSchemaError,
    check_size,
    flattened,
    unusable,
)
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.linear_patterns import linear

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

__all__ = [
    "CannotApplyError",
    "Misfit",
    "Path",
    "SchemaProblem",
    "SchemaValidator",
    "UnusableSchemaError",
    "schema_problem",
    "surplus_fields",
]

MAX_WORK: Final = 1_000_000
"""Keywords looked at in one check, about three microseconds each; long lists, patterns and messages count as more."""
MAX_MISFITS: Final = 100

_MAX_MESSAGE_CHARACTERS: Final = 2_000
_ERROR_WORK: Final = 4
"""What a rule that is broken counts as: errors are objects, and carried through everything around them."""
_PATTERN_WORK: Final = 2_000
"""Instructions times bytes that count as one keyword: RE2's worst case, which is rare."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A part of a value that breaks a rule of its schema.

    `path` leads to the part, `value` is the part; `keyword` and `rule` are the broken rule (None for the schema `false`),
    `schema` the schema around it; `message` says it in the words of `jsonschema`, beginning with the value, cut when long.
    """

    path: Path
    keyword: str | None
    rule: Any
    value: Any
    schema: Any
    message: str


def schema_problem(schema: object) -> SchemaProblem | None:
    """The first reason why a JSON value is no JSON Schema (2020-12) that stands by itself; None if it is one."""
    try:
        check_size(schema)
        _check_by_metaschema(schema)
        flattened(schema, strict=True)
    except UnusableSchemaError as error:
        return error.problem
    return None


class SchemaValidator:
    """A schema, ready to be applied."""

    def __init__(self, schema: object) -> None:
        """Raises UnusableSchemaError."""
        self._schema = flattened(schema, strict=False)

    def misfits(self, value: object, limit: int = MAX_MISFITS) -> tuple[Misfit, ...]:
        """The first misfits, none for a value that fits. Of alternatives (anyOf, oneOf) that which fits best is told: it
        says more than that none of them does. Raises CannotApplyError.
        """
        if verdict(self._schema, value):
            return ()
        validator = _make_validator()(self._schema)
        token = _RUN.set(_Run(self._schema))
        try:
            return tuple(_misfit(error) for error in islice(validator.iter_errors(value), limit))
        except CannotApplyError:
            raise
        except RecursionError:
            raise CannotApplyError("Lists or objects are nested too deeply to be checked with the schema.") from None
        except Exception as error:
            # Keywords of the wrong type, which only schemas have that were not checked when they were saved.
            raise CannotApplyError(f"The schema cannot be applied ({type(error).__name__}).") from error
        finally:
            _RUN.reset(token)


def surplus_fields(value: Mapping[str, object], schema: Mapping[str, Any]) -> list[str]:
    """The fields that neither `properties` nor `patternProperties` of a schema name, in order. Raises CannotApplyError."""
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    return [name for name in value if name not in known and not any(_matches(pattern, name) for pattern in patterns)]


def _check_by_metaschema(schema: object) -> None:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import SchemaError

    try:
        # Without formats: the only ones that matter are those of patterns and references, which `_Flattening` checks.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))  # type: ignore[arg-type]  # JSON of a client
    except SchemaError as error:
        rule = (
            error.validator if error.validator != "type" else f"{error.validator}: {_shown_type(error.validator_value)}"
        )
        raise unusable(
            tuple(error.absolute_path), f"The value is not a valid JSON Schema of draft 2020-12, by its rule '{rule}'."
        ) from None
    except RecursionError:
        raise unusable((), "The value is nested too deeply to be read as a JSON Schema.") from None


def _shown_type(wanted: object) -> str:
    return " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)


@dataclass(slots=True)
class _Run:
    """What one check has left to spend, and the schema that it applies."""

    schema: Any
    left: int = field(default=MAX_WORK)


_RUN: Final[ContextVar[_Run]] = ContextVar("schema_check")

Keyword: TypeAlias = Callable[[Any, Any, Any, Any], "Iterable[ValidationError] | None"]
"""`(validator, rule, value, schema) -> errors`, as `jsonschema` calls what applies a keyword."""


def _spend(work: int) -> None:
    run = _RUN.get()
    run.left -= work
    if run.left < 0:
        raise CannotApplyError("Checking the value with the schema takes too long. Simplify the schema, or send less.")


def _counted(keyword: Keyword) -> Keyword:
    def applied(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        _spend(1 + (len(rule) // 10 if isinstance(rule, list | dict) else 0))
        for error in keyword(validator, rule, value, schema) or ():
            _spend(_ERROR_WORK + len(error.message) // 100)
            error.message = _cut(error.message)
            yield error

    return applied


def _cut(message: str) -> str:
    """Without the middle: a message begins with the wrong value and ends with what is wrong with it."""
    if len(message) <= _MAX_MESSAGE_CHARACTERS:
        return message
    return f"{message[: _MAX_MESSAGE_CHARACTERS // 2]} ... {message[-_MAX_MESSAGE_CHARACTERS // 2 :]}"


def _matches(pattern: str, text: str) -> bool:
    try:
        compiled = linear(pattern)
    except PatternError as error:
        raise CannotApplyError(str(error)) from None
    if _RUN.get(None) is not None:
        _spend(compiled.instructions * len(text) // _PATTERN_WORK)
    return compiled.search(text)


def _reference(validator: Any, reference: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """Flat schemas refer to their own `$defs` only; looking that up as an address would take five times as long."""
    yield from validator.descend(value, _definition(reference))


def _definition(reference: str) -> Any:
    return _RUN.get().schema["$defs"][reference.removeprefix("#/$defs/")]


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not _matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for pattern, schema in patterns.items():
            for name, inner in value.items():
                if _matches(pattern, name):
                    yield from validator.descend(inner, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not isinstance(value, dict):
        return
    surplus = surplus_fields(value, schema)
    if isinstance(rule, dict):
        for name in surplus:
            yield from validator.descend(value[name], rule, path=name)
    elif rule is False and surplus:
        named = ", ".join(map(repr, surplus))
        yield ValidationError(
            f"Additional properties are not allowed ({named} {'was' if len(surplus) == 1 else 'were'} unexpected)"
        )


def _unevaluated_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not isinstance(value, dict):
        return
    evaluated = _evaluated(validator, value, {k: v for k, v in schema.items() if k != "unevaluatedProperties"})
    wrong = [n for n in value if n not in evaluated and not validator.evolve(schema=rule).is_valid(value[n])]
    if wrong:
        named = ", ".join(map(repr, wrong))
        yield ValidationError(
            f"Unevaluated properties are not allowed ({named} {'was' if len(wrong) == 1 else 'were'} unexpected)"
        )


def _evaluated(validator: Any, value: dict[str, Any], schema: Any) -> set[str]:
    """Names that a schema judges, itself or by what it refers to and what applies ("Keywords for Applying Subschemas")."""
    _spend(1)
    if isinstance(schema, bool):
        return set()
    if "additionalProperties" in schema or "unevaluatedProperties" in schema:
        return set(value)
    names = set(value) - set(surplus_fields(value, schema))
    if "$ref" in schema:
        names |= _evaluated(validator, value, _definition(schema["$ref"]))
    inner = [i for keyword in ("allOf", "anyOf", "oneOf") for i in schema.get(keyword, ())]
    inner += [i for name, i in schema.get("dependentSchemas", {}).items() if name in value]
    if "if" in schema:
        holds = validator.evolve(schema=schema["if"]).is_valid(value)
        inner += [schema["if"], schema.get("then", True)] if holds else [schema.get("else", True)]
    for applied in inner:
        if validator.evolve(schema=applied).is_valid(value):
            names |= _evaluated(validator, value, applied)
    return names


def _unique_items(_validator: Any, rule: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if rule and isinstance(value, list) and len(set(map(_identity, value))) < len(value):
        yield ValidationError(f"{value!r} has non-unique elements")


def _identity(value: Any) -> Any:
    """Equal for equal JSON values: 1 is 1.0, but not true."""
    match value:
        case bool():
            return "boolean", value
        case list():
            return "array", tuple(map(_identity, value))
        case dict():
            return "object", frozenset((name, _identity(inner)) for name, inner in value.items())
        case _:
            return value


@cache
def _make_validator() -> Callable[[Any], Any]:
    """`schema -> validator` of `jsonschema`, with our keywords and formats and nothing to look references up in."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import extend
    from referencing import Registry

    from workflow_engine.json_formats import FORMATS

    formats = FormatChecker(formats=())
    for name, is_valid in FORMATS.items():
        formats.checks(name)(lambda value, is_valid=is_valid: not isinstance(value, str) or is_valid(value))
    own: Mapping[str, Keyword] = {
        "$ref": _reference,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
        "uniqueItems": _unique_items,
    }
    theirs: Mapping[str, Any] = Draft202012Validator.VALIDATORS
    keywords = {name: _counted(own.get(name) or theirs[name]) for name in theirs}
    validator: Any = extend(Draft202012Validator, validators=keywords)  # type: ignore[no-untyped-call]  # so in the stubs
    return lambda schema: validator(schema, format_checker=formats, registry=Registry())


def _misfit(error: ValidationError) -> Misfit:
    from jsonschema.exceptions import best_match

    best: Any = best_match([error])
    return Misfit(
        path=tuple(best.absolute_path),
        keyword=best.validator,
        rule=best.validator_value,
        value=best.instance,
        schema=best.schema,
        message=best.message,
    )
