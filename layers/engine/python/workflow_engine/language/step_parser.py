"""Second stage of parsing: a draft and the scope it stands in -> `Step`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from workflow_engine.language.catalogue import StepTypeSpec
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import LoopConfig, MapConfig, StepDocument, SwitchConfig
from workflow_engine.language.drafts import Draft, DraftContainer
from workflow_engine.language.findings import Findings
from workflow_engine.language.lookalikes import texts_in
from workflow_engine.language.notes import Notes, PlacedReference
from workflow_engine.language.reader import Reader
from workflow_engine.language.scopes import Items, Scope, StepIndex, unknown_dependency
from workflow_engine.language.step_config import ConfigChecker
from workflow_engine.language.syntax import (
    Body,
    Condition,
    ForEach,
    LiteralValue,
    LoopBody,
    MapBody,
    Reference,
    RetryPolicy,
    ScopeReference,
    Source,
    Step,
    StepReference,
    SwitchBody,
    SwitchCase,
    Template,
    Truthy,
)

DEFAULT_RETRY_DELAY_SECONDS = 1
DEFAULT_MAX_RETRY_DELAY_SECONDS = 60

# Stand-ins where a finding was reported and the Step, with gaps, is only made so that the next finding can be looked
# for.
_NO_CONDITION: Condition = Truthy(LiteralValue(None))
_NO_REFERENCE: Reference = ScopeReference("input")

_NOT_ON_CONTAINERS = {
    "for_each": "is not supported on a container. Put the container's steps into a 'map'.",
    "input_mapping": "is not supported on a container: the steps inside read what they need by themselves.",
    "timeout_seconds": "is not supported on a container: Step Functions limits tasks. Set it on the steps inside.",
    "max_retries": "is not supported on a container. Set it on the steps inside.",
}


class StepParser:
    """Parses drafts. Shares one index, one collector and one set of schema validators for the whole workflow."""

    def __init__(self, index: StepIndex, notes: Notes, findings: Findings) -> None:
        self._index = index
        self._notes = notes
        self._findings = findings
        self._configs = ConfigChecker(findings)

    def steps(self, drafts: tuple[Draft, ...], scope: Scope) -> tuple[Step, ...]:
        """The steps of one body, in document order."""
        return tuple(self._step(draft, scope) for draft in drafts)

    def failure_steps(
        self, drafts: tuple[Draft, ...], scope: Scope, undone: str | None = None, for_each: ForEach | None = None
    ) -> tuple[Step, ...]:
        """Steps that run when the run has failed, in a scope of their own in `scope`: those that undo the step `undone`, which
        may have a `for_each`, or the workflow's `on_failure`. They are not critical: nothing is left to stop.
        """
        inner = Scope(frozenset(draft.step_id for draft in drafts), scope, after_failure=True)
        if for_each is None:
            return tuple(self._failure_step(draft, inner, undone) for draft in drafts)
        items = Items(for_each.items, scope)
        each = replace(inner, has_item=True, has_index=True, items=items, element_of=undone)
        completed = replace(for_each, max_items=None, completed_of=undone)
        for draft in drafts:
            self._check_undoes_elements(draft)
        return tuple(replace(self._failure_step(draft, each, undone), for_each=completed) for draft in drafts)

    def _check_undoes_elements(self, draft: Draft) -> None:
        """Report a step that cannot run once per element of another one's for_each (WFE-E406)."""
        problem = ""
        if draft.fields.for_each is not None:
            problem = "It runs once per element that has completed. Remove its 'for_each'; it reads 'item', 'index' and the step."
        elif draft.container is not None:
            problem = "It runs once per element that has completed, which a container cannot. Write its steps one beside the other."
        if problem:
            self._findings.add("WFE-E406", draft.pointer, f"This undoes the elements of a for_each. {problem}")

    def _failure_step(self, draft: Draft, scope: Scope, undone: str | None) -> Step:
        for name, wanted in (("critical", True), ("on_error", "fail")):
            if getattr(draft.fields, name) == wanted:
                detail = f"'{name}' has no effect on a step that runs when the run has failed: its own failure stops no other."
                self._findings.add("WFE-W405", draft.pointer + pointer(name), detail)
        step = replace(self._step(draft, scope, undone), critical=False)
        if undone is None or not _is_given_nothing(draft):
            return step
        return replace(step, input_mapping={undone: StepReference(undone, "output")})

    def _step(self, draft: Draft, scope: Scope, undone: str | None = None) -> Step:
        fields = draft.fields
        outer = self._reader(scope, draft.step_id)
        for_each = self._for_each(draft, outer)
        reader = replace(outer, scope=self._per_element(draft, scope, for_each))
        condition = reader.condition(fields.conditions, draft.pointer + "/conditions")
        self._check_templates(draft, reader)
        if draft.container is None and draft.spec is not None and not draft.failed & {"config", "parameters"}:
            self._configs.check(draft.spec, draft.config, draft.config_pointer)
            self._note_references_of_config(draft.spec, draft, scope)
        self._check_fields_that_fit(draft)
        self._check_fields_with_effect(draft, undone)
        return Step(
            step_id=draft.step_id,
            step_type=draft.spec.name if draft.spec is not None else fields.step_type,
            pointer=draft.pointer,
            dependencies=self._dependencies(draft, scope),
            input_mapping=reader.sources(fields.input_mapping, draft.pointer + "/input_mapping", expressions=True),
            config={} if draft.container is not None else draft.config,
            templates=self._templates(draft, reader),
            nested_templates=self._nested_templates(draft, reader),
            condition=condition,
            trigger_rule=fields.trigger_rule or "none_failed_min_one_success",
            critical=self._critical(draft),
            timeout_seconds=fields.timeout_seconds,
            retry=self._retry(draft),
            for_each=for_each,
            body=self._body(draft.container, draft, scope) if draft.container is not None else None,
            step_order=fields.step_order,
            estimated_seconds=fields.estimated_seconds,
            never_retried=fields.max_retries == 0 or fields.retry_strategy == "none",
            sent_as_parameters=draft.sent_as_parameters,
            compensate=self.failure_steps(
                draft.compensate, scope, draft.step_id, for_each and replace(for_each, ran_if=condition)
            ),
        )

    def _dependencies(self, draft: Draft, scope: Scope) -> tuple[str, ...]:
        """The explicit dependencies, each once."""
        for i, step_id in enumerate(draft.fields.dependencies or ()):
            place = draft.pointer + pointer("dependencies", i)
            if step_id == draft.step_id:
                self._findings.add("WFE-E203", place, f"The step '{step_id}' depends on itself. Remove the dependency.")
            elif step_id not in scope.steps:
                self._findings.add("WFE-E202", place, unknown_dependency(step_id, scope, self._index, self._findings))
        return tuple(dict.fromkeys(draft.fields.dependencies or ()))

    def _templates(self, draft: Draft, reader: Reader) -> dict[str, Template]:
        if draft.spec is None or draft.container is not None:
            return {}
        templates: dict[str, Template] = {}
        for name in draft.spec.template_fields:
            text = draft.config.get(name)
            if isinstance(text, str) and (template := reader.template(text, draft.config_pointer(name))) is not None:
                templates[name] = template
        return templates

    def _nested_templates(self, draft: Draft, reader: Reader) -> dict[str, Template]:
        if draft.spec is None or draft.container is not None:
            return {}
        templates: dict[str, Template] = {}
        for name in draft.spec.nested_template_fields:
            for text, place in texts_in(draft.config.get(name), pointer(name)):
                sent = draft.config_pointer(name) + place.removeprefix(pointer(name))
                if "{{" in text and (template := reader.template(text, sent)) is not None:
                    templates[place] = template
        return templates

    def _critical(self, draft: Draft) -> bool:
        fields = draft.fields
        if fields.on_error is None:
            return fields.critical is not False
        wanted = fields.on_error == "fail"
        if fields.critical is not None and fields.critical != wanted:
            detail = (
                "'on_error: continue' means 'critical: false', and 'on_error: fail' means 'critical: true'. Send one."
            )
            self._findings.add("WFE-E104", draft.pointer + "/on_error", detail)
        return wanted

    def _retry(self, draft: Draft) -> RetryPolicy | None:
        fields = draft.fields
        delay = self._whole_seconds(draft, "retry_delay_seconds") or DEFAULT_RETRY_DELAY_SECONDS
        longest = self._whole_seconds(draft, "max_retry_delay_seconds") or max(DEFAULT_MAX_RETRY_DELAY_SECONDS, delay)
        if longest < delay:
            detail = f"'max_retry_delay_seconds' ({longest}) is less than 'retry_delay_seconds' ({delay}). Raise it."
            self._findings.add("WFE-E103", draft.pointer + "/max_retry_delay_seconds", detail)
        if not fields.max_retries or fields.retry_strategy == "none":
            return None
        return RetryPolicy(fields.max_retries, fields.retry_strategy or "exponential_backoff", delay, longest)

    def _whole_seconds(
        self, draft: Draft, name: Literal["retry_delay_seconds", "max_retry_delay_seconds"]
    ) -> int | None:
        """A delay as Step Functions can wait for it (Retrier, IntervalSeconds: "A positive integer")."""
        seconds: float | None = getattr(draft.fields, name)
        if seconds is None:
            return None
        whole = math.ceil(seconds)
        if whole != seconds:
            detail = f"Step Functions retries after whole seconds, so '{name}' {seconds:g} is taken for {whole}."
            self._findings.add("WFE-W106", draft.pointer + pointer(name), detail)
        return whole

    def _for_each(self, draft: Draft, outer: Reader) -> ForEach | None:
        fields = draft.fields
        if fields.for_each is None:
            return None
        items = outer.list_reference(fields.for_each, draft.pointer + "/for_each")
        return None if items is None else ForEach(items, fields.max_concurrency, fields.max_items)

    def _per_element(self, draft: Draft, scope: Scope, for_each: ForEach | None) -> Scope:
        """The scope of one run of a step: with for_each it has an item, known or not."""
        if draft.fields.for_each is None:
            return scope
        items = None if for_each is None else Items(for_each.items, scope)
        return replace(scope, has_item=True, has_index=True, items=items)

    def _reader(self, scope: Scope, step_id: str | None) -> Reader:
        return Reader(self._findings, self._index, self._notes, scope, step_id)

    def _check_fields_that_fit(self, draft: Draft) -> None:
        """Report fields that mean nothing on this step (WFE-E404), rather than drop them in silence."""
        fields = draft.fields
        refused: dict[str, str] = {}
        if fields.for_each is None and "for_each" not in draft.failed:
            advice = "needs 'for_each'" + (
                "; that of a map stands in its config." if draft.container is not None else "."
            )
            refused = {name: advice for name in ("max_concurrency", "max_items") if getattr(fields, name) is not None}
        if draft.container is not None:
            refused.update({n: why for n, why in _NOT_ON_CONTAINERS.items() if _is_given(fields, n)})
        if draft.spec is not None and not draft.spec.takes_input and fields.input_mapping:
            reads = "reads values by its templates" if draft.spec.template_fields else "reads the run's input"
            refused["input_mapping"] = f"means nothing on '{draft.spec.name}', which {reads}. Remove it."
        for name, advice in refused.items():
            self._findings.add("WFE-E404", draft.pointer + pointer(name), f"'{name}' {advice}")

    def _check_fields_with_effect(self, draft: Draft, undone: str | None) -> None:
        """Warn of settings of retries without any retry (WFE-W405), and of work on nothing (WFE-W215)."""
        fields = draft.fields
        if not fields.max_retries and "max_retries" not in draft.failed:
            for name in ("retry_strategy", "retry_delay_seconds", "max_retry_delay_seconds"):
                if getattr(fields, name) not in (None, "none") and fields.max_retries is None:
                    detail = f"'{name}' has no effect without 'max_retries', which is 0 by default. Set it."
                    self._findings.add("WFE-W405", draft.pointer + pointer(name), detail)
        given = fields.dependencies or fields.input_mapping or draft.failed or undone
        if draft.spec is not None and draft.spec.needs_input and not given:
            detail = (
                f"'{fields.step_id}' has nothing to work on. The order of steps hands nothing on: name a step in 'dependencies' "
                "to be given its output, or write an 'input_mapping'."
            )
            self._findings.add("WFE-W215", draft.pointer, detail)

    def _note_references_of_config(self, spec: StepTypeSpec, draft: Draft, scope: Scope) -> None:
        """Let what the configuration reads of the input be checked as references are."""
        for source in spec.known_output(draft.config).values():
            if isinstance(source, ScopeReference):
                self._notes.references.append(PlacedReference(source, draft.config_pointer(None), scope))

    def _check_templates(self, draft: Draft, reader: Reader) -> None:
        """Warn of templates in fields of the configuration that take none (WFE-W214)."""
        if draft.spec is None or draft.container is not None:
            return
        for name, value in draft.config.items():
            taken = isinstance(value, str) and name in draft.spec.template_fields
            taken = taken or name in draft.spec.nested_template_fields
            for text, place in () if taken else texts_in(value, draft.config_pointer(name)):
                if (placeholder := reader.unfilled(text)) is not None:
                    detail = (
                        f"{placeholder} is not filled in: '{name}' of step type '{draft.spec.name}' takes no templates."
                    )
                    self._findings.add("WFE-W214", place, f"{detail}{_instead_of_template(draft.spec, name)}")

    # --- containers ---

    def _body(self, container: DraftContainer, draft: Draft, scope: Scope) -> Body:
        reader = self._reader(scope, draft.step_id)
        match container.config:
            case MapConfig():
                return self._map(container, container.config, draft, reader)
            case LoopConfig():
                return self._loop(container, container.config, draft, reader)
            case SwitchConfig():
                return self._switch(container, container.config, draft, reader)

    def _map(self, container: DraftContainer, config: MapConfig, draft: Draft, reader: Reader) -> MapBody:
        items: Reference | None = None
        if "items" not in container.failed:
            items = reader.list_reference(config.items, draft.config_pointer("items"))
        inner = replace(
            _inner(draft, reader.scope, container.steps),
            has_item=True,
            has_index=True,
            items=None if items is None else Items(items, reader.scope),
        )
        steps = self.steps(container.steps, inner)
        output = self._output(config.output, draft, inner)
        return MapBody(items or _NO_REFERENCE, steps, config.max_concurrency, config.max_items, output)

    def _loop(self, container: DraftContainer, config: LoopConfig, draft: Draft, reader: Reader) -> LoopBody:
        inner = replace(_inner(draft, reader.scope, container.steps), is_loop=True, has_index=True)
        # Before the first turn the nested steps are pending and what is read of them is null.
        tests = replace(reader, scope=inner)
        given = [name for name in ("while", "until") if draft.config.get(name) not in (None, [])]
        if len(given) != 1 and not container.failed & {"while", "until"}:
            code = "WFE-E104" if given else "WFE-E102"
            place = draft.config_pointer("until" if given else None)
            detail = "A loop needs exactly one of 'while' (tested before a turn) and 'until' (tested after a turn)."
            self._findings.add(code, place, detail)
        while_ = tests.condition(config.while_, draft.config_pointer("while"))
        until = tests.condition(config.until, draft.config_pointer("until"))
        steps = self.steps(container.steps, inner)
        return LoopBody(steps, config.max_iterations, while_, until, self._output(config.output, draft, inner))

    def _switch(self, container: DraftContainer, config: SwitchConfig, draft: Draft, reader: Reader) -> SwitchBody:
        cases: list[SwitchCase] = []
        for case in container.cases:
            when = reader.condition(case.condition, case.condition_pointer)
            steps = self.steps(case.steps, _inner(draft, reader.scope, case.steps))
            cases.append(SwitchCase(when or _NO_CONDITION, steps))
        default = self.steps(container.steps, _inner(draft, reader.scope, container.steps))
        everything = tuple(step for case in container.cases for step in case.steps) + container.steps
        output = self._output(config.output, draft, _inner(draft, reader.scope, everything))
        return SwitchBody(tuple(cases), default, output)

    def _output(self, output: dict[str, Json] | None, draft: Draft, inner: Scope) -> dict[str, Source] | None:
        self._notes.bodies[draft.step_id] = inner
        return self._reader(inner, None).sources(output, draft.config_pointer("output"), expressions=False)


def _inner(draft: Draft, scope: Scope, drafts: tuple[Draft, ...]) -> Scope:
    """The scope of steps within a container; item and index stay those around it."""
    ids = frozenset(nested.step_id for nested in drafts)
    return Scope(ids, scope, draft.step_id, False, scope.has_item, scope.has_index, scope.items, scope.after_failure)


def _is_given_nothing(draft: Draft) -> bool:
    """Whether nothing says what the step is given: it then takes what the step gave that it undoes."""
    takes_input = draft.spec is not None and draft.spec.takes_input and draft.container is None
    return takes_input and not draft.fields.input_mapping and not draft.fields.dependencies


def _instead_of_template(spec: StepTypeSpec, name: str) -> str:
    """How a step of this type gets a value of the run."""
    if not spec.takes_input:
        return " Refer to the value where it is needed, in the 'input_mapping' of a later step."
    return f' Give it to the step as input: "input_mapping": {{"{name}": {{"template": "..."}}}}.'


def _is_given(fields: StepDocument, name: str) -> bool:
    """True for a field that asks for something; an empty mapping and 0 retries do not."""
    return bool(getattr(fields, name))
