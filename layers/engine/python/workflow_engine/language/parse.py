"""Document -> `Workflow`: the stages of parsing, in order.

1. `wellformed`: any JSON that cannot be walked, printed or passed to Step Functions ends here.
2. `document` and `drafts`: fields, types and ranges of every step; step types; ids declared.
3. `step_parser`: references, conditions, templates and configurations are read, and resolved in their scopes.
4. `judge`: what they read is compared with what is known of it.

All findings are collected. A `Workflow` comes out only if none of them is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workflow_engine.aws_quotas import EXECUTION_SECONDS
from workflow_engine.json_schema import schema_problem
from workflow_engine.language.advice import object_advice
from workflow_engine.language.catalogue import StepCatalogue
from workflow_engine.language.diagnostics import Diagnostic, Json, pointer
from workflow_engine.language.document import UNNAMED, Checked, WorkflowDocument, check_fields
from workflow_engine.language.drafts import Around, Draft, Drafter
from workflow_engine.language.findings import Findings, shown
from workflow_engine.language.judge import Judge
from workflow_engine.language.notes import Notes
from workflow_engine.language.reader import Reader
from workflow_engine.language.scopes import Scope, StepIndex
from workflow_engine.language.step_ids import with_step_ids
from workflow_engine.language.step_parser import StepParser
from workflow_engine.language.step_shapes import StepShapes
from workflow_engine.language.syntax import Workflow
from workflow_engine.language.wellformed import check_well_formed
from workflow_engine.lazy_dataclass import dataclass

_VARIABLES_FIELDS = ("variables", "global_config", "global_variables")


@dataclass(frozen=True, slots=True)
class ParsedWorkflow:
    """`workflow` is None if and only if a diagnostic is an error. Diagnostics: errors first, each in document order."""

    workflow: Workflow | None
    diagnostics: tuple[Diagnostic, ...]


def parse_workflow(document: Json, catalogue: StepCatalogue) -> ParsedWorkflow:
    """Read a workflow as a client posted it. Never raises, whatever JSON it is given.

    Pointers of diagnostics lead into `document` as it is, aliases included; what is missing is reported at its parent.
    Cycles are not looked for here, since the dependencies that references imply belong to the compiler's graph.
    """
    findings = Findings()
    workflow: Workflow | None = None
    if not isinstance(document, dict):
        sentence = f"A workflow is an object with 'name' and 'steps', not {shown(document)}.{object_advice(document)}"
        findings.add("WFE-E100", "", sentence)
    elif check_well_formed(document, findings):
        checked = check_fields(WorkflowDocument, with_step_ids(document), "", findings)
        if checked is not None:
            workflow = _workflow(checked, catalogue, findings)
    return ParsedWorkflow(None if findings.has_errors else workflow, findings.in_document_order(document))


def _workflow(checked: Checked[WorkflowDocument], catalogue: StepCatalogue, findings: Findings) -> Workflow:
    """The workflow of a checked document. Where findings has errors it has gaps and must not be used."""
    fields = checked.fields
    pattern = fields.execution_pattern or "sequential"
    index = StepIndex()
    drafter = Drafter(catalogue, index, findings)
    drafts = drafter.drafts(fields.steps, "/steps", Around())
    on_failure = drafter.drafts(fields.on_failure or (), "/on_failure", Around(after_failure=True))
    scope = Scope(frozenset(draft.step_id for draft in drafts))
    undoing = Scope(frozenset(_undoing(drafts)), scope, after_failure=True)
    notes = Notes()
    parser = StepParser(index, notes, findings)
    steps = parser.steps(drafts, scope)
    output = Reader(findings, index, notes, scope, None).sources(fields.output, "/output", expressions=False)
    if fields.input_schema is not None and (problem := schema_problem(fields.input_schema)):
        findings.add("WFE-E103", pointer("input_schema", *problem.path), problem.detail)
    workflow = Workflow(
        name=fields.name or UNNAMED,
        pattern="dependency" if pattern == "dependency_based" else pattern,
        steps=steps,
        variables=_variables(fields, findings),
        output=output,
        input_schema=fields.input_schema,
        timeout_seconds=fields.timeout_seconds or EXECUTION_SECONDS,
        on_failure=parser.failure_steps(on_failure, undoing),
    )
    complete = not findings.has_errors
    Judge(StepShapes(workflow, catalogue, notes, complete=complete), findings, complete=complete).judge(notes)
    return workflow


def _undoing(drafts: Iterable[Draft]) -> Iterator[str]:
    """The ids of all steps that undo others."""
    for draft in drafts:
        yield from (one.step_id for one in draft.compensate)
        if draft.container is not None:
            yield from _undoing(draft.container.steps)
            for case in draft.container.cases:
                yield from _undoing(case.steps)


def _variables(fields: WorkflowDocument, findings: Findings) -> dict[str, Json]:
    """The constants, under whichever of their three names they were sent; two of them must not differ."""
    sent = [(name, getattr(fields, name)) for name in _VARIABLES_FIELDS if getattr(fields, name) is not None]
    for name, value in sent[1:]:
        first, chosen = sent[0]
        if value != chosen:
            findings.add(
                "WFE-E104", f"/{name}", f"'{name}' is another name of '{first}', and the two differ. Send one."
            )
    return sent[0][1] if sent else {}
