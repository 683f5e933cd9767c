"""The configuration of a step against the JSON Schema of its step type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from workflow_engine.language.catalogue import StepTypeSpec
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.findings import Findings, quoted, shown

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

_TYPE_NAMES: Final = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """How findings speak of what is checked: `subject` has `field`s, `whole` is all of it, `schema` is what it should fit."""

    subject: str
    field: str
    whole: str
    schema: str

    @classmethod
    def of_step_type(cls, name: str) -> Wording:
        """For the configuration of a step."""
        return cls(f"Step type '{name}'", "configuration field", "configuration", f"the schema of step type '{name}'")


class ConfigChecker:
    """Checks configurations. Validators are made once per step type, and only when a configuration is checked."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._validators: dict[str, Draft202012Validator] = {}

    def check(self, spec: StepTypeSpec, config: Mapping[str, Json], place_of: Callable[[str | None], str]) -> None:
        """Report every misfit (WFE-E402). `place_of` gives the pointer of a top-level field, of None that of all."""
        found: dict[tuple[str, str], None] = {}
        try:
            for error in self._errors(spec, config):
                found.update(dict.fromkeys(self._misfits(error, Wording.of_step_type(spec.name), place_of)))
            for path, detail in spec.examine(config) if not found else ():
                found[place_of(path[0]) + pointer(*path[1:]), detail] = None
        except Exception:
            # A schema that a client registered may fail in any way while it is applied.
            detail = f"The schema of step type '{spec.name}' cannot be applied to this. Register the step type again."
            found[place_of(None), detail] = None
        for place, detail in found:
            self._findings.add("WFE-E402", place, detail)

    def check_document(self, wording: Wording, schema: Mapping[str, Any], document: Mapping[str, Json]) -> None:
        """Report every misfit of a whole document (WFE-E402), pointers from its root."""
        found: dict[tuple[str, str], None] = {}
        for error in _fitting_best(_validator(schema), document):
            found.update(
                dict.fromkeys(self._misfits(error, wording, lambda name: "" if name is None else pointer(name)))
            )
        for place, detail in found:
            self._findings.add("WFE-E402", place, detail)

    def _errors(self, spec: StepTypeSpec, config: Mapping[str, Json]) -> Iterator[ValidationError]:
        validator = self._validators.get(spec.name)
        if validator is None:
            validator = self._validators[spec.name] = _validator(spec.config_schema)
        return _fitting_best(validator, config)

    def _misfits(
        self, error: ValidationError, wording: Wording, place_of: Callable[[str | None], str]
    ) -> Iterator[tuple[str, str]]:
        """Place and sentence of each finding that an error stands for."""
        path = list(error.absolute_path)
        place = place_of(str(path[0])) + pointer(*path[1:]) if path else place_of(None)
        name = quoted(".".join(str(p) for p in path)) if path else f"The {wording.whole}"
        rule: Any = error.validator_value
        value: Any = error.instance
        match error.validator:
            case "additionalProperties" if rule is False:
                for unknown, advice in self._unknown_fields(value, error.schema):
                    where = place + pointer(unknown) if path else place_of(unknown)
                    yield where, f"{wording.subject} has no {wording.field} {quoted(unknown)}.{advice}"
                return
            case "required":
                missing = ", ".join(quoted(field) for field in rule if field not in value)
                detail = f"{wording.subject} needs {missing} in {name if path else f'its {wording.whole}'}."
            case "type":
                wanted = " or ".join(
                    _TYPE_NAMES.get(str(w), str(w)) for w in (rule if isinstance(rule, list) else [rule])
                )
                detail = f"{name} must be {wanted}, not {shown(value)}."
            case "enum":
                near = (
                    self._findings.suggest(value, [r for r in rule if isinstance(r, str)]) if type(value) is str else ""
                )
                detail = f"{name} must be one of {', '.join(shown(r) for r in rule)}, not {shown(value)}.{near}"
            case "anyOf" if all(isinstance(r, dict) and r.keys() == {"required"} for r in rule):
                either = " or ".join(quoted(field) for r in rule for field in r["required"])
                detail = f"{wording.subject} needs {either} in {name if path else f'its {wording.whole}'}."
            case _:
                misfit = f"{name} is {shown(value)}, which does not fit {wording.schema}"
                detail = f"{misfit}: {_rule(error)}."
        yield place, detail

    def _unknown_fields(self, value: dict[str, Json], schema: Any) -> Iterator[tuple[str, str]]:
        """The fields that a closed object must not have, each with advice."""
        known = list(schema.get("properties", {}))
        patterns = list(schema.get("patternProperties", {}))
        for name in value:
            if name not in known and not any(re.search(pattern, name) for pattern in patterns):
                yield name, self._findings.suggest(name, known) or " Remove it."


def _fitting_best(validator: Draft202012Validator, document: Mapping[str, Json]) -> Iterator[ValidationError]:
    """The errors; of alternatives (anyOf, oneOf) the one that fits best tells more than "none of them fits"."""
    from jsonschema.exceptions import best_match

    for error in validator.iter_errors(dict(document)):
        yield cast("ValidationError", best_match([error]))


def _rule(error: ValidationError) -> str:
    """The broken rule of a schema, such as `minimum: 0`; in the schema's own words where it has some for the rule."""
    value = error.validator_value
    if error.validator == "not" and isinstance(value, dict) and "description" in value:
        return str(value["description"])
    if error.validator in ("anyOf", "oneOf") and isinstance(error.schema, dict) and "description" in error.schema:
        return str(error.schema["description"]).removesuffix(".")
    if error.validator == "pattern" and isinstance(error.schema, dict) and "description" in error.schema:
        return str(error.schema["description"]).removesuffix(".")
    return f"{error.validator}: {shown(value)}" if not isinstance(value, dict | list) else str(error.validator)


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry: a reference to a schema elsewhere must not make this process fetch an address of the client's.
    return Draft202012Validator(dict(schema), registry=Registry())


MAX_SCHEMA_VALUES: Final = 2_000
"""Checking a schema against the schema of schemas takes about a millisecond for ten values."""


def schema_problem(schema: Json) -> str | None:
    """Why a JSON value is no JSON Schema (2020-12) that stands by itself, as a sentence; None if it is one."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    stack: list[Json] = [schema]
    seen = 0
    while stack:
        node = stack.pop()
        seen += 1
        if seen + len(stack) > MAX_SCHEMA_VALUES:
            return f"A schema has at most {MAX_SCHEMA_VALUES:,} values."
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str) and not node["$ref"].startswith("#"):
                outside = f"The reference {quoted(node['$ref'])} leads out of the schema."
                return f"{outside} Only references that begin with # are followed."
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = pointer(*error.absolute_path)
        return (
            f"The value is no JSON Schema of draft 2020-12: see {place or 'its top level'}, rule '{error.validator}'."
        )
    except Exception:
        # Patterns and nesting of a hostile schema fail in ways that the library does not wrap.
        return "The value cannot be read as a JSON Schema of draft 2020-12."
    return None
