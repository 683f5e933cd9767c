"""WFE-200 to WFE-299: ids, dependencies and references."""

from __future__ import annotations

from typing import Final

from workflow_engine.language.explanations.entry import FETCH, ORDER, Entry, counted, workflow

_LINES: Final = {
    "step_id": "prices",
    "step_type": "map",
    "config": {
        "items": "order.data.lines",
        "steps": [{"step_id": "price", "step_type": "data_processing", "input_mapping": {"input": "item.price"}}],
    },
}
_TELL: Final = {"step_id": "tell", "step_type": "output", "input_mapping": {"why": "failure.message"}}
_INPUT_SCHEMA: Final = {"type": "object", "properties": {"customer": {"type": "string"}}}

ENTRIES: Final = {
    "WFE-E200": Entry(
        "References name steps by their ids, so an id belongs to one step in the whole workflow, steps inside of containers "
        "included. Rename one of the two, and the references that mean it.",
        workflow(ORDER, ORDER),
        workflow(ORDER, {**ORDER, "step_id": "second_order"}),
    ),
    "WFE-E201": Entry(
        "'input', 'variables', 'item', 'and', 'true' and other words mean something in references and conditions, so a step "
        "with such an id could not be read. '__proto__' and 'hasOwnProperty' are lost by the JSONata of Step Functions.",
        workflow({**ORDER, "step_id": "input"}),
        workflow({**ORDER, "step_id": "my_input"}),
    ),
    "WFE-E202": Entry(
        "A step that waits for a step that does not exist would never run. Name a step that stands beside it: one inside of a "
        "container is waited for by waiting for the container.",
        workflow(ORDER, counted(dependencies=["ordr"])),
        workflow(ORDER, counted(dependencies=["order"])),
    ),
    "WFE-E203": Entry(
        "A step that waits for itself, or reads its own output, would never begin. To use the result of an earlier turn, put "
        "the step into a 'loop' and read the loop's id.",
        workflow(ORDER, counted(dependencies=["count"])),
        workflow(ORDER, counted(dependencies=["order"])),
    ),
    "WFE-E204": Entry(
        "A reference begins with the id of a step or with 'input', 'variables', 'item', 'index', 'execution' or 'failure'. A text "
        'that is meant as it stands is written {"value": "hello"}, in a condition \'hello\'.',
        workflow(ORDER, counted(input_mapping={"input": "ordr.data.lines"})),
        workflow(ORDER, counted(input_mapping={"input": "order.data.lines"})),
    ),
    "WFE-E205": Entry(
        "Each of these steps waits for the others, by 'dependencies' or by what it reads, so none could begin. The message names "
        "the way round; remove one of its links. Work that repeats goes into a 'loop'.",
        workflow(
            {"step_id": "a", "step_type": "data_processing", "dependencies": ["b"]},
            {"step_id": "b", "step_type": "data_processing", "dependencies": ["a"]},
        ),
        workflow(
            {"step_id": "a", "step_type": "data_processing", "input_mapping": {"input": "input.text"}},
            {"step_id": "b", "step_type": "data_processing", "dependencies": ["a"]},
        ),
    ),
    "WFE-E206": Entry(
        "'item' and 'index' are the element at hand, and there is one only in a step with 'for_each' and inside of a 'map' (in a "
        "'loop' there is 'index').",
        workflow(ORDER, counted(input_mapping={"input": "item.price"})),
        workflow(ORDER, counted(input_mapping={"input": "item.price"}, for_each="order.data.lines", max_items=10)),
    ),
    "WFE-E207": Entry(
        "What stands inside of a container runs once per element, in turns, or perhaps not at all, so nothing outside can read "
        "it. Read the container instead: its output has the outputs of its last steps by their ids.",
        workflow(ORDER, _LINES, counted(input_mapping={"input": "price.result"})),
        workflow(ORDER, _LINES, counted(input_mapping={"input": "prices[*].price.result"})),
    ),
    "WFE-E208": Entry(
        "A text in an 'input_mapping' is a reference, such as order.data.lines[0].price, and nothing stands around it. A text with "
        'references in it is written {"template": "..."}, a text as it stands {"value": "..."}.',
        workflow(ORDER, counted(input_mapping={"input": "{{ order.data.lines }}"})),
        workflow(ORDER, counted(input_mapping={"input": "order.data.lines"})),
    ),
    "WFE-W209": Entry(
        "The steps that this one waits for end the run when they fail, so it never sees the failure that its trigger_rule asks "
        "for. Set 'critical' to false on the step that may fail.",
        workflow(FETCH, counted(dependencies=["fetch"], trigger_rule="one_failed")),
        workflow({**FETCH, "critical": False}, counted(dependencies=["fetch"], trigger_rule="one_failed")),
    ),
    "WFE-E210": Entry(
        "It is known what this value looks like, and it cannot have such a field: the reference would be null in every run. Mend "
        "its spelling; the fields of an output are listed in the step catalogue.",
        workflow(ORDER, counted(input_mapping={"input": "order.data.lnes"})),
        workflow(ORDER, counted(input_mapping={"input": "order.data.lines"})),
    ),
    "WFE-W211": Entry(
        "The schema of this value names its fields and this is none of them, but does not forbid others. If the field exists, "
        "add it to the schema; else mend the reference.",
        workflow(counted(input_mapping={"input": "input.custmer"}), input_schema=_INPUT_SCHEMA),
        workflow(counted(input_mapping={"input": "input.customer"}), input_schema=_INPUT_SCHEMA),
    ),
    "WFE-E212": Entry(
        "'for_each' and the 'items' of a map need a list, and [0] and [*] read one. This value is sure to be something else, so "
        "the step would fail, or read null, in every run.",
        workflow(ORDER, counted(input_mapping={"input": "item"}, for_each="order.data", max_items=10)),
        workflow(ORDER, counted(input_mapping={"input": "item"}, for_each="order.data.lines", max_items=10)),
    ),
    "WFE-E213": Entry(
        "The value is one of a few texts, and this is none of them, so the result of the comparison is the same in every run.",
        workflow(ORDER, counted(conditions="order.status == 'sucess'")),
        workflow(ORDER, counted(conditions="order.status == 'completed'")),
    ),
    "WFE-W214": Entry(
        "References and templates are read in an entry of their own, not inside of objects and lists, nor in configuration "
        'fields that take none. Give the text an entry of its own; if it is meant as it stands, put {"value": ...} around it.',
        workflow(ORDER, counted(input_mapping={"input": {"all": "order.data.lines"}})),
        workflow(ORDER, counted(input_mapping={"all": "order.data.lines"})),
    ),
    "WFE-W215": Entry(
        "The order of steps hands nothing on. A step is given the outputs of its 'dependencies', or what its 'input_mapping' "
        "says; with neither it works on nothing.",
        workflow(ORDER, counted(dependencies=[])),
        workflow(ORDER, counted(dependencies=["order"])),
    ),
    "WFE-E216": Entry(
        "A step of 'on_failure' or 'compensate' runs when the run has failed, and by then no other step begins. Let a step of "
        "'on_failure' read it.",
        workflow(FETCH, counted(input_mapping={"input": "tell.data"}), on_failure=[_TELL]),
        workflow(FETCH, counted(input_mapping={"input": "fetch.body"}), on_failure=[_TELL]),
    ),
    "WFE-E217": Entry(
        "'failure' tells what ended the run, so it is known in the steps of 'on_failure' and 'compensate' alone. What became of "
        "one step that may fail is its '.status' and '.error'.",
        workflow({**FETCH, "critical": False}, counted(input_mapping={"input": "failure.message"})),
        workflow({**FETCH, "critical": False}, counted(input_mapping={"input": "fetch.error.message"})),
    ),
}
