"""WFE-100 to WFE-199: the document, its fields and their values."""

from __future__ import annotations

from typing import Final

from workflow_engine.language.explanations.entry import FETCH, ORDER, Entry, workflow

ENTRIES: Final = {
    "WFE-E100": Entry(
        "A workflow is an object, since its steps are only one of its fields. A list of steps alone goes into the field 'steps'.",
        [ORDER],
        workflow(ORDER),
    ),
    "WFE-E101": Entry(
        "A field that nobody knows is refused, never ignored: a misspelt 'dependencies' would otherwise run a step too early. Mend "
        "its spelling, or remove it. Notes of your own have a place in 'metadata' and 'description'.",
        workflow(ORDER, {"step_id": "count", "step_type": "data_processing", "dependancies": ["order"]}),
        workflow(ORDER, {"step_id": "count", "step_type": "data_processing", "dependencies": ["order"]}),
    ),
    "WFE-E102": Entry(
        "Without this field nobody could say what the workflow or the step should do. Add it where the pointer leads.",
        workflow({"step_id": "order"}),
        workflow({"step_id": "order", "step_type": "data_input"}),
    ),
    "WFE-E103": Entry(
        'Values are never converted: "30s" is a text, not a number of seconds, and guessing would hide mistakes. Write a value of '
        "the type, and within the range, that the message names.",
        workflow({**FETCH, "timeout_seconds": "30s"}),
        workflow({**FETCH, "timeout_seconds": 30}),
    ),
    "WFE-E104": Entry(
        "Some things can be said in two ways, and here they say the opposite of each other. Keep the one that you mean.",
        workflow({**FETCH, "critical": True, "on_error": "continue"}),
        workflow({**FETCH, "critical": False}),
    ),
    "WFE-E105": Entry(
        "The field takes one of a few words, and this is none of them. The message lists them all.",
        workflow(ORDER, execution_pattern="dag"),
        workflow(ORDER, execution_pattern="dependency"),
    ),
    "WFE-W106": Entry(
        "Step Functions waits whole seconds between attempts, so a fraction is rounded up. The run is right; write the whole "
        "number to say what will happen.",
        workflow({**FETCH, "max_retries": 3, "retry_delay_seconds": 0.5}),
        workflow({**FETCH, "max_retries": 3, "retry_delay_seconds": 1}),
    ),
}
