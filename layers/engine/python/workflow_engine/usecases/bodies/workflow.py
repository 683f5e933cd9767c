"""Workflows as clients post them: which part of a body is the workflow, and which is of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Diagnostic, Json, pointer
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.usecases.bodies.run import WorkflowRunFields, read_run

WRAPPERS: Final = ("workflow", "workflow_config")
"""Fields that a workflow may stand in; the second is the original system's."""
_OF_BOTH: Final = ("tags", "metadata")
"""Fields of a run that a workflow has too."""


class WrappedRun(WorkflowRunFields):
    """A workflow in a field of its own, beside what is said of the run."""

    workflow: Any = None
    workflow_config: Any = None


@dataclass(frozen=True, slots=True)
class PostedWorkflow:
    """A workflow as it was posted, alone, flat beside the fields of a run, or wrapped as `{"workflow": ...}` or
    `{"workflow_config": ...}`; or one that was made for a request.

    `prefix` is the pointer of the workflow in the body; `run` is what the body says of the run.
    """

    document: Json
    prefix: str
    run: WorkflowRunFields

    def placed(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Diagnostics of the document with pointers into the body that the client sent."""
        return tuple(replace(d, pointer=self.prefix + d.pointer) for d in diagnostics)


def posted_workflow(body: Json) -> PostedWorkflow:
    """The workflow of a body. Raises InvalidRequestError when what stands beside it is wrong.

    `tags` of a flat body are those of the workflow and of the run; `metadata` of one is the workflow's.
    """
    if not isinstance(body, dict):
        return PostedWorkflow(body, "", WorkflowRunFields())
    wrappers = [name for name in WRAPPERS if name in body]
    if len(wrappers) > 1:
        raise InvalidRequestError.at(f"/{wrappers[1]}", f"'{wrappers[1]}' is another name of 'workflow'. Send one.")
    if wrappers:
        return PostedWorkflow(body[wrappers[0]], pointer(wrappers[0]), read_run(WrappedRun, body))
    of_run = {k: body[k] for k in WorkflowRunFields.model_fields if k in body and k != "metadata"}
    document = {k: v for k, v in body.items() if k not in of_run or k in _OF_BOTH}
    return PostedWorkflow(document, "", read_run(WorkflowRunFields, of_run))
