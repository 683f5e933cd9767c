"""Values that stand in several answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypeAliasType

from workflow_engine.machines.run_events import RUN_EVENT_TYPES
from workflow_engine.statuses import RUN_STATUSES, STEP_STATUSES

RunStatus = TypeAliasType("RunStatus", Annotated[str, Field(json_schema_extra={"enum": list(RUN_STATUSES)})])
StepStatus = TypeAliasType("StepStatus", Annotated[str, Field(json_schema_extra={"enum": list(STEP_STATUSES)})])
RunEventType = TypeAliasType("RunEventType", Annotated[str, Field(json_schema_extra={"enum": list(RUN_EVENT_TYPES)})])
Time = Annotated[str, Field(description="ISO 8601, UTC.", json_schema_extra={"format": "date-time"})]
Count = Annotated[int, Field(ge=0)]
Version = Annotated[int, Field(ge=1)]
Id = Annotated[str, Field(description="The same as the id that is named after what this is.")]
Cursor = Annotated[str | None, Field(description="Pass it as ?cursor for the next page. Null after the last.")]
Object = dict[str, Any]

AnyValue = Annotated[Any, Field(description="Any JSON value.")]
Document = Annotated[Object, Field(description="An OpenAPI document.")]
WorkflowSchema = Annotated[Object, Field(description="A JSON Schema (2020-12) of workflows.")]
Text = Annotated[str, Field(description="Text of the media type.")]
