"""First stage of parsing: every step checked on its own and its id declared, so that the second stage can resolve names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any, Final, Literal

from workflow_engine.language.advice import step_type_advice
from workflow_engine.language.catalogue import StepCatalogue, StepTypeSpec
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import (
    CaseDocument,
    Checked,
    LoopConfig,
    MapConfig,
    StepDocument,
    SwitchConfig,
    check_fields,
)
from workflow_engine.language.findings import Findings, quoted
from workflow_engine.language.scopes import StepIndex
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import with_advice

MAX_CONTAINER_NESTING: Final = 5
MAX_STEPS: Final = 10_000  # a definition has at most 1 MB, and the state of a step takes more than 100 bytes of it

ContainerKind = Literal["map", "loop", "switch"]
_CONTAINERS: Final[dict[str, ContainerKind]] = {"map": "map", "loop": "loop", "switch": "switch"}


@dataclass(frozen=True, slots=True)
class DraftCase:
    """A case of a switch; `condition` is not read yet."""

    condition: Json
    condition_pointer: str
    steps: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class DraftContainer:
    """A container whose fields are checked. `steps` is the body of a map or loop, the default of a switch."""

    config: MapConfig | LoopConfig | SwitchConfig
    failed: frozenset[str]
    steps: tuple[Draft, ...]
    cases: tuple[DraftCase, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A step whose fields are checked and whose texts are not read yet. `failed` fields have been reported."""

    fields: StepDocument
    failed: frozenset[str]
    pointer: str
    spec: StepTypeSpec | None
    config: dict[str, Json] = field(default_factory=dict)
    sent_as_parameters: frozenset[str] = frozenset()
    container: DraftContainer | None = None
    compensate: tuple[Draft, ...] = ()

    @property
    def step_id(self) -> str:
        """The id, "" where it is of a wrong form."""
        return self.fields.step_id or ""

    def config_pointer(self, name: str | None) -> str:
        """Where a top-level field of the configuration was sent; for None where the configuration itself was, if at all."""
        if name is not None and name in self.config:
            return self.pointer + pointer("parameters" if name in self.sent_as_parameters else "config", name)
        if self.fields.config is not None:
            return self.pointer + "/config"
        return self.pointer + ("/parameters" if self.fields.parameters is not None else "")


@dataclass(frozen=True, slots=True)
class Around:
    """Where a body of steps stands: the containers around it, the outermost first, and whether it runs only when the run fails.

    `undone_by` is the outermost container around it whose steps are undone only as one: all but a switch that is critical.
    """

    containers: tuple[str, ...] = ()
    after_failure: bool = False
    undone_by: str | None = None

    def inside(self, kind: ContainerKind, draft: Draft) -> Around:
        """Inside of a container that stands here."""
        tolerated = draft.fields.critical is False or draft.fields.on_error == "continue"
        closes = kind != "switch" or tolerated
        undone_by = draft.step_id if self.undone_by is None and closes else self.undone_by
        return Around((*self.containers, draft.step_id), self.after_failure, undone_by)


class Drafter:
    """Makes drafts of raw steps and declares their ids in `index`."""

    def __init__(self, catalogue: StepCatalogue, index: StepIndex, findings: Findings) -> None:
        self._catalogue = catalogue
        self._index = index
        self._findings = findings
        self._steps_left = MAX_STEPS

    def drafts(self, raw: Sequence[Json], place: str, around: Around) -> tuple[Draft, ...]:
        """Drafts of a list of steps at pointer `place`, within these containers. What is no object is left out."""
        if 0 <= self._steps_left < len(raw):
            detail = f"A workflow has at most {MAX_STEPS:,} steps, since a definition has at most 1 MB. Split it."
            self._findings.add("WFE-E500", place, detail)
        self._steps_left -= len(raw)
        if self._steps_left < 0:
            return ()
        made = (self._draft(step, place + pointer(i), around) for i, step in enumerate(raw))
        return tuple(draft for draft in made if draft is not None)

    def _draft(self, raw: Json, place: str, around: Around) -> Draft | None:
        checked = check_fields(StepDocument, raw, place, self._findings, self._fields_of_config(raw))
        if checked is None:
            return None
        fields = checked.fields
        if fields.step_id:
            self._index.declare(fields.step_id, place, around.containers, self._findings)
            if around.after_failure:
                self._index.after_failure.add(fields.step_id)
        config = {**(fields.parameters or {}), **(fields.config or {})}
        draft = Draft(
            fields,
            checked.failed,
            place,
            spec=self._spec(fields, place),
            config=config,
            sent_as_parameters=frozenset(config) - frozenset(fields.config or {}),
            compensate=self._compensate(fields, place, around),
        )
        kind = _CONTAINERS.get(draft.spec.name) if draft.spec is not None else None
        if kind is None or "config" in checked.failed or "parameters" in checked.failed:
            return draft
        return replace(draft, container=self._container(kind, draft, around))

    def _compensate(self, fields: StepDocument, place: str, around: Around) -> tuple[Draft, ...]:
        """The steps that undo this one. Where they could not run, that is reported, too."""
        if not fields.compensate:
            return ()
        place += "/compensate"
        if around.after_failure:
            self._findings.add("WFE-E406", place, "What runs when the run fails is not undone itself. Remove it.")
        elif around.undone_by is not None:
            detail = (
                f"What a step inside '{around.undone_by}' did cannot be undone by itself: what that holds may have run many times, "
                f"or may fail as a whole. Put 'compensate' on '{around.undone_by}'; its steps read what that gave."
            )
            self._findings.add("WFE-E406", place, detail)
        return self.drafts(fields.compensate, place, Around(after_failure=True))

    def _fields_of_config(self, raw: Json) -> dict[str, str]:
        """Advice for fields that were written beside `config` and belong into it, by the schema of the step type."""
        step_type = raw.get("step_type") if isinstance(raw, dict) else None
        spec = self._catalogue.find(step_type) if isinstance(step_type, str) else None
        properties = spec.config_schema.get("properties") if spec is not None else None
        if not isinstance(properties, dict) or not raw.keys() & properties.keys():
            return {}
        return dict.fromkeys(raw.keys() & properties.keys(), " It belongs into the step's 'config'.")

    def _spec(self, fields: StepDocument, place: str) -> StepTypeSpec | None:
        """The step type; None if there is none that can run, which is reported."""
        if not fields.step_type:
            return None
        spec = self._catalogue.find(fields.step_type)
        if spec is None:
            self._findings.add("WFE-E400", place + "/step_type", self._no_step_type(fields.step_type))
            return None
        if not spec.available:
            detail = f"The step type '{spec.name}' is known, but not available in this version."
            self._findings.add("WFE-E401", place + "/step_type", detail)
            return None
        return spec

    def _no_step_type(self, step_type: str) -> str:
        name, at, version = step_type.partition("@")
        if at and self._catalogue.find(name) is not None:
            return (
                f"Step type '{name}' has no version {quoted(version)}. A version is written {name}@3; GET /steps/{name}/versions "
                "lists those of a registered type, and a built-in type has none."
            )
        near = step_type_advice(step_type) or self._findings.suggest(step_type, list(self._catalogue.names()))
        return with_advice(f"There is no step type {quoted(step_type)}.", near or " GET /steps lists those there are.")

    def _container(self, kind: ContainerKind, draft: Draft, around: Around) -> DraftContainer | None:
        if len(around.containers) >= MAX_CONTAINER_NESTING:
            limit = f"Containers are nested at most {MAX_CONTAINER_NESTING} deep."
            detail = f"{limit} Move the inner ones into a workflow of their own."
            self._findings.add("WFE-E503", draft.pointer, detail)
            return None
        inside = around.inside(kind, draft)
        match kind:
            case "map":
                return self._single_body(MapConfig, draft, inside)
            case "loop":
                return self._single_body(LoopConfig, draft, inside)
            case "switch":
                return self._switch(draft, inside)

    def _single_body(
        self, model: type[MapConfig] | type[LoopConfig], draft: Draft, inside: Around
    ) -> DraftContainer | None:
        checked: Checked[Any] | None = _check_config(model, draft, self._findings)
        if checked is None:
            return None
        steps = self.drafts(checked.fields.steps, draft.config_pointer("steps"), inside)
        return DraftContainer(checked.fields, checked.failed, steps)

    def _switch(self, draft: Draft, inside: Around) -> DraftContainer | None:
        checked = _check_config(SwitchConfig, draft, self._findings)
        if checked is None:
            return None
        cases: list[DraftCase] = []
        for i, raw in enumerate(checked.fields.cases):
            place = draft.config_pointer("cases") + pointer(i)
            case = check_fields(CaseDocument, raw, place, self._findings)
            if case is not None:
                steps = self.drafts(case.fields.steps, place + "/steps", inside)
                condition = None if "when" in case.failed else case.fields.when
                self._check_when(case, place)
                cases.append(DraftCase(condition, place + "/when", steps))
        default = self.drafts(checked.fields.default or (), draft.config_pointer("default"), inside)
        return DraftContainer(checked.fields, checked.failed, default, tuple(cases))

    def _check_when(self, case: Checked[CaseDocument], place: str) -> None:
        if "when" not in case.failed and case.fields.when in (None, []):
            detail = "A case needs a condition. Steps for all other cases go into 'default'."
            self._findings.add("WFE-E300", place + "/when", detail)


def _check_config(model: type[Any], draft: Draft, findings: Findings) -> Checked[Any] | None:
    """Check a container's configuration, each finding at the place (config or parameters) where its field was sent."""
    apart = Findings()
    checked = check_fields(model, draft.config, "", apart)
    for found in apart.in_document_order(draft.config):
        name, _, rest = found.pointer[1:].partition("/")
        unescaped = name.replace("~1", "/").replace("~0", "~")
        place = draft.config_pointer(unescaped if name else None) + (f"/{rest}" if rest else "")
        findings.add(found.code, place, found.detail)
    return checked
