"""WFE-400 to WFE-499: step types, their configurations, and what steps name."""

from __future__ import annotations

from typing import Final

from workflow_engine.language.explanations.entry import FETCH, ORDER, Document, Entry, counted, workflow

_CHILD: Final = workflow(
    ORDER, input_schema={"type": "object", "required": ["customer"], "properties": {"customer": {"type": "string"}}}
)
_STORED: Final = {"invoice": _CHILD}


def _subflow(workflow_id: str, **mapping: str) -> Document:
    return {
        "step_id": "bill",
        "step_type": "subflow",
        "config": {"workflow_id": workflow_id},
        "input_mapping": mapping,
    }


def _undone(inside: bool) -> Document:
    undo = {"step_id": "cancel", "step_type": "output", "input_mapping": {"order": "input.order"}}
    send: Document = {"step_id": "send", "step_type": "data_processing", "input_mapping": {"input": "item"}}
    each: Document = {"step_id": "each", "step_type": "map"}
    (send if inside else each)["compensate"] = [undo]
    return workflow({**each, "config": {"items": "input.orders", "max_items": 10, "steps": [send]}})


ENTRIES: Final = {
    "WFE-E400": Entry(
        "There is no built-in step type of this name, and none was registered under it. GET /steps lists those there are; own "
        "code is registered with POST /steps/register, on a laptop by --steps.",
        workflow({**ORDER, "step_type": "data_imput"}),
        workflow(ORDER),
    ),
    "WFE-E401": Entry(
        "The type belongs to the language, but this version of the service cannot run it. Every built-in type of this version "
        "can run."
    ),
    "WFE-E402": Entry(
        "Each step type says by a JSON Schema what its 'config' may hold. The message names the field and what it may be; the "
        "step catalogue and GET /steps/{step_type}/schema have all of them.",
        workflow(ORDER, counted(config={"processing_type": "upper"})),
        workflow(ORDER, counted(config={"processing_type": "uppercase"})),
    ),
    "WFE-E403": Entry(
        "The delay between attempts can stay the same or double each time; Step Functions has nothing in between.",
        workflow({**FETCH, "max_retries": 3, "retry_strategy": "linear_backoff"}),
        workflow({**FETCH, "max_retries": 3, "retry_strategy": "exponential_backoff"}),
    ),
    "WFE-E404": Entry(
        "The field is known, but means nothing on this step, so it was put there by mistake: max_concurrency needs a for_each, "
        "for instance, and a container has no input_mapping.",
        workflow(ORDER, counted(max_concurrency=5)),
        workflow(
            ORDER,
            counted(max_concurrency=5, for_each="order.data.lines", input_mapping={"input": "item"}, max_items=10),
        ),
    ),
    "WFE-W405": Entry(
        "The field changes nothing as long as another one is not set. A retry strategy needs max_retries, which is 0 by default.",
        workflow({**FETCH, "retry_strategy": "fixed_delay"}),
        workflow({**FETCH, "retry_strategy": "fixed_delay", "max_retries": 3}),
    ),
    "WFE-E406": Entry(
        "Steps that undo another run once, when the run has failed. A step inside of a container may have run many times or not at "
        "all, so the container is undone as a whole: put 'compensate' on it.",
        _undone(inside=True),
        _undone(inside=False),
    ),
    "WFE-W410": Entry(
        "Names of agents, prompts, tools, MCP servers and workflows are looked up when the step runs, so this only warns: the "
        "thing may be stored by then. If it is not, the step fails.",
        workflow(_subflow("invioce", customer="input.customer")),
        workflow(_subflow("invoice", customer="input.customer")),
        _STORED,
    ),
    "WFE-E411": Entry(
        "A workflow that starts itself, directly or through others, would never end. Subflows may be ten levels deep.",
        workflow(_subflow("billing", customer="input.customer"), workflow_id="billing"),
        workflow(_subflow("invoice", customer="input.customer"), workflow_id="billing"),
        _STORED,
    ),
    "WFE-E412": Entry(
        "The workflow that the step starts says by its input_schema what its input must be, and this input is sure to be refused.",
        workflow(_subflow("invoice", client="input.customer")),
        workflow(_subflow("invoice", customer="input.customer")),
        _STORED,
    ),
}
