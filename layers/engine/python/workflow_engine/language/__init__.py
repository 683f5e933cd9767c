"""The workflow language: what a client posts, read into frozen data whose every reference resolves.

`parse_workflow` is the only way in. It knows step types through the protocol `StepCatalogue`, nothing of AWS beyond the
limits that shape the language, and never raises: what is wrong comes back as diagnostics with a code, a place and advice.
"""

from typing import TYPE_CHECKING, Any

from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError

if TYPE_CHECKING:
    from workflow_engine.language.parse import ParsedWorkflow, parse_workflow

__all__ = ["Diagnostic", "InvalidWorkflowError", "ParsedWorkflow", "parse_workflow"]


def __getattr__(name: str) -> Any:
    # Most functions use types of this package and parse nothing: they are not to pay for pydantic at a cold start.
    if name in ("ParsedWorkflow", "parse_workflow"):
        from workflow_engine.language import parse

        return getattr(parse, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
