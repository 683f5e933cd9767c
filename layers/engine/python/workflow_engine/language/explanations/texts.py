"""WFE-300 to WFE-399: conditions, templates and expressions."""

from __future__ import annotations

from typing import Final

from workflow_engine.language.explanations.entry import ORDER, Entry, counted, workflow

ENTRIES: Final = {
    "WFE-E300": Entry(
        "A condition compares references and literals: order.data.total >= 100 and not (input.skip == true). A step never runs "
        "because its condition could not be read, so the position of the mistake is told.",
        workflow(ORDER, counted(conditions="order.data.total >")),
        workflow(ORDER, counted(conditions="order.data.total > 100")),
    ),
    "WFE-E301": Entry(
        "The operators are ==, !=, >, >=, <, <=, contains, not_contains, in, not_in, starts_with, ends_with, regex_match, "
        "is_empty, is_not_empty, is_null, is_not_null and exists; tests are joined by and, or and not.",
        workflow(ORDER, counted(conditions="order.data.total = 120")),
        workflow(ORDER, counted(conditions="order.data.total == 120")),
    ),
    "WFE-E302": Entry(
        "The pattern of regex_match is checked before the run, so it is a text in the workflow, never a reference. It is "
        "searched for anywhere in the text; ^ and $ stand for its ends.",
        workflow(counted(input_mapping={"input": "input.code"}, conditions="input.code regex_match '[A-Z'")),
        workflow(counted(input_mapping={"input": "input.code"}, conditions="input.code regex_match '^[A-Z]+$'")),
    ),
    "WFE-E303": Entry(
        "A template is text with references in double braces. Each '{{' needs its '}}', and one reference, or a word such as "
        "current_date, stands in between. Braces that are meant as they stand are written '{{{x}}}'.",
        workflow(ORDER, counted(input_mapping={"input": {"template": "Total: {{ order.data.total"}})),
        workflow(ORDER, counted(input_mapping={"input": {"template": "Total: {{ order.data.total }}"}})),
    ),
    "WFE-E304": Entry(
        "An expression is JSONata, in which a value of the run is read by $ref('step.path'). It may stand in an "
        "'input_mapping' and in the 'expression' of a 'transform', where bare names are the entries of the step's input.",
        workflow(ORDER, counted(input_mapping={"input": {"expression": "order.data.total * 2"}})),
        workflow(ORDER, counted(input_mapping={"input": {"expression": "$ref('order.data.total') * 2"}})),
    ),
    "WFE-W305": Entry(
        "The condition is the same in every run, because nothing of the run is in it. Compare a value of the input or of a step, "
        "or remove the condition.",
        workflow(ORDER, counted(conditions="'paid' == 'paid'")),
        workflow(ORDER, counted(conditions="input.status == 'paid'")),
    ),
}
