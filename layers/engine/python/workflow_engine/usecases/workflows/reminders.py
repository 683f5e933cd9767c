"""The steps that a workflow names to remind of its decisions: looked up and checked as its own steps are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.language.diagnostics import Diagnostic, Json, pointer
from workflow_engine.language.findings import Findings, quoted
from workflow_engine.language.step_config import ConfigChecker
from workflow_engine.language.walk import walk_steps
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from workflow_engine.steps import Catalogue

APPROVAL: Final = "human_approval"
_FIELDS: Final = ("parameters", "config")  # the latter wins, as where configurations are read


@dataclass(frozen=True, slots=True)
class NamedReminder:
    """What is to send reminders, and the pointer of the field `reminder` that says so."""

    step_type: str
    config: Json
    pointer: str


def reminders_in(document: Json) -> Iterator[NamedReminder]:
    """The reminders of a document, which may be any JSON; those that cannot be read are left to the checks of configurations."""
    for place, step in walk_steps(document):
        if step.get("step_type") != APPROVAL:
            continue
        given: dict[str, Any] = {}
        for name in _FIELDS:
            config = step.get(name)
            if isinstance(config, Mapping) and "reminder" in config:
                given = {"value": config["reminder"], "pointer": place + pointer(name, "reminder")}
        rule = given.get("value")
        if isinstance(rule, Mapping) and isinstance(rule.get("step_type"), str):
            yield NamedReminder(rule["step_type"], rule.get("config", {}), given["pointer"])


def check_reminders(document: Json, catalogue: Catalogue) -> tuple[Diagnostic, ...]:
    """An error for each reminder that no registered step type can send, and for what does not fit in its configuration."""
    findings = Findings()
    checker = ConfigChecker(findings)
    for reminder in reminders_in(document):
        spec = catalogue.find(reminder.step_type)
        where = reminder.pointer + pointer("step_type")
        if spec is None:
            detail = f"There is no step type {quoted(reminder.step_type)}. GET /steps?kind=registered lists those that can remind."
            findings.add("WFE-E400", where, detail)
        elif spec.kind == "builtin":
            detail = f"{quoted(reminder.step_type)} is a built-in step type. Reminders are sent by a registered one."
            findings.add("WFE-E402", where, detail)
        elif isinstance(reminder.config, Mapping):
            checker.check(spec, reminder.config, partial(_place, reminder.pointer + pointer("config")))
    return findings.in_document_order(document)


def _place(config: str, name: str | None) -> str:
    return config if name is None else config + pointer(name)
