"""Diagnostics: what is wrong with a workflow, where, and what to do about it.

A code is stable for ever: clients and docs rely on it. `CODES` is the one list of them; `explanations` says more of each,
from which `docs/diagnostics.md` is made. Hundreds digit: 1 the document, 2 graph and references, 3 conditions, templates
and expressions, 4 step types and their configuration, 5 quotas and cost, 9 a machine that breaks a rule of AWS (a bug of the
compiler, never of the client).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import Fix

Severity = Literal["error", "warning"]

CODES: dict[str, str] = {
    "WFE-E100": "The document is not a JSON object.",
    "WFE-E101": "Unknown field.",
    "WFE-E102": "A required field is missing.",
    "WFE-E103": "A value has the wrong type or is out of range.",
    "WFE-E104": "Two values that exclude each other are both given.",
    "WFE-E105": "A value is not one of the allowed ones.",
    "WFE-W106": "A value was changed to the nearest that Step Functions can express.",
    "WFE-E200": "Two steps have the same id.",
    "WFE-E201": "A step id, or a name in the output, is reserved.",
    "WFE-E202": "A dependency names no step.",
    "WFE-E203": "A step depends on itself.",
    "WFE-E204": "A reference names no step and no scope word.",
    "WFE-E205": "The dependencies form a cycle.",
    "WFE-E206": "A reference to item or index outside for_each and map.",
    "WFE-E207": "A reference reads a step inside a container from outside it.",
    "WFE-E208": "A reference is malformed.",
    "WFE-W209": "A trigger rule can never be met, so the step never runs.",
    "WFE-E210": "A reference names what the known shape of a value cannot have, so that it is always null.",
    "WFE-W211": "A reference names what the schema of a value does not mention.",
    "WFE-E212": "A list is expected, and the reference leads to what is none.",
    "WFE-E213": "A value is compared with a text that it can never be.",
    "WFE-W214": "A text that looks like a reference or a template stays a text.",
    "WFE-W215": "A step that works on its input is given none.",
    "WFE-E216": "A reference reads a step that runs only when the run fails.",
    "WFE-E217": "A reference to the failure where none has happened.",
    "WFE-E300": "A condition is malformed.",
    "WFE-E301": "A condition uses an unknown operator.",
    "WFE-E302": "A regular expression is invalid or not a literal.",
    "WFE-E303": "A template is malformed.",
    "WFE-E304": "A JSONata expression does not parse or uses what is not allowed.",
    "WFE-W305": "A condition reads nothing, so it is always true or always false.",
    "WFE-E400": "Unknown step type.",
    "WFE-E401": "A known step type that is not available in this version.",
    "WFE-E402": "The configuration does not fit the step type's schema.",
    "WFE-E403": "A retry strategy that Step Functions cannot express.",
    "WFE-E404": "A field that this step type does not support.",
    "WFE-W405": "A field that has no effect.",
    "WFE-E406": "Steps that undo another stand where they could not run.",
    "WFE-W410": "An agent, prompt, tool, MCP server or workflow that does not exist now; it may come before the step runs.",
    "WFE-E411": "Subflows lead back to the workflow that starts them, or are nested too deeply.",
    "WFE-E412": "The input of a subflow does not fit the input_schema of its workflow.",
    "WFE-E500": "The definition is larger than a state machine may be.",
    "WFE-E501": "The run needs more history events than an execution may have.",
    "WFE-E502": "The execution input is larger than Step Functions accepts.",
    "WFE-E503": "Containers are nested deeper than an expression may reach.",
    "WFE-W510": "The run comes near a quota.",
    "WFE-W511": "The graph is not series-parallel; some order was added.",
    "WFE-W512": "A list whose length nothing bounds holds steps that are paid by the call.",
    "WFE-W513": "A list whose length nothing bounds.",
    "WFE-E900": "The compiled machine breaks a rule of Amazon States Language.",
}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `pointer` is an RFC 6901 JSON pointer into the workflow as the client sent it; "" is the whole document. `fix`
    is what mends it for certain, None where that is for its author to say.
    """

    code: str
    pointer: str
    detail: str
    fix: Fix | None = None

    def __post_init__(self) -> None:
        assert self.code in CODES, f"{self.code} is not in CODES"

    @property
    def severity(self) -> Severity:
        return "warning" if self.code.startswith("WFE-W") else "error"

    def as_dict(self) -> dict[str, Any]:
        told = {"code": self.code, "pointer": self.pointer, "detail": self.detail}
        return told if self.fix is None else {**told, "fix": self.fix._asdict()}


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """True if any finding is an error, so that nothing may be created from the document."""
    return any(d.severity == "error" for d in diagnostics)


def pointer(*segments: str | int) -> str:
    """RFC 6901 pointer of a path: `pointer("steps", 3, "a/b")` is `/steps/3/a~1b`."""
    return "".join("/" + str(s).replace("~", "~0").replace("/", "~1") for s in segments)


class InvalidWorkflowError(Exception):
    """A workflow that cannot be compiled. `diagnostics` has every finding, errors first in document order."""

    code = "invalid_workflow"

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__("; ".join(f"{d.code} at {d.pointer or '/'}: {d.detail}" for d in self.diagnostics))


Json = Any
"""Any JSON value: None, bool, int, float, str, list or dict with string keys."""
