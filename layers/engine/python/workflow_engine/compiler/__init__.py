"""The compiler: a workflow becomes a state machine, what its runs are started with, and what they will cost.

Pure and deterministic: equal workflows give equal bytes, in any process; no AWS, no clock, no randomness. Stages:

1. `graph`      who waits for whom; cycles
2. `structure`  the graph as a tree of sequences and parallels
3. `lower`      the tree as nested blocks of nodes (`ir`), with what is known of each step's end at every point
4. `optimise`   fewer entered states; then `fan_out` gives every list the room that a run has for it
5. `asl`        blocks as Amazon States Language
6. `verify`     what AWS would refuse and emulators accept
7. `plan`       states, transitions, history events, run time and cost, before anything runs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from workflow_engine import aws_quotas
from workflow_engine.compiler.hints import Hints
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError, has_errors
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from workflow_engine.compiler.catalogue import CompilerCatalogue
    from workflow_engine.compiler.graph import StepGraph
    from workflow_engine.compiler.ir import Block
    from workflow_engine.compiler.structure import Duration
    from workflow_engine.language.syntax import Workflow
    from workflow_engine.statuses import StepEnd

__all__ = ["Compilation", "Hints", "child_entry", "compile_workflow", "execution_input"]


@dataclass(frozen=True, slots=True)
class Compilation:
    """A compiled workflow.

    `machine` is ASL and `definition` its canonical text; `bindings` is what travels in the execution input instead of the
    definition; `outline` is what the reader of results needs; `graph` and `after_failure`, that of the failure steps, are what
    `diagram` is drawn from. `structure` says what runs one after the other and what at once, and `durations` by what durations
    of steps that was found, both for `compiler.reports.run_time`; `together` are the steps whose outputs are held by one state
    (`compiler.reports.carried`). `fan_out` is for `compiler.fan_out.events_of_input`, before a
    start.
    """

    machine: Mapping[str, Any]
    definition: str
    bindings: Mapping[str, Any]
    plan: Mapping[str, Any]
    outline: Mapping[str, Any]
    graph: StepGraph
    fan_out: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = field(default=())
    after_failure: StepGraph | None = None
    structure: Mapping[str, Any] = field(default_factory=dict)
    durations: Mapping[str, Duration | None] = field(default_factory=dict)
    together: frozenset[frozenset[str]] = frozenset()
    is_sequential: bool = False

    @property
    def diagram(self) -> str:
        """The graph as Mermaid text, drawn when somebody asks for it: a start doesn't."""
        from workflow_engine.compiler.reports.diagram import mermaid
        from workflow_engine.compiler.reports.drawing import drawing_of_steps

        return mermaid(drawing_of_steps(self.graph, self.after_failure, one_by_one=self.is_sequential))


def compile_workflow(
    workflow: Workflow,
    catalogue: CompilerCatalogue,
    hints: Hints | None = None,
    reused: Mapping[str, StepEnd] = MappingProxyType({}),
) -> Compilation:
    """Compile a parsed workflow. `reused` are the steps that are not run, and how each has ended (`compiler.reuse`);
    `bindings["reused"]` then says which of what they gave the machine reads, as `[step_id, "output" | "error"]`.

    Raises InvalidWorkflowError with every finding: a cycle, a construct that this version cannot run, a quota that the run
    would break, or (a defect of this compiler) a machine that Step Functions would refuse.
    """
    # Many a function needs a module of this package, a step function that of a step type, and compiles nothing: they are
    # not to pay for the stages at a cold start.
    from workflow_engine.compiler.asl import definition_text, render_machine
    from workflow_engine.compiler.fan_out import bound_lists, fan_out
    from workflow_engine.compiler.ir import RunResult
    from workflow_engine.compiler.lower import lower_workflow
    from workflow_engine.compiler.optimise import optimise
    from workflow_engine.compiler.reports.carried import carried_together
    from workflow_engine.compiler.reports.least_size import too_large
    from workflow_engine.compiler.reports.outline import outline
    from workflow_engine.compiler.reports.plan import make_plan, plan_diagnostics
    from workflow_engine.compiler.reports.run_time import durations, structure

    if sure := too_large(workflow, catalogue):
        raise InvalidWorkflowError(sure)
    lowered = lower_workflow(workflow, catalogue, hints or Hints(), reused)
    block = bound_lists(optimise(lowered.block))
    machine = render_machine(block, workflow.timeout_seconds)
    definition = definition_text(machine)
    if block.result is not None and block.result.sinks and len(definition.encode()) > aws_quotas.DEFINITION_BYTES:
        # What a run's output takes in a definition must not be what makes that too large.
        block = bound_lists(optimise(replace(lowered.block, result=RunResult(None))))
        machine = render_machine(block, workflow.timeout_seconds)
        definition = definition_text(machine)
    bindings, whole = lowered.bindings, lowered.graph
    if reused:
        from workflow_engine.compiler.graph import build_graph
        from workflow_engine.compiler.reuse import read_in

        bindings = {**bindings, "reused": read_in(definition, reused)}
        whole = build_graph(workflow.steps, by_step_order=workflow.pattern == "sequential")
    plan = make_plan(block, lowered, machine, definition)
    findings = (
        *lowered.warnings,
        *_unbounded(block, lowered.warnings),
        *plan_diagnostics(plan),
        *_input_findings(lowered.bindings),
        *_violations(machine),
    )
    if has_errors(findings):
        raise InvalidWorkflowError(findings)
    return Compilation(
        machine=machine,
        definition=definition,
        bindings=bindings,
        plan=plan.as_dict(findings),
        outline=outline(workflow, whole, catalogue, reused),
        graph=lowered.graph,
        after_failure=lowered.after_failure,
        structure=structure(workflow, lowered.bodies),
        durations=durations(lowered.bodies),
        together=carried_together(block),
        fan_out=fan_out(block),
        warnings=findings,
        is_sequential=workflow.pattern == "sequential",
    )


def _unbounded(block: Block, warnings: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    """Warnings of lists that nobody bounds, but for those that the price of their steps gave a warning already."""
    from workflow_engine.compiler.fan_out import unbounded_warnings

    told = {d.pointer for d in warnings if d.code == "WFE-W512"}
    return [d for d in unbounded_warnings(block) if d.pointer not in told]


def _input_findings(bindings: Mapping[str, Any]) -> list[Diagnostic]:
    """What travels in the execution input must leave room for the client's own input, within StartExecution's limit."""
    from workflow_engine.compiler.lower.sizes import json_bytes

    size = json_bytes(bindings)
    if size <= aws_quotas.PAYLOAD_BYTES:
        return []
    detail = (
        f"Step configurations, literals and variables have {size:,} bytes together; an execution's input may have "
        f"{aws_quotas.PAYLOAD_BYTES:,}. Put large data into S3 and pass its address."
    )
    return [Diagnostic("WFE-E502", "/steps", detail)]


def _violations(machine: Mapping[str, Any]) -> list[Diagnostic]:
    """What AWS would refuse; the definition's size is the client's matter, and the plan's to report."""
    from workflow_engine.compiler.verify import verify

    return [
        Diagnostic("WFE-E900", "", f"{v.rule} at {v.pointer}: {v.detail}")
        for v in verify(machine)
        if v.rule != "ASL-DEFINITION-SIZE"
    ]


def execution_input(
    bindings: Mapping[str, Any],
    *,
    input: Any,
    functions: Mapping[str, str],
    run: Mapping[str, Any],
    endpoints: Mapping[str, Mapping[str, Any]] | None = None,
    output_schemas: Mapping[str, Mapping[str, Any]] | None = None,
    children: Mapping[str, Mapping[str, Any]] | None = None,
    subflows: Mapping[str, str] | None = None,
    reused: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """What StartExecution gets.

    `functions` maps the aliases in `bindings["functions"]` to ARNs, `endpoints` those in `bindings["endpoints"]` to where
    and how `step_http` sends the step, without secrets; `output_schemas` those in `bindings["output_schemas"]` to what their
    outputs are held to; `reused` has what `bindings["reused"]` asks for; `run` is flat:
    execution_id, workflow_id, workflow_version, tenant_id, session_id, user_id, principal, correlation_id. `context` repeats what
    every step Lambda is told, in the form in which it is told, so that no state has to build it. `children` are the workflows
    that this run and its subflows may start (`child_entry`) by names of their own, `subflows` says which of them each subflow
    step starts.
    """
    return {
        "input": input,
        **_fixed_input(bindings, functions, endpoints, output_schemas, subflows),
        **({"children": dict(children)} if children else {}),
        **({"reused": {step_id: dict(gave) for step_id, gave in reused.items()}} if reused else {}),
        "run": dict(run),
        "context": {
            "execution_id": run["execution_id"],
            "workflow_id": run["workflow_id"],
            "workflow_version": run["workflow_version"],
            "user_context": {key: run.get(key) for key in ("user_id", "principal", "session_id", "tenant_id")},
        },
    }


def child_entry(
    bindings: Mapping[str, Any],
    *,
    machine_arn: str,
    workflow_id: str,
    workflow_version: int,
    workflow_name: str,
    functions: Mapping[str, str],
    endpoints: Mapping[str, Mapping[str, Any]] | None = None,
    output_schemas: Mapping[str, Mapping[str, Any]] | None = None,
    subflows: Mapping[str, str] | None = None,
    workflow_build: int = 1,
) -> dict[str, Any]:
    """What a run that may start this workflow as a child has to know of it: `{machine, start, run, context}`. The rest of the
    child's execution input is made when the step runs (`lower.subflows`).
    """
    named = {"workflow_id": workflow_id, "workflow_version": workflow_version}
    start = _fixed_input(bindings, functions, endpoints, output_schemas, subflows)
    return {
        "machine": machine_arn,
        "start": start,
        "run": {**named, "workflow_build": workflow_build, "workflow_name": workflow_name},
        "context": named,
    }


def _fixed_input(
    bindings: Mapping[str, Any],
    functions: Mapping[str, str],
    endpoints: Mapping[str, Mapping[str, Any]] | None,
    output_schemas: Mapping[str, Mapping[str, Any]] | None,
    subflows: Mapping[str, str] | None,
) -> dict[str, Any]:
    """The part of an execution input that is the same for every input of the client."""
    return {
        "variables": bindings["variables"],
        "config": bindings["config"],
        "literals": bindings["literals"],
        "timeouts": bindings["timeouts"],
        "functions": {alias: functions[alias] for alias in bindings["functions"]},
        **({"endpoints": {alias: dict(endpoints[alias]) for alias in endpoints}} if endpoints else {}),
        **({"output_schemas": dict(output_schemas)} if output_schemas else {}),
        **({"subflows": dict(subflows)} if subflows else {}),
    }
