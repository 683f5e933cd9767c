"""What each field of the language means, in words: for the schema that editors read, and for the reference in the docs.

A field has a sentence or two, its default if that is a value, and examples where its type does not say what may stand there. Texts
are Markdown. The models of `document` check what stands here; nothing that a request needs imports this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from workflow_engine.aws_quotas import EXECUTION_SECONDS
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a field. `default` is None where there is none, or where the description tells it. `values` says what each
    of a few words means.
    """

    about: str
    default: Json = None
    examples: tuple[Json, ...] = field(default=())
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """All of it in one text."""
        return " ".join(
            filter(None, [self.about, *(f"`{value}`: {meaning}" for value, meaning in self.values.items())])
        )


def _kept(what: str, *examples: Json) -> Words:
    return Words(f"{what} Kept with the workflow, not interpreted.", examples=examples)


_CALL: Final = {
    "step_id": "notify",
    "step_type": "http_request",
    "config": {"url": "https://example.com/hook", "method": "POST"},
}
_STEPS: Final = [
    {
        "step_id": "greet",
        "step_type": "data_processing",
        "input_mapping": {"input": "input.text"},
        "config": {"processing_type": "uppercase"},
    }
]
_OUTPUT: Final = Words(
    "What this gives: names, each with a source. By default the outputs of the steps that no other step waits for, by step id.",
    examples=({"total": "sum.result"},),
)
_MAX_ITEMS: Final = Words(
    "A longer list fails the step. It bounds what a run may cost, and lets the plan tell it beforehand.",
    examples=(1000,),
)
_MAX_CONCURRENCY: Final = Words("How many elements are worked on at once. By default, and at most, 40.", examples=(5,))

FIELDS: Final[Mapping[str, Mapping[str, Words]]] = {
    "WorkflowDocument": {
        "$schema": Words(
            "Tells an editor which JSON Schema to use. Ignored by the service.", examples=("workflow.schema.json",)
        ),
        "name": Words("What the workflow is called.", "Unnamed workflow", ("Order report",)),
        "workflow_id": Words(
            "The id under which the workflow is stored; made by the service when left out.", examples=("order-report",)
        ),
        "id": _kept("The id that the workflow has elsewhere."),
        "status": _kept("A status that it has elsewhere."),
        "template_id": _kept("The template that it was made from."),
        "description": _kept("What the workflow is for.", "Sums up the orders of a day."),
        "tags": _kept("Words to find it by.", ["orders", "daily"]),
        "version": _kept("A version of your own; the service counts its own."),
        "created_by": _kept("Who wrote it.", "ada@example.com"),
        "metadata": _kept("Anything else.", {"team": "sales"}),
        "connections": _kept("The lines that an editor draws between steps."),
        "execution_pattern": Words(
            "In which order steps run.",
            "sequential",
            values={
                "sequential": "one step at a time, by `step_order`, else as listed, never before a dependency.",
                "dependency": "everything that may run together does; dependencies decide.",
                "parallel": "the same as `dependency`.",
                "conditional": "the same as `dependency`.",
                "dependency_based": "the same as `dependency`.",
            },
        ),
        "steps": Words("The steps of the workflow, at least one.", examples=(_STEPS,)),
        "variables": Words("Constants, read as `variables.name`.", {}, ({"limit": 100},)),
        "global_config": Words("Another name of `variables`."),
        "global_variables": Words("Another name of `variables`."),
        "input_schema": Words(
            "JSON Schema (2020-12) of the run's input. It is checked before anything starts, and references into the input are "
            "compared with it.",
            examples=({"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},),
        ),
        "output": _OUTPUT,
        "on_failure": Words(
            "Steps that run when the run fails, before it ends. They read `failure.step_id`, `failure.error_type`, "
            "`failure.message`, and every step.",
            [],
            ([_CALL],),
        ),
        "timeout_seconds": Words(
            "How long a run may take, in seconds. After that it ends `timed_out`.", EXECUTION_SECONDS, (3600,)
        ),
    },
    "StepDocument": {
        "step_id": Words(
            "The name by which other steps read this one, unique in the whole workflow. A letter or digit, then letters, "
            "digits, `_` and `-`. Made of the step's place when left out: `step_1`.",
            examples=("fetch_orders",),
        ),
        "step_type": Words(
            "What the step does: a built-in type, or one that you registered.", examples=("http_request",)
        ),
        "name": Words("What the step is called. Kept, not interpreted.", examples=("Fetch the orders",)),
        "step_name": Words("Another name of `name`."),
        "description": Words("What the step is for. Kept, not interpreted.", examples=("All orders since yesterday.",)),
        "position": Words("Where an editor draws the step. Kept, not interpreted.", examples=({"x": 100, "y": 50},)),
        "tool_override": Words("Kept, not interpreted."),
        "metadata": Words("Anything else. Kept, not interpreted.", examples=({"owner": "sales"},)),
        "dependencies": Words(
            "Ids of steps that this one waits for, beside those that it reads. Without an `input_mapping` it is given their "
            "outputs, by id.",
            [],
            (["fetch_orders"],),
        ),
        "input_mapping": Words(
            "What the step is given: names, each with a source. By default the outputs of its `dependencies`, by step id.",
            examples=(
                {"orders": "fetch_orders.body.items", "limit": 10, "title": {"template": "Orders of {{ input.day }}"}},
            ),
        ),
        "config": Words("How the step does its work; the step type says what may stand here.", {}),
        "parameters": Words("Another name of `config`. Where both are given they are merged, and `config` wins."),
        "conditions": Words(
            "The step runs only if this holds, else it is `skipped`. A text, an object, a group, or a list of which all must hold.",
            examples=("fetch_orders.body.count > 0", {"left_operand": "input.day", "operator": "exists"}),
        ),
        "trigger_rule": Words(
            "When the step runs, given how the steps before it ended.",
            "none_failed_min_one_success",
            values={
                "none_failed_min_one_success": "none failed, at least one completed.",
                "all_success": "all completed.",
                "all_done": "however they ended.",
                "one_success": "at least one completed.",
                "one_failed": "at least one failed.",
            },
        ),
        "critical": Words(
            "Whether a failure of the step ends the run. If not, others read its `.status` and `.error`.", True
        ),
        "on_error": Words(
            "Another way to say `critical`.",
            "fail",
            values={"continue": "the same as `critical: false`.", "fail": "the same as `critical: true`."},
        ),
        "timeout_seconds": Words(
            "How long an attempt may take, in seconds; without it as long as the step type allows.", examples=(30,)
        ),
        "max_retries": Words("How often the step is tried again after an error or a timeout.", 0, (3,)),
        "retry_strategy": Words(
            "How the delay between attempts changes.",
            "exponential_backoff",
            values={
                "exponential_backoff": "it doubles each time.",
                "fixed_delay": "it stays the same.",
                "none": "the step is not retried.",
            },
        ),
        "retry_delay_seconds": Words("The delay before the first retry, in whole seconds.", 1, (5,)),
        "max_retry_delay_seconds": Words("The longest delay between two attempts, in whole seconds.", 60, (300,)),
        "for_each": Words(
            "Reference to a list: the step runs once per element, and its output is the list of outputs, in order. `item` and "
            "`index` are readable. null counts as an empty list.",
            examples=("fetch_orders.body.items", "variables.regions"),
        ),
        "max_concurrency": _MAX_CONCURRENCY,
        "max_items": _MAX_ITEMS,
        "compensate": Words(
            "Steps that undo this one, once it has completed, when the run fails. Those of later steps run first.",
            [],
            ([_CALL],),
        ),
        "step_order": Words(
            "The step's place in a `sequential` workflow, before its place in the list.", examples=(1,)
        ),
        "estimated_seconds": Words(
            "How long the step usually takes. It lets the compiler choose a better order, and changes no result.",
            examples=(2.5,),
        ),
    },
    "MapConfig": {
        "items": Words(
            "Reference to a list; the steps run once per element. null counts as an empty list.",
            examples=("fetch_orders.body.items",),
        ),
        "steps": Words("The steps, which read the element as `item` and its place as `index`.", examples=(_STEPS,)),
        "max_concurrency": _MAX_CONCURRENCY,
        "max_items": _MAX_ITEMS,
        "output": Words(
            "What each element gives: names, each with a source. By default the outputs of the last steps, by step id.",
            examples=({"price": "price.result"},),
        ),
    },
    "LoopConfig": {
        "while": Words(
            "Tested before each turn: the loop goes on while it holds. A loop has `while` or `until`.",
            examples=("index < 3",),
        ),
        "until": Words(
            "Tested after each turn: the loop ends when it holds. It may read the steps of the turn.",
            examples=("poll.body.done == true",),
        ),
        "max_iterations": Words("The most turns. A loop that has run out of them fails its step.", examples=(20,)),
        "steps": Words(
            "The steps of a turn. `index` is the turn, from 0, and the loop's own id reads the turn before.",
            examples=(_STEPS,),
        ),
        "output": Words(
            "What a turn gives: names, each with a source. By default the outputs of the last steps, by step id.",
            examples=({"page": "poll.body"},),
        ),
    },
    "CaseDocument": {
        "when": Words("The condition of the case.", examples=("input.amount > 1000",)),
        "steps": Words("The steps that run when it is the first whose condition holds.", examples=(_STEPS,)),
    },
    "SwitchConfig": {
        "cases": Words(
            "The cases, tested in order; the first that holds runs.",
            examples=([{"when": "input.amount > 1000", "steps": _STEPS}],),
        ),
        "default": Words("The steps that run when no case holds.", [], (_STEPS,)),
        "output": Words(
            "What the switch gives: names, each with a source. By default the outputs of the last steps of the case that ran.",
            examples=({"decision": "approve"},),
        ),
    },
    "Source": {
        "value": Words("The literal, whatever it is: texts too.", examples=("hello", ["a", "b"])),
        "template": Words(
            "Text with references in double braces. Also `{{ current_date }}`, `{{ current_time }}`, `{{ uuid }}`, `{{ "
            "execution_id }}`. Braces as they stand are written `{{{x}}}`.",
            examples=("Hello {{ input.name }}, your order {{ order.data.id }} is on its way.",),
        ),
        "expression": Words(
            "JSONata, in which a value is read by `$ref('step.path')`. In an `input_mapping` only.",
            examples=("$sum($ref('order.data.lines.price'))",),
        ),
    },
    "Condition": {
        "left_operand": Words("A reference, or `{value: ...}`.", examples=("order.data.total", "fetch.status")),
        "operator": Words("How the operands are compared, or what is asked of the left one alone."),
        "right_operand": Words(
            "A literal, or a reference with a path. `{value: ...}` makes a literal of a text that looks like a reference.",
            examples=(100, "paid", ["open", "paid"]),
        ),
        "logical_operator": Words(
            "How conditions are joined.",
            values={"and": "all hold.", "or": "at least one holds.", "not": "the only one does not hold."},
        ),
        "conditions": Words(
            "The conditions that are joined; `not` takes one.",
            examples=(["input.amount > 100", "input.country == 'DE'"],),
        ),
    },
}
"""Per model of `document`, and for what it leaves to others, its fields by the names that stand in documents."""

TEXTS: Final[Mapping[str, str]] = {
    "Workflow": "A workflow: steps, and in which order their dependencies let them run.",
    "Step": "One step of a workflow or of a container.",
    "Reference": (
        "A value of the run: `step_id.path`, `input.path`, `variables.path`, `item`, `index`, `execution.id`, and of a step "
        'also `step_id.status` and `step_id.error.message`. Paths: `.name`, `["any key"]`, `[0]`, `[-1]`, `[*]`. What is '
        "missing is null."
    ),
    "Source": (
        "Where a value comes from. A text is a reference, such as `fetch.body.items`; `{value}` is a literal text, "
        "`{template}` text with references, `{expression}` JSONata. Any other JSON value stands for itself."
    ),
    "OutputSource": (
        "Where a value comes from. A text is a reference, such as `fetch.body.items`; `{value}` is a literal text, "
        "`{template}` text with references. Any other JSON value stands for itself."
    ),
    "Condition": (
        "A text such as `order.data.total >= 100 and not (input.skip == true)`; a test `{left_operand, operator, "
        "right_operand}`; a group `{logical_operator, conditions}`; or a list, of which all must hold."
    ),
}
"""What the parts of the language are that have no model of their own, or more than one field says."""

EXAMPLES: Final[Mapping[str, tuple[Json, ...]]] = {
    "Reference": ("fetch.body.items[0].name", "fetch.status", "input.customer", 'variables["any key"]', "item.price"),
    "Source": (
        "fetch.body.items",
        {"value": "a text"},
        {"template": "Hello {{ input.name }}"},
        {"expression": "$sum($ref('order.data.lines.price'))"},
        10,
    ),
    "OutputSource": ("fetch.body.items", {"value": "a text"}, {"template": "Hello {{ input.name }}"}, 10),
    "Condition": (
        "order.data.total >= 100 and input.country in ['DE', 'AT']",
        {"left_operand": "order.data.total", "operator": ">=", "right_operand": 100},
        {"logical_operator": "not", "conditions": ["input.skip"]},
    ),
}

OPERATORS: Final[Mapping[str, tuple[str, str]]] = {
    "==": ("Both are the same JSON value, at any depth. What is missing equals null.", "order.status == 'completed'"),
    "!=": ("The two are not the same JSON value.", "input.country != 'DE'"),
    ">": (
        "The left one is greater: of two numbers, two texts, or a number and a text that reads as one. Of anything else false.",
        "a.n > 1",
    ),
    ">=": ("The left one is greater or equal, compared as by `>`.", "a.score >= 0.5"),
    "<": ("The left one is less, compared as by `>`.", "index < 3"),
    "<=": ("The left one is less or equal, compared as by `>`.", "a.n <= input.limit"),
    "contains": ("The list has the element, the text the part, the object the key.", "a.tags contains 'new'"),
    "not_contains": ("The opposite of `contains`.", "a.text not_contains 'error'"),
    "in": ("The element is in the list, the part in the text, the key in the object.", "input.country in ['DE', 'AT']"),
    "not_in": ("The opposite of `in`.", "a.status not_in ['failed', 'skipped']"),
    "starts_with": ("The text begins with the other.", "a.name starts_with 'Dr. '"),
    "ends_with": ("The text ends with the other.", "a.file ends_with '.pdf'"),
    "regex_match": (
        "The pattern, a literal, is found in the text. `^` and `$` stand for the ends.",
        "input.code regex_match '^[A-Z]{3}$'",
    ),
    "is_empty": ("null, an empty text, list or object.", "a.rows is_empty"),
    "is_not_empty": ("The opposite of `is_empty`.", "a.rows is_not_empty"),
    "is_null": ("null, or missing.", "a.error is_null"),
    "is_not_null": ("There, and not null.", "a.error is_not_null"),
    "exists": ("The same as `is_not_null`.", "input.coupon exists"),
}
"""The operators of conditions: what they mean, and an example."""

TEMPLATE_VARIABLES: Final[Mapping[str, str]] = {
    "current_timestamp": "The time at which the step is entered, in ISO 8601, UTC.",
    "current_date": "Its date: `2030-01-31`.",
    "current_time": "Its time of day: `08:00:00`.",
    "current_year": "Its year.",
    "current_month": "Its month, with two digits.",
    "current_day": "Its day of the month, with two digits.",
    "uuid": "A new random UUID.",
    "execution_id": "The id of the run.",
    "workflow_id": "The id of the workflow.",
    "user_id": "The user of the run; empty where it has none.",
    "session_id": "The session of the run; empty where it has none.",
}
"""What a template shows beside the values of references."""
