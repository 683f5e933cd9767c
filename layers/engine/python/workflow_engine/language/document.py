"""What a client posts, as pydantic models, and how their errors become diagnostics.

The models check types and ranges of single fields, strictly: no text is taken for a number, no boolean for an integer.
Of a number only the value counts: 1.0 is 1.
An optional field that is null is the same as one that is absent. What the texts mean is read by the other modules.

Nested steps, sources and conditions are `Any` here, since each is checked on its own so that one mistake hides no
other; `refers_to` names their definition in the JSON Schema (see `schema`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from workflow_engine.aws_quotas import EXECUTION_SECONDS, INLINE_MAP_CONCURRENCY, RETRY_DELAY_SECONDS, STATE_SECONDS
from workflow_engine.language.advice import LIST_ADVICE, field_advice, object_advice, other_value, text_advice
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.findings import Findings, quoted, shown
from workflow_engine.language.workflow_ids import WORKFLOW_ID_PATTERN
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import Fix, advised, with_advice

MAX_RETRIES: Final = 100
MAX_ITEMS: Final = 1_000_000
MAX_ITERATIONS: Final = 10_000  # a turn enters at least two states of two events; a run has 25,000 events
UNUSABLE_NAMES: Final = ("__proto__", "hasOwnProperty")
"""Keys that the JSONata of Step Functions (2.0.6) loses, or raises for, in an object that it makes."""
_W: Final = "[A-Za-z0-9_-]*"
STEP_ID_PATTERN: Final = (
    rf"^([A-Za-z]{_W}|[0-9]+([A-DF-Za-df-z_-]{_W}|[eE](-?([0-9]*[A-Za-z_]{_W}|[0-9]+-{_W})?|--{_W})))$"
)
"""Begins with a letter or a digit and is no number: a condition would read `12` and `1e5` as numbers. Without a lookahead,
which validators of schemas in linear time do not have; so the length is a rule of its own."""
MAX_ID_LENGTH: Final = 64
NAME_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"
"""Of step types, and of what else is called by a name of the client's choice."""
UNNAMED: Final = "Unnamed workflow"


def refers_to(definition: str, keyword: Literal["$ref", "items", "additionalProperties"] = "$ref") -> Any:
    """A field whose value is described by a definition of `schema`, or each of its items or values by the keyword."""
    return Field(json_schema_extra={"described": {"definition": definition, "keyword": keyword}})


def _whole(value: Any) -> Any:
    """1.0 is a whole number, as in JSON Schema: JSON knows one kind of number, and some clients write every one so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole: Final = BeforeValidator(_whole)
"""Stands after the bounds of a whole number: only so does the JSON Schema keep them."""
Text = Annotated[str, Field(min_length=1, max_length=128)]
Seconds = Annotated[int, Field(ge=1, le=STATE_SECONDS), Whole]
Delay = Annotated[float, Field(gt=0, le=RETRY_DELAY_SECONDS - 1)]
Concurrency = Annotated[int, Field(ge=1, le=INLINE_MAP_CONCURRENCY), Whole]
Items = Annotated[int, Field(ge=1, le=MAX_ITEMS), Whole]
Steps = Annotated[list[Any], Field(min_length=1), refers_to("Step", "items")]
SomeSteps = Annotated[list[Any] | None, refers_to("Step", "items")]
Sources = Annotated[dict[str, Any] | None, refers_to("Source", "additionalProperties")]
OutputSources = Annotated[dict[str, Any] | None, refers_to("OutputSource", "additionalProperties")]
ConditionValue = Annotated[Any, refers_to("Condition")]
ReferenceText = Annotated[str, Field(min_length=1), refers_to("Reference")]


class DocumentModel(BaseModel):
    """Strict, closed, unchanging. `PLACEHOLDERS` stand in for required fields that are missing or wrong.

    A model's validator is built when it is first needed: a request needs two or three of them, an import needs none.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False, defer_build=True)
    PLACEHOLDERS: ClassVar[dict[str, Any]] = {}


class WorkflowDocument(DocumentModel):
    """A workflow: steps, and in which order their dependencies let them run."""

    PLACEHOLDERS: ClassVar[dict[str, Any]] = {"steps": []}

    schema_: Any = Field(default=None, alias="$schema")
    name: Text | None = None
    workflow_id: Annotated[str, Field(pattern=WORKFLOW_ID_PATTERN)] | None = None
    id: Any = None
    status: Any = None
    template_id: Any = None
    description: str | None = None
    tags: Any = None
    version: Any = None
    created_by: Any = None
    metadata: Any = None
    connections: Any = None
    execution_pattern: Literal["sequential", "parallel", "conditional", "dependency", "dependency_based"] | None = None
    steps: Steps
    variables: dict[str, Any] | None = None
    global_config: dict[str, Any] | None = None
    global_variables: dict[str, Any] | None = None
    input_schema: dict[str, Any] | None = None
    output: OutputSources = None
    on_failure: SomeSteps = None
    timeout_seconds: Annotated[int, Field(ge=1, le=EXECUTION_SECONDS), Whole] | None = None


class StepDocument(DocumentModel):
    """One step of a workflow or of a container."""

    PLACEHOLDERS: ClassVar[dict[str, Any]] = {"step_type": ""}

    step_id: Annotated[str, Field(pattern=STEP_ID_PATTERN, max_length=MAX_ID_LENGTH)] | None = None
    step_type: Text
    name: str | None = None
    step_name: str | None = None
    description: str | None = None
    position: Any = None
    tool_override: Any = None
    metadata: Any = None
    dependencies: list[str] | None = None
    input_mapping: Sources = None
    config: dict[str, Any] | None = None
    parameters: dict[str, Any] | None = None
    conditions: ConditionValue = None
    trigger_rule: (
        Literal["none_failed_min_one_success", "all_success", "all_done", "one_success", "one_failed"] | None
    ) = None
    critical: bool | None = None
    on_error: Literal["continue", "fail"] | None = None
    timeout_seconds: Seconds | None = None
    max_retries: Annotated[int, Field(ge=0, le=MAX_RETRIES), Whole] | None = None
    retry_strategy: Literal["none", "fixed_delay", "exponential_backoff"] | None = None
    retry_delay_seconds: Delay | None = None
    max_retry_delay_seconds: Delay | None = None
    for_each: ReferenceText | None = None
    max_concurrency: Concurrency | None = None
    max_items: Items | None = None
    compensate: SomeSteps = None
    step_order: Annotated[int, Field(ge=-(2**31), lt=2**31), Whole] | None = None
    estimated_seconds: Annotated[float, Field(ge=0, le=EXECUTION_SECONDS)] | None = None


class MapConfig(DocumentModel):
    """`config` of step type `map`: the steps run once per element of a list."""

    PLACEHOLDERS: ClassVar[dict[str, Any]] = {"items": "", "steps": []}

    items: ReferenceText
    steps: Steps
    max_concurrency: Concurrency | None = None
    max_items: Items | None = None
    output: OutputSources = None


class LoopConfig(DocumentModel):
    """`config` of step type `loop`: the steps run again and again, with exactly one of `while` and `until`."""

    PLACEHOLDERS: ClassVar[dict[str, Any]] = {"steps": [], "max_iterations": 1}

    while_: ConditionValue = Field(default=None, alias="while")
    until: ConditionValue = None
    max_iterations: Annotated[int, Field(ge=1, le=MAX_ITERATIONS), Whole]
    steps: Steps
    output: OutputSources = None


class CaseDocument(DocumentModel):
    """One case of a `switch`."""

    PLACEHOLDERS: ClassVar[dict[str, Any]] = {"when": None, "steps": []}

    when: Annotated[Any, refers_to("ConditionPart")]
    steps: Steps


class SwitchConfig(DocumentModel):
    """`config` of step type `switch`: the steps of the first case whose `when` holds run, else those of `default`."""

    PLACEHOLDERS: ClassVar[dict[str, Any]] = {"cases": []}

    cases: Annotated[list[Any], Field(min_length=1), refers_to("CaseDocument", "items")]
    default: SomeSteps = None
    output: OutputSources = None


ModelT = TypeVar("ModelT", bound=DocumentModel)

_building: Final = threading.Lock()  # pydantic does not say that two threads may build one model


@dataclass(frozen=True, slots=True)
class Checked(Generic[ModelT]):
    """The fields of an object that are right; those in `failed` have been reported and hold a default or a placeholder."""

    fields: ModelT
    failed: frozenset[str]


def check_fields(
    model: type[ModelT], value: Json, place: str, findings: Findings, elsewhere: Mapping[str, str] | None = None
) -> Checked[ModelT] | None:
    """Check an object of the document at pointer `place`. None if it is no object at all, which has then been
    reported. `elsewhere` has advice for fields that do not belong here, by name.
    """
    if not isinstance(value, dict):
        findings.add("WFE-E103", place, f"An object is expected here, not {shown(value)}.{object_advice(value)}")
        return None
    if not model.__pydantic_complete__:
        with _building:
            model.model_rebuild()  # does nothing for the second thread
    try:
        return Checked(model.model_validate(value), frozenset())
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
    names = [field.alias or name for name, field in model.model_fields.items()]
    for detail in details:
        if detail["type"] == "extra_forbidden":
            _report_unknown(model.__name__, str(detail["loc"][0]), place, names, elsewhere or {}, findings)
        else:
            _report(detail, place, findings)
    failed = frozenset(str(detail["loc"][0]) for detail in details)
    sound = {k: v for k, v in value.items() if k not in failed and k in names}
    # Each field was checked on its own and none is converted (strict, but for 1.0), so what passed may be used as it is.
    fields = model.model_construct(None, **{**model.PLACEHOLDERS, **sound})
    return Checked(cast("ModelT", fields), failed)


def _report_unknown(
    model: str, field: str, place: str, names: list[str], elsewhere: Mapping[str, str], findings: Findings
) -> None:
    advice = (
        elsewhere.get(field) or field_advice(model, field) or findings.suggest(field, names, "key") or " Remove it."
    )
    sentence = with_advice(f"There is no field {quoted(field)} here.", advice)
    findings.add("WFE-E101", place + pointer(field), sentence)


def _report(detail: ErrorDetails, place: str, findings: Findings) -> None:
    field, kind = str(detail["loc"][0]), detail["type"]
    where = place + pointer(*detail["loc"])
    if kind == "missing":
        findings.add("WFE-E102", place, f"The required field '{field}' is missing.{_ADVICE.get(field, '')}")
    elif kind == "literal_error" and field == "retry_strategy" and detail["input"] == "linear_backoff":
        findings.add("WFE-E403", where, _LINEAR_BACKOFF)
    elif kind == "literal_error":
        allowed, value = str(detail["ctx"]["expected"]), detail["input"]
        near = _value_advice(field, value, re.findall(r"'(\w+)'", allowed), findings) if isinstance(value, str) else ""
        sentence = f"'{field}' must be {allowed}, not {shown(detail['input'])}."
        findings.add("WFE-E105", where, with_advice(sentence, near))
    else:
        expected = _expected(kind, detail.get("ctx", {}), field)
        element = "Each item of " if len(detail["loc"]) > 1 else ""
        advice = text_advice(detail["input"], kind) or _ADVICE.get(field, "")
        sentence = f"{element}'{field}' must be {expected}, not {shown(detail['input'])}.{advice}"
        findings.add("WFE-E103", where, sentence)


def _value_advice(field: str, value: str, allowed: list[str], findings: Findings) -> str:
    other = other_value(field, value)
    if other in allowed:
        return advised(f" Did you mean '{other}'?", Fix(value, other))
    return findings.suggest(value, allowed)


_LINEAR_BACKOFF: Final = (
    "Step Functions has no linear backoff. Use 'exponential_backoff', whose delay doubles up to "
    "max_retry_delay_seconds, or 'fixed_delay'."
)

_ADVICE: Final = {
    "step_id": " A step id begins with a letter or a digit, has up to 64 letters, digits, '_' and '-', and is not a number.",
    "workflow_id": " A workflow id begins with a letter or a digit and has up to 64 letters, digits, '_' and '-'.",
    "for_each": LIST_ADVICE,
    "items": LIST_ADVICE,
    "dependencies": ' It is a list of step ids, such as ["a"].',
    "steps": " Each step is an object with its 'step_id' and 'step_type'.",
    "step_type": " It names what the step does; GET /steps lists what there is.",
    "max_concurrency": f" Step Functions runs at most {INLINE_MAP_CONCURRENCY} iterations of a Map state at once.",
    "max_iterations": " A loop that has run out of turns fails its step.",
    "timeout_seconds": " Leave it out for the longest possible time.",
}


def _expected(kind: str, context: dict[str, Any], field: str) -> str:
    """What a field should have been, from the type and context of pydantic's error."""
    match kind:
        case "int_type" | "int_from_float" | "int_parsing" | "int_parsing_size":
            return "a whole number"
        case "float_type" | "float_parsing":
            return "a number"
        case "bool_type" | "bool_parsing":
            return "true or false"
        case "string_type":
            return "a text"
        case "list_type":
            return "a list"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "an object"
        case "greater_than":
            return f"more than {context['gt']:,.0f}"
        case "greater_than_equal":
            return f"at least {context['ge']:,.0f}"
        case "less_than_equal":
            return f"at most {context['le']:,.0f}"
        case "less_than":
            return f"less than {context['lt']:,.0f}"
        case "string_too_short":
            return f"a text of at least {context['min_length']} character"
        case "string_too_long":
            return f"a text of at most {context['max_length']} characters"
        case "too_short":
            return f"a list of at least {context['min_length']} element"
        case "string_pattern_mismatch":
            return f"a valid {field.replace('_', ' ')}"
    return "of another form"
