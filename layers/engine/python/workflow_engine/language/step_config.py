"""The configuration of a step against the JSON Schema of its step type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from workflow_engine.json_schema import CannotApplyError, Misfit, SchemaValidator, UnusableSchemaError, surplus_fields
from workflow_engine.language.catalogue import StepTypeSpec
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.findings import Findings, quoted, shown
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import with_advice

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
        self._validators: dict[str, SchemaValidator] = {}

    def check(self, spec: StepTypeSpec, config: Mapping[str, Json], place_of: Callable[[str | None], str]) -> None:
        """Report every misfit (WFE-E402). `place_of` gives the pointer of a top-level field, of None that of all."""
        found: dict[tuple[str, str], None] = {}
        try:
            for misfit in self._validator(spec).misfits(dict(config)):
                found.update(dict.fromkeys(self._sentences(misfit, Wording.of_step_type(spec.name), place_of)))
            for path, detail in spec.examine(config) if not found else ():
                found[place_of(str(path[0])) + pointer(*path[1:]), detail] = None
        except UnusableSchemaError as error:
            where = pointer(*error.problem.path) or "its top level"
            detail = f"The schema of step type '{spec.name}' cannot be applied, see {where} of it: {error}"
            found[place_of(None), f"{detail} Register the step type again."] = None
        except CannotApplyError as error:
            found[place_of(None), f"The schema of step type '{spec.name}' cannot be applied to this: {error}"] = None
        for place, detail in found:
            self._findings.add("WFE-E402", place, detail)

    def check_document(self, wording: Wording, schema: Mapping[str, Any], document: Mapping[str, Json]) -> None:
        """Report every misfit of a whole document (WFE-E402), pointers from its root."""
        found: dict[tuple[str, str], None] = {}
        try:
            for misfit in SchemaValidator(schema).misfits(dict(document)):
                found.update(
                    dict.fromkeys(self._sentences(misfit, wording, lambda name: "" if name is None else pointer(name)))
                )
        except CannotApplyError as error:
            found["", str(error)] = None
        for place, detail in found:
            self._findings.add("WFE-E402", place, detail)

    def _validator(self, spec: StepTypeSpec) -> SchemaValidator:
        validator = self._validators.get(spec.name)
        if validator is None:
            validator = self._validators[spec.name] = SchemaValidator(spec.config_schema)
        return validator

    def _sentences(
        self, misfit: Misfit, wording: Wording, place_of: Callable[[str | None], str]
    ) -> Iterator[tuple[str, str]]:
        """Place and sentence of each finding that a misfit stands for."""
        path = misfit.path
        place = place_of(str(path[0])) + pointer(*path[1:]) if path else place_of(None)
        name = quoted(".".join(str(p) for p in path)) if path else f"The {wording.whole}"
        rule, value = misfit.rule, misfit.value
        match misfit.keyword:
            case "additionalProperties" if rule is False:
                for unknown, advice in self._unknown_fields(value, misfit.schema):
                    where = place + pointer(unknown) if path else place_of(unknown)
                    yield where, with_advice(f"{wording.subject} has no {wording.field} {quoted(unknown)}.", advice)
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
                detail = with_advice(
                    f"{name} must be one of {', '.join(shown(r) for r in rule)}, not {shown(value)}.", near
                )
            case "anyOf" if all(isinstance(r, dict) and r.keys() == {"required"} for r in rule):
                either = " or ".join(quoted(field) for r in rule for field in r["required"])
                detail = f"{wording.subject} needs {either} in {name if path else f'its {wording.whole}'}."
            case _:
                detail = f"{name} is {shown(value)}, which does not fit {wording.schema}: {_rule(misfit)}."
        yield place, detail

    def _unknown_fields(self, value: dict[str, Json], schema: Any) -> Iterator[tuple[str, str]]:
        """The fields that a closed object must not have, each with advice."""
        known = list(schema.get("properties", {}))
        for name in surplus_fields(value, schema):
            yield name, self._findings.suggest(name, known, "key") or " Remove it."


def _rule(misfit: Misfit) -> str:
    """The broken rule of a schema, such as `minimum: 0`; in the schema's own words where it has some for the rule."""
    rule, schema = misfit.rule, misfit.schema
    if misfit.keyword == "not" and isinstance(rule, dict) and "description" in rule:
        return str(rule["description"])
    if misfit.keyword in ("anyOf", "oneOf", "pattern") and isinstance(schema, dict) and "description" in schema:
        return str(schema["description"]).removesuffix(".")
    return f"{misfit.keyword}: {shown(rule)}" if not isinstance(rule, dict | list) else str(misfit.keyword)
