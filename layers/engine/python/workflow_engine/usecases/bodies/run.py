"""What clients say of a run: its input, who it is for, how long they wait for its end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field

from workflow_engine.aws_quotas import LONGEST_WAIT_SECONDS
from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import DocumentModel, Whole
from workflow_engine.language.findings import shown
from workflow_engine.store.items import dump
from workflow_engine.usecases.bodies.fields import read_fields

Label = Annotated[str, Field(min_length=1, max_length=256)]
RunT = TypeVar("RunT", bound="RunFields")

_ENTRIES: Final = ("trigger", "query")
"""Fields of a run that become entries of its input."""

_KEPT_JSON: Final = ("tags", "metadata")
"""Fields of any JSON that are kept with a run."""

MAX_KEPT_BYTES: Final = 64 * 1024
"""How much JSON each of `tags` and `metadata` may be: they lie in the run's item, which holds 400 KB with all the rest
(DynamoDB, "Item size").
"""


class RunFields(DocumentModel):
    """What a client may say of a run."""

    input: Any = None
    """The run's input; any JSON value of at most 256 KiB with the workflow's own constants."""
    session_id: Label | None = None
    user_id: Label | None = None
    correlation_id: Label | None = None
    tags: Any = None
    """Kept with the run, at most 64 KB; a list of texts to find it by."""


class WorkflowRunFields(RunFields):
    """What a client may say of a run of a workflow."""

    input_data: Any = None
    """Another name of `input`."""
    trigger: Any = None
    """Becomes the entry `trigger` of the input."""
    query: Any = None
    """Becomes the entry `query` of the input."""
    wait: Any = None
    """As the query parameter, which comes first: seconds, or true for as long as may be."""
    metadata: Any = None
    """Kept with the run, at most 64 KB."""
    organization_id: Label | None = None
    """Kept with the run; whose the run is comes from the credentials alone."""
    backend: Label | None = None
    """Kept with the run."""
    mocks: Any = None
    """What is answered in the place of steps, in the format of tests of workflows. A laptop's server takes it, a deployed one
    never.
    """


class StoredRunRequest(WorkflowRunFields):
    """What a client may say of a run of a stored workflow."""

    version: Annotated[int, Field(ge=1), Whole] | None = None
    """The newest when absent."""


def read_run(model: type[RunT], body: Json) -> RunT:
    """What a body says of a run. Raises InvalidRequestError for what `read_fields` does, for an unusable `wait`, and for what a
    run cannot keep.
    """
    fields = read_fields(model, body)
    for name in _KEPT_JSON:
        size = len(dump(getattr(fields, name, None)).encode())
        if size > MAX_KEPT_BYTES:
            detail = f"'{name}' of a run has at most {MAX_KEPT_BYTES:,} bytes of JSON; this has {size:,}. Shorten it."
            raise InvalidRequestError.at(f"/{name}", detail)
    if isinstance(fields, WorkflowRunFields):
        _seconds(fields.wait)
        _input_and_place(fields)
    return fields


def with_input(fields: RunFields, entries: Mapping[str, Json]) -> WorkflowRunFields:
    """What a client said of a run whose workflow is made here; its input is these entries, those that are None left out."""
    about = {name: getattr(fields, name) for name in RunFields.model_fields}
    given = {name: value for name, value in entries.items() if value is not None}
    return WorkflowRunFields.model_construct(**about | {"input": given})  # checked as the fields they come from


def run_input(fields: WorkflowRunFields) -> Json:
    """The input of a run; a run without one gets an empty object."""
    return _input_and_place(fields)[0]


def waiting_seconds(body: Json) -> int:
    """How long a body that was taken asks to wait for the end of its run, in whole seconds; 0 when it does not."""
    return _seconds(body.get("wait")) if isinstance(body, dict) else 0


def _seconds(wait: Json) -> int:
    if wait is None or isinstance(wait, bool):
        return LONGEST_WAIT_SECONDS if wait else 0
    if not isinstance(wait, int | float) or not 0 <= wait <= LONGEST_WAIT_SECONDS:
        detail = f"'wait' is true, false or a number of seconds from 0 to {LONGEST_WAIT_SECONDS}, not {shown(wait)}."
        raise InvalidRequestError.at("/wait", detail)
    return math.ceil(wait)


def _input_and_place(fields: WorkflowRunFields) -> tuple[Json, str]:
    """The input of a run, and the field of the body that it stands in."""
    place = "input" if fields.input is not None or fields.input_data is None else "input_data"
    value = fields.input if place == "input" else fields.input_data
    if fields.input is not None and fields.input_data is not None and fields.input != fields.input_data:
        raise InvalidRequestError.at(
            "/input_data", "'input_data' is another name of 'input', and the two differ. Send one."
        )
    value = {} if value is None else value
    for name in _ENTRIES:
        entry = getattr(fields, name)
        if entry is None:
            continue
        if not isinstance(value, dict):
            detail = (
                f"'{name}' becomes an entry of the run's input, so '{place}' must be an object, not {shown(value)}."
            )
            raise InvalidRequestError.at(f"/{place}", detail)
        if value.get(name, entry) != entry:
            detail = f"'{name}' becomes the entry '{name}' of the run's input, which has another one. Send one."
            raise InvalidRequestError.at(f"/{name}", detail)
        value = {**value, name: entry}
    return value, place


def input_pointer(fields: WorkflowRunFields, path: Sequence[str | int]) -> str:
    """Where in the body a place of the run's input was sent."""
    _, place = _input_and_place(fields)
    if path and path[0] in _ENTRIES and getattr(fields, str(path[0])) is not None:
        return pointer(*path)
    return pointer(place, *path)
