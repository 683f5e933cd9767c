"""What a workflow means, in plain Python over its graph: the oracle for the compiler's property tests.

No ASL, no compiler: a step runs when all it waits for has ended, its trigger rule is met and its condition holds. Steps of
one body are taken in an order that respects their dependencies; which of the possible orders makes no difference to the
results, except when a critical failure ends the run while others still go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.reference_semantics import evaluate_condition, evaluate_source, read_path, read_reference
from workflow_engine.language.reads import all_steps, failure_steps, nested_steps, references_of, step_reads
from workflow_engine.language.syntax import (
    ForEach,
    LoopBody,
    MapBody,
    Reference,
    ScopeReference,
    Source,
    Step,
    StepReference,
    SwitchBody,
    Workflow,
)

Json = Any


class StepFailedError(Exception):
    """What a step function raises to fail."""


class RunFailedError(Exception):
    """A critical step failed, with an error of this type."""

    def __init__(self, step_id: str, error_type: str = "") -> None:
        self.step_id = step_id
        self.error_type = error_type
        super().__init__(step_id)


@dataclass
class Record:
    """How a step ended."""

    status: str
    output: Json = None
    error: Json = None


StepFunction = Callable[[Step, dict[str, Json], int | None], Json]
"""Computes one step from its input_data and, inside a list, the index; raises StepFailedError."""


@dataclass
class Frame:
    """What the steps of one body see."""

    run: ReferenceRun
    records: dict[str, Record] = field(default_factory=dict)
    parent: Frame | None = None
    item: Json = None
    index: int | None = None

    def find(self, step_id: str) -> Record:
        frame: Frame | None = self
        while frame is not None:
            if step_id in frame.records:
                return frame.records[step_id]
            frame = frame.parent
        return Record("pending")

    def lookup(self, reference: Reference) -> Json:
        match reference:
            case StepReference(step_id=step_id, facet=facet):
                record = self.find(step_id)
                return {"status": record.status, "output": record.output, "error": record.error}[facet]
            case ScopeReference(word="input"):
                return self.run.input
            case ScopeReference(word="variables"):
                return dict(self.run.workflow.variables)
            case ScopeReference(word="item"):
                return self.item
            case ScopeReference(word="index"):
                return self.index
            case ScopeReference(word="failure"):
                return self.run.failure
        raise AssertionError(reference)


@dataclass
class ReferenceRun:
    """One run of a workflow. `results` has every step and part under the key that the API gives it."""

    workflow: Workflow
    input: Json
    function: StepFunction
    results: dict[str, Record] = field(default_factory=dict)
    status: str = "pending"
    result: Json = None
    failed_step: str | None = None
    failure: Json = None
    completed: dict[str, dict[int, tuple[Json, Json]]] = field(default_factory=dict)

    def execute(self) -> ReferenceRun:
        """Run to the end."""
        try:
            frame = Frame(self)
            self.body(self.workflow.steps, frame, "")
            self.result = body_output(self.workflow.steps, self.workflow.output, frame)
            self.status = "completed"
        except RunFailedError as failure:
            self.status, self.failed_step = "failed", failure.step_id
        return self

    def go_on(self) -> dict[str, Record]:
        """How the workflow's own steps end if all of them run that wait for no critical step that fails; those that do, stay
        pending. Notes in `failure` what failed.
        """
        frame = Frame(self)
        waiting = list(self.workflow.steps)
        ids = {s.step_id for s in waiting}
        while waiting:
            ready = next(s for s in waiting if not (waits_for(s, ids) & {w.step_id for w in waiting}))
            waiting.remove(ready)
            if any(is_stopped(ready_before, frame, self.workflow) for ready_before in waits_for(ready, ids)):
                frame.records[ready.step_id] = Record("pending")
                continue
            try:
                frame.records[ready.step_id] = self.step(ready, frame, "", ids)
            except RunFailedError as failed:
                frame.records[ready.step_id] = Record("failed")
                self.failure = {"step_id": failed.step_id, "error_type": failed.error_type, "others": []}
        return frame.records

    def recover(self, left: Mapping[str, Record]) -> dict[str, Record]:
        """What the failure steps come to where the failure has left the workflow's steps like this; those inside of a switch
        are left as well as its own.
        """
        main = Frame(self, dict(left))
        undone = Frame(self, {}, parent=main)
        self.results = {}
        for step in all_steps(self.workflow.steps):
            if not step.compensate:
                continue
            frame = Frame(self, {}, parent=main)
            some = step.for_each is not None and left[step.step_id].status == "failed"
            if left[step.step_id].status == "completed" or some:
                self.body(step.compensate, frame, "")
            else:
                frame.records = {one.step_id: Record("skipped") for one in step.compensate}
            undone.records |= frame.records
        last = Frame(self, {}, parent=undone)
        self.body(self.workflow.on_failure, last, "")
        return undone.records | last.records

    def body(self, steps: Sequence[Step], frame: Frame, prefix: str) -> None:
        """Run the steps of one body."""
        waiting = list(steps)
        ids = {s.step_id for s in steps}
        while waiting:
            ready = next(s for s in waiting if not (waits_for(s, ids) & {w.step_id for w in waiting}))
            waiting.remove(ready)
            frame.records[ready.step_id] = record = self.step(ready, frame, prefix, ids)
            self.results[prefix + ready.step_id] = record

    def step(self, step: Step, frame: Frame, prefix: str, siblings: set[str]) -> Record:
        """Decide whether the step runs, run it, and apply its criticality."""
        if not rule_met(step, frame, siblings):
            return Record("skipped")
        decided_later = step.for_each is not None and reads_element(step)
        if step.condition is not None and not decided_later and not evaluate_condition(step.condition, frame.lookup):
            return Record("skipped")
        try:
            return Record("completed", self.output(step, frame, prefix))
        except StepFailedError as failure:
            if step.critical:
                self.results[prefix + step.step_id] = Record("failed")
                raise RunFailedError(step.step_id, error_type(failure)) from failure
            return Record("failed", None, {"type": type(failure).__name__})
        except RunFailedError as failure:
            # A critical step inside a container that is not critical fails the container.
            if step.critical:
                self.results[prefix + step.step_id] = Record("failed")
                if isinstance(step.body, MapBody) and has_failure_steps(self.workflow):
                    raise RunFailedError(step.step_id, failure.error_type) from failure
                raise
            return Record("failed", None, {"type": failure.step_id})

    def output(self, step: Step, frame: Frame, prefix: str) -> Json:
        """The step's output."""
        key = prefix + step.step_id
        match step.body:
            case MapBody() as body:
                return [
                    self.contained(step, body.steps, body.output, self.inner(frame, item, i), f"{key}[{i}].")
                    for i, item in enumerate(self.elements(body.items, frame))
                ]
            case LoopBody() as body:
                return self.loop(step, body, frame, key)
            case SwitchBody() as body:
                taken = next((c.steps for c in body.cases if evaluate_condition(c.when, frame.lookup)), body.default)
                return self.contained(step, taken, body.output, self.inner(frame, frame.item, frame.index), f"{key}.")
        if step.for_each is None:
            return self.call(step, frame)
        return self.each(step, step.for_each, frame, key)

    def each(self, step: Step, for_each: ForEach, frame: Frame, key: str) -> list[Json]:
        """The outputs of a step that runs once per element: of a list, or of those that it undoes."""
        done: dict[int, tuple[Json, Json]] = {}
        failures: list[StepFailedError] = []
        outputs: list[Json] = []
        for i, inner in enumerate(self.frames(for_each, frame)):
            runs = not reads_element(step) or (
                step.condition is not None and evaluate_condition(step.condition, inner.lookup)
            )
            record = Record("skipped")
            if runs:
                try:
                    record = Record("completed", self.call(step, inner))
                    done[i] = inner.item, record.output
                except StepFailedError as failure:
                    if not step.elements_fail_alone:
                        raise
                    record = Record("failed")
                    failures.append(failure)
            outputs.append(record.output)
            self.results[f"{key}[{i}]"] = record
        self.completed[step.step_id] = done
        if failures:
            raise failures[0]
        return outputs

    def frames(self, for_each: ForEach, frame: Frame) -> list[Frame]:
        """A frame for each element."""
        undone = for_each.completed_of
        if undone is None:
            return [self.inner(frame, item, i) for i, item in enumerate(self.elements(for_each.items, frame))]
        frames = []
        for i, (item, output) in self.completed.get(undone, {}).items():
            inner = self.inner(frame, item, i)
            inner.records[undone] = Record("completed", output)
            frames.append(inner)
        return frames

    def elements(self, items: Reference, frame: Frame) -> list[Json]:
        value = read_reference(items, frame.lookup)
        if value is None:
            return []
        if not isinstance(value, list):
            raise StepFailedError("not a list") from NamedError("States.QueryEvaluationError")
        return value

    def inner(self, frame: Frame, item: Json, index: int | None) -> Frame:
        return Frame(self, parent=frame, item=item, index=index)

    def contained(
        self, step: Step, steps: Sequence[Step], output: Mapping[str, Source] | None, frame: Frame, prefix: str
    ) -> Json:
        """Run a body and give the container's output: the explicit one, else the completed sinks by id."""
        self.body(steps, frame, prefix)
        return body_output(steps, output, frame)

    def loop(self, step: Step, body: LoopBody, frame: Frame, key: str) -> Json:
        inner = self.inner(frame, frame.item, None)
        inner.records[step.step_id] = Record("completed", None)
        output: Json = None
        turn = 0
        while True:
            inner.index = turn
            if body.while_ is not None and not evaluate_condition(body.while_, inner.lookup):
                return output
            if turn == body.max_iterations:
                raise StepFailedError("out of turns") from NamedError("MaxIterationsExceeded")
            self.body(body.steps, inner, f"{key}[{turn}].")
            output = body_output(body.steps, body.output, inner)
            inner.records[step.step_id] = Record("completed", output)
            if body.until is not None and evaluate_condition(body.until, inner.lookup):
                return output
            turn += 1

    def call(self, step: Step, frame: Frame) -> Json:
        """Map the inputs and call the function."""
        if step.step_type == "fail":
            raise StepFailedError("told to") from NamedError(str(step.config["error"]))
        if step.input_mapping is not None:
            data = {name: evaluate_source(s, frame.lookup, {}) for name, s in step.input_mapping.items()}
        else:
            data = {d: frame.find(d).output for d in step.dependencies if frame.find(d).status == "completed"}
        return self.function(step, data, frame.index)


def body_output(steps: Sequence[Step], output: Mapping[str, Source] | None, frame: Frame) -> Json:
    """A container's output, from the records of its body."""
    if output is not None:
        return {name: evaluate_source(source, frame.lookup, {}) for name, source in output.items()}
    ids = {s.step_id for s in steps}
    waited = set().union(*(waits_for(s, ids) for s in steps)) if steps else set()
    return {
        s.step_id: frame.records[s.step_id].output
        for s in steps
        if s.step_id not in waited and frame.records[s.step_id].status == "completed"
    }


class NamedError(Exception):
    """An error that is no exception of a step function, by its name."""


def error_type(failure: StepFailedError) -> str:
    """The name of the error that a step failed with."""
    cause = failure.__cause__
    return str(cause) if isinstance(cause, NamedError) else type(cause).__name__


def has_failure_steps(workflow: Workflow) -> bool:
    """Whether something runs when the run fails."""
    return bool(failure_steps(workflow))


def is_stopped(step_id: str, frame: Frame, workflow: Workflow) -> bool:
    """Whether a step ended in a way that ends the run, or did not begin for such a step."""
    critical = {s.step_id for s in workflow.steps if s.critical}
    status = frame.records[step_id].status
    return status == "pending" or (status == "failed" and step_id in critical)


def nested(step: Step) -> list[Step]:
    """All steps inside a container, at any depth."""
    inner = [s for body in nested_steps(step) for s in body]
    return inner + [deeper for s in inner for deeper in nested(s)]


def reads_of(step: Step) -> list[Reference]:
    """What the step or anything inside it reads, outside of itself."""
    inside = {step.step_id, *(s.step_id for s in nested(step))}
    every = [read.reference for s in (step, *nested(step)) for read in step_reads(s)]
    return [r for r in every if not (isinstance(r, StepReference) and r.step_id in inside)]


def waits_for(step: Step, siblings: set[str]) -> set[str]:
    """Siblings that must have ended before the step starts."""
    read = {r.step_id for r in reads_of(step) if isinstance(r, StepReference)}
    return (set(step.dependencies) | read) & siblings


def reads_element(step: Step) -> bool:
    """Whether the condition is decided for each element."""
    return step.condition is not None and any(
        isinstance(r, ScopeReference) and r.word in ("item", "index") for r in references_of(step.condition)
    )


def rule_met(step: Step, frame: Frame, siblings: set[str]) -> bool:
    """The trigger rule, over all dependencies but those that are only asked how they ended."""
    outputs = {r.step_id for r in reads_of(step) if isinstance(r, StepReference) and r.facet == "output"}
    ruled = (set(step.dependencies) | outputs) & siblings
    if not ruled:
        return True
    statuses = [frame.records[d].status for d in ruled]
    match step.trigger_rule:
        case "none_failed_min_one_success":
            return "completed" in statuses and "failed" not in statuses
        case "all_success":
            return set(statuses) == {"completed"}
        case "all_done":
            return True
        case "one_success":
            return "completed" in statuses
        case "one_failed":
            return "failed" in statuses


__all__ = ["Record", "ReferenceRun", "RunFailedError", "StepFailedError", "read_path", "waits_for"]
