"""The workflow language after parsing: frozen data, every string already read into what it means.

`language.document` has the pydantic models of what a client posts; `language.parse` turns one into a `Workflow` of
this module. Nothing here knows of AWS or of how a construct is compiled.

How a run goes (one semantics, for every structure: the top level, branches, joins and containers alike):

* A step waits for its dependencies and for every step that its mapping, condition, list or templates read; a container also
  for what its inner steps read outside of it. When all of them have ended, it is decided once whether the step runs.
* The trigger rule looks at the explicit dependencies and at the steps whose output is read, not at those that are read
  through `.status` or `.error` only. Without any it is met.
* Rule met and condition true: the step runs, and ends `completed` or `failed`. Else it is `skipped`, and its condition is not
  evaluated where the rule is not met.
* A critical step that fails ends the run; whatever ran beside it is `aborted`, what had not begun stays `pending`. A step that
  is not critical may fail: its output is null, its `.error` has `type` and `message`, and rules of its dependants decide.
* A failure inside a container fails the container, which is critical or not by itself.
* for_each: a condition that reads item or index is decided per element, and a skipped element gives null; any other condition
  is decided once. Retries are per element, criticality is of the whole.
* A workflow that has *failure steps* (`on_failure`, or `compensate` on a step) does not end with its first critical failure:
  what runs beside the failed step goes on to the next join of both, nothing begins after that, and the failure steps run.
  Compensations of completed steps come first, a step's before those of what it waited for; then `on_failure`. They read
  every step as the failure has left it (`pending` where it had not begun) and `failure`, and are never critical. The run
  then ends failed.

Values of references (the rules that compiler, docs and the reference executor of the tests share):

* Missing is null, at every segment. A path never raises.
* A name on an object reads that key; on a list it is applied to each element, position by position, nesting kept
  (lists in lists down to `MAX_LIST_NESTING` levels, null below); on anything else it gives null.
* `[i]` on a list reads that element (negative from the end); on anything else it gives null. It applies to what the
  path before it gives: `a.items.x[0]` is the first of the list `a.items.x`.
* `[*]` on a list says that the rest of the path applies to each element: `a.items[*].x[0]` is a list. On anything else null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass

MAX_LIST_NESTING: Final = 4
MAX_PATH_SEGMENTS: Final = 20

SCOPE_WORDS: Final = ("input", "variables", "item", "index", "execution", "failure")
ScopeWord = Literal["input", "variables", "item", "index", "execution", "failure"]
Facet = Literal["output", "status", "error"]

TriggerRule = Literal["none_failed_min_one_success", "all_success", "all_done", "one_success", "one_failed"]
ExecutionPattern = Literal["sequential", "parallel", "conditional", "dependency"]


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`[*]`: the rest of the path applies to each element."""


Segment = str | int | Wildcard
"""A key (`.name`, `["any key"]`), an index (`[0]`, `.0`, `[-1]`) or `[*]`."""


@dataclass(frozen=True, slots=True)
class StepReference:
    """`step_id`, `step_id.path`, `step_id.status`, `step_id.error.path`. `step_id.output` is the same as `step_id`."""

    step_id: str
    facet: Facet
    path: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class ScopeReference:
    """`input.path`, `variables.path`, `item.path`, `index`, `execution.id` (`started_at`, `workflow_id`), and in failure steps
    `failure.step_id` (`error_type`, `message`, `others`: a list of such objects without `others`).
    """

    word: ScopeWord
    path: tuple[Segment, ...] = ()


Reference = StepReference | ScopeReference


# --- sources: what an input_mapping entry, an `output` entry or a container's `items` may be ---


@dataclass(frozen=True, slots=True)
class LiteralValue:
    """A JSON value that stands for itself."""

    value: Json


TemplateVariableName = Literal[
    "current_timestamp",
    "current_date",
    "current_time",
    "current_year",
    "current_month",
    "current_day",
    "uuid",
    "execution_id",
    "workflow_id",
    "user_id",
    "session_id",
]


@dataclass(frozen=True, slots=True)
class TemplateVariable:
    """`{{ current_date }}` and the like: what a template can show beside the values of references.

    Times are those at which the step is entered, in UTC: the timestamp is ISO 8601, the date its first ten characters, the
    time `04:05:06`, month and day have two digits. The user and the session are those of the run, "" where it has none.
    """

    name: TemplateVariableName


@dataclass(frozen=True, slots=True)
class Template:
    """`Hi {{ a.data.name }}`: text and references in turn, rendered to one string."""

    parts: tuple[str | Reference | TemplateVariable, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """JSONata of a power user: source text and, in place of each `$ref("...")`, the reference it names."""

    parts: tuple[str | Reference, ...]


Source = StepReference | ScopeReference | LiteralValue | Template | Expression


# --- conditions ---

ComparisonOperator = Literal[
    "==",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "contains",
    "not_contains",
    "in",
    "not_in",
    "starts_with",
    "ends_with",
    "regex_match",
]
CheckOperator = Literal["is_empty", "is_not_empty", "is_null", "is_not_null", "exists"]
Operand = StepReference | ScopeReference | LiteralValue


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: ComparisonOperator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Check:
    """A postfix operator: `a.data is_empty`. `exists` is the same as `is_not_null`."""

    operator: CheckOperator
    operand: Operand


@dataclass(frozen=True, slots=True)
class Truthy:
    """A bare operand. False for null, false, 0, "", [] and {}."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


Condition = Comparison | Check | Truthy | And | Or | Not


# --- steps ---


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`max_retries` further attempts after a failure or timeout of the step. Delays in whole seconds."""

    max_retries: int
    strategy: Literal["fixed_delay", "exponential_backoff"]
    delay_seconds: int
    max_delay_seconds: int


@dataclass(frozen=True, slots=True)
class ForEach:
    """The step runs once per element of `items`; `item` and `index` are readable in its mapping, condition and templates.

    With `completed_of` it undoes that step, whose for_each has these items: it runs once per element that has completed, and
    what it reads of that step is what the element gave. `ran_if` is the condition under which such an element had run at all.
    """

    items: Reference
    max_concurrency: int | None
    max_items: int | None
    completed_of: str | None = None
    ran_if: Condition | None = None


@dataclass(frozen=True, slots=True)
class MapBody:
    """Step type `map`: `steps` run once per element of `items`. `output` gives one element's output, else its sinks by id."""

    items: Reference
    steps: tuple[Step, ...]
    max_concurrency: int | None
    max_items: int | None
    output: Mapping[str, Source] | None


@dataclass(frozen=True, slots=True)
class LoopBody:
    """Step type `loop`. Exactly one of `while_` (tested before a turn) and `until` (tested after one) is given.

    Inside, `index` is the turn (from 0) and the loop's own id reads the output of the turn before, null in the first turn;
    in `until` that is the turn just ended. Both conditions may read the steps of the body, null before the first turn.
    """

    steps: tuple[Step, ...]
    max_iterations: int
    while_: Condition | None
    until: Condition | None
    output: Mapping[str, Source] | None


@dataclass(frozen=True, slots=True)
class SwitchCase:
    when: Condition
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class SwitchBody:
    """Step type `switch`: the first case whose `when` holds runs, else `default` (which may be empty)."""

    cases: tuple[SwitchCase, ...]
    default: tuple[Step, ...]
    output: Mapping[str, Source] | None


Body = MapBody | LoopBody | SwitchBody


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `pointer` is its place in the document that the client sent; `config` is plain JSON, defaults not filled in.

    `input_mapping` is None when the step has none: it then gets the outputs of its explicit, completed dependencies by
    id. `templates` has the parsed templates of those top-level `config` fields that the step type marks as templates;
    `nested_templates` those at any depth of `config`, by their pointer in it, of fields that are marked so.
    `sent_as_parameters` names the `config` fields that the client sent under the alias `parameters`, for pointers.
    `compensate` are the steps that undo this one, once it has completed, when the run fails. Those of a step with for_each
    run once per element that has completed.
    """

    step_id: str
    step_type: str
    pointer: str
    dependencies: tuple[str, ...] = ()
    input_mapping: Mapping[str, Source] | None = None
    config: Mapping[str, Json] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    nested_templates: Mapping[str, Template] = field(default_factory=dict)
    condition: Condition | None = None
    trigger_rule: TriggerRule = "none_failed_min_one_success"
    critical: bool = True
    timeout_seconds: int | None = None
    retry: RetryPolicy | None = None
    for_each: ForEach | None = None
    body: Body | None = None
    step_order: int | None = None
    estimated_seconds: float | None = None
    never_retried: bool = False
    """The author says that the step is not retried, whatever its type says."""
    sent_as_parameters: frozenset[str] = frozenset()
    compensate: tuple[Step, ...] = ()

    @property
    def elements_fail_alone(self) -> bool:
        """Whether each element of its for_each runs whatever becomes of the others: those that complete are undone, or undo."""
        return self.for_each is not None and (bool(self.compensate) or self.for_each.completed_of is not None)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow whose every reference is known to resolve. `steps` in document order, nested ones inside their containers;
    `on_failure` are those that run when the run fails, after the compensations.
    """

    name: str
    pattern: ExecutionPattern
    steps: tuple[Step, ...]
    variables: Mapping[str, Json]
    output: Mapping[str, Source] | None
    input_schema: Mapping[str, Json] | None
    timeout_seconds: int
    on_failure: tuple[Step, ...] = ()
