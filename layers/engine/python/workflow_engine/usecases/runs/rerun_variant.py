"""The variant of a workflow that runs from a step on, and what it reads of the steps that it leaves out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_engine.aws_quotas import PAYLOAD_BYTES
from workflow_engine.compiler import compile_workflow
from workflow_engine.compiler.reuse import reusable
from workflow_engine.errors import ConflictError, InvalidRequestError, PayloadTooLargeError
from workflow_engine.language import parse_workflow
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.language.findings import quoted
from workflow_engine.language.reads import all_steps, failure_steps
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.statuses import has_ended
from workflow_engine.store.items import dump
from workflow_engine.store.workflows import SNAPSHOT_PREFIX, StoredWorkflow
from workflow_engine.suggestions import suggest
from workflow_engine.usecases.runs.record_execution import read_report, record_end, reported_results
from workflow_engine.usecases.runs.recorded_results import kept_results
from workflow_engine.usecases.workflows.compilation import Vocabulary, vocabulary, with_machine

if TYPE_CHECKING:
    from workflow_engine.language.syntax import Workflow
    from workflow_engine.statuses import StepEnd
    from workflow_engine.store.executions import Execution
    from workflow_engine.store.results import RunResults, StepResult
    from workflow_engine.usecases.engine import Caller, Engine

Given = dict[str, dict[str, Any]]
"""What steps gave that are not run: `{step_id: {"output": ...} | {"error": {type, message}}}`."""


def variant(
    engine: Engine, caller: Caller, earlier: Execution, workflow: StoredWorkflow, from_step: str
) -> tuple[StoredWorkflow, Given]:
    """The workflow that runs from a step on, unlisted, and what its machine reads of the other steps. It is compiled once for all
    runs that leave out the same steps, ended alike.

    Raises InvalidRequestError, ConflictError, PayloadTooLargeError (`rerun_run.rerun`).
    """
    words = vocabulary(engine, caller, workflow.document)
    parsed = _parsed(workflow, words)
    _check_step(parsed, from_step)
    results = {r.key: r for r in _results_of(engine, earlier) if r.key in _own_steps(parsed)}
    told = {key: result.result for key, result in results.items()}
    reused = reusable(parsed, words.catalogue, told, from_step)
    variant = _stored(engine, caller, workflow, parsed, words, reused) if reused else workflow
    return variant, _given(engine, results, variant.compiled.bindings.get("reused", ()))


def _parsed(workflow: StoredWorkflow, words: Vocabulary) -> Workflow:
    parsed = parse_workflow(workflow.document, words.catalogue)
    if parsed.workflow is None:
        raise _no_longer_valid(InvalidWorkflowError(parsed.diagnostics))
    return parsed.workflow


def _no_longer_valid(error: InvalidWorkflowError) -> ConflictError:
    """The document was valid when it was saved: a step type has gone since, say."""
    first = next(d for d in error.diagnostics if d.severity == "error")
    return ConflictError(
        f"This version of the workflow can be compiled no longer, which a rerun from a step asks for: {first.detail} Save a "
        "new version and start that."
    )


def _own_steps(workflow: Workflow) -> dict[str, None]:
    return dict.fromkeys(s.step_id for s in (*workflow.steps, *failure_steps(workflow)))


def _check_step(workflow: Workflow, from_step: str) -> None:
    own = [step.step_id for step in workflow.steps]
    if from_step in own:
        return
    root = re.split(r"[\[.]", from_step, maxsplit=1)[0]
    for step in workflow.steps:
        if step.step_id == root or any(inner.step_id == from_step for inner in all_steps((step,))):
            detail = f"{quoted(from_step)} is a part of '{step.step_id}', which runs as a whole. Rerun from '{step.step_id}'."
            raise InvalidRequestError.at("/from_step", detail)
    if any(step.step_id == from_step for step in all_steps(failure_steps(workflow))):
        detail = f"'{from_step}' runs when the run fails, and by itself only. Rerun from a step of the workflow."
        raise InvalidRequestError.at("/from_step", detail)
    detail = f"The workflow has no step {quoted(from_step)}.{suggest(from_step, own)}"
    raise InvalidRequestError.at("/from_step", detail)


def _results_of(engine: Engine, earlier: Execution) -> list[StepResult]:
    """The results of all steps of a run that has ended, large outputs apart."""
    steps = _kept_results(engine, earlier).steps
    return list(steps.read(0, steps.total, lambda key: "." not in key and "[" not in key))


def _kept_results(engine: Engine, earlier: Execution) -> RunResults:
    """The results of a run that has ended; they are kept from then on, for those who read the rerun."""
    kept = kept_results(engine, earlier) if has_ended(earlier.status) else None
    if kept is not None:
        return kept
    try:
        run = read_report(engine, earlier)
    except ExecutionGoneError:
        raise ConflictError(
            "What the steps of this run gave is neither kept nor known to Step Functions. Rerun all of it."
        ) from None
    if not record_end(engine, earlier, run):
        raise ConflictError("The run goes on. Cancel it, or wait for its end, before it is rerun from a step.")
    kept = engine.results.find(earlier.tenant_id, earlier.execution_id)
    return kept or reported_results(engine, earlier, run)


def _stored(
    engine: Engine,
    caller: Caller,
    workflow: StoredWorkflow,
    parsed: Workflow,
    words: Vocabulary,
    reused: Mapping[str, StepEnd],
) -> StoredWorkflow:
    shape = f"{words.fingerprint()}\n{dump(workflow.document)}\n{dump(sorted(reused.items()))}"
    variant_id = SNAPSHOT_PREFIX + hashlib.sha256(shape.encode()).hexdigest()[:32]
    known = engine.workflows.find(caller.tenant_id, variant_id)
    if known is not None:
        return known
    try:
        compilation = compile_workflow(parsed, words.catalogue, reused=reused)
    except InvalidWorkflowError as error:
        raise _no_longer_valid(error) from None
    now = engine.timestamp()
    made = StoredWorkflow(
        tenant_id=caller.tenant_id,
        id=variant_id,
        version=1,
        name=workflow.name,
        document=workflow.document,
        compiled=with_machine(engine, compilation, words),
        created_at=now,
        updated_at=now,
        created_by=caller.user_id,
        listed=False,
    )
    try:
        return engine.workflows.create(made)
    except ConflictError:  # two reruns at once compiled it to the same
        return engine.workflows.newest(caller.tenant_id, variant_id)


def _given(engine: Engine, results: Mapping[str, StepResult], read: Any) -> Given:
    """What the machine reads, `[step_id, facet]` each. Raises PayloadTooLargeError before anything large is loaded."""
    outputs = [results[step_id] for step_id, facet in read if facet == "output"]
    sizes = {r.key: r.large.size if r.large else len(dump(r.result["output_data"]).encode()) for r in outputs}
    if sum(sizes.values()) > PAYLOAD_BYTES:
        largest = max(sizes, key=lambda key: sizes[key])
        raise PayloadTooLargeError(
            f"What the steps gave that are not to run again has {sum(sizes.values()):,} bytes, '{largest}' alone "
            f"{sizes[largest]:,}; an input takes {PAYLOAD_BYTES:,}. Rerun from '{largest}' or a step before it, or all of it."
        )
    given: Given = {}
    for step_id, facet in read:
        found = results[step_id]
        if facet == "error":
            given[step_id] = {"error": {"type": found.result["error_type"], "message": found.result["error_message"]}}
        elif found.large is not None:
            given[step_id] = {"output": engine.results.payloads.load(found.large.link) if found.large.link else None}
        else:
            given[step_id] = {"output": found.result["output_data"]}
    return given
