"""The workflow language: what a client posts, read into frozen data whose every reference resolves.

`parse_workflow` is the only way in. It knows step types through the protocol `StepCatalogue`, nothing of AWS beyond
the limits that shape the language, and never raises: what is wrong comes back as diagnostics with a code, a place and
advice.
"""

from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError
from workflow_engine.language.parse import ParsedWorkflow, parse_workflow

__all__ = ["Diagnostic", "InvalidWorkflowError", "ParsedWorkflow", "parse_workflow"]
