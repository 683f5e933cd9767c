"""WFE-500 and above: quotas of Step Functions, cost, and the compiler's own mistakes."""

from __future__ import annotations

from typing import Final

from workflow_engine.language.explanations.entry import FETCH, ORDER, Document, Entry, counted, workflow


def _list_of(max_items: int) -> Document:
    words = {"processing_type": "word_count"}
    return counted(config=words, for_each="input.texts", input_mapping={"input": "item"}, max_items=max_items)


def _many(number: int) -> Document:
    each = {
        "step_type": "data_processing",
        "config": {"processing_type": "word_count"},
        "input_mapping": {"input": "input.text"},
    }
    return workflow(*[each] * number, execution_pattern="parallel")


def _nested(levels: int) -> Document:
    inner: Document = {"step_type": "data_processing", "input_mapping": {"input": "item"}}
    for _ in range(levels):
        inner = {"step_type": "map", "config": {"items": "item", "max_items": 2, "steps": [inner]}}
    return workflow({**inner, "config": {**inner["config"], "items": "input.list"}})


def _crossed(*of_second: str) -> Document:
    fetched = [{**FETCH, "step_id": step_id} for step_id in ("orders", "stock")]
    return workflow(
        *fetched,
        counted(step_id="first", dependencies=["orders"], config={"processing_type": "word_count"}),
        counted(step_id="second", dependencies=list(of_second), config={"processing_type": "word_count"}),
        execution_pattern="dependency",
    )


def _asked(**fields: int) -> Document:
    query = {"query": "Sum it up.", "agent_config": {"model": "gpt-4o"}}
    mapped = {"input_mapping": {"text": "item"}, "for_each": "input.texts", **fields}
    return workflow({"step_id": "ask", "step_type": "agent_execution", "config": query, **mapped})


ENTRIES: Final = {
    "WFE-E500": Entry(
        "The definition of a state machine holds 1 MB (Step Functions quotas), about 1,300 tasks. Put a part of the steps into a "
        "workflow of its own and start it by a 'subflow', or let a 'map' repeat them.",
        _many(3000),
        _many(3),
    ),
    "WFE-E501": Entry(
        "An execution has at most 25,000 history events (Step Functions quotas), five for a task, and would be stopped at the "
        "last one. Let a 'subflow' do a part of the list, since it has a history of its own.",
        workflow(_list_of(9000)),
        workflow(_list_of(1000)),
    ),
    "WFE-E502": Entry(
        "Configurations, literals and variables travel in the input of the execution, which holds 256 KiB (Step Functions quotas). "
        "Put large data into a file or into S3 and hand on its address.",
        workflow({**ORDER, "config": {"data": "x" * 300_000}}),
        workflow(ORDER),
    ),
    "WFE-E503": Entry(
        "What is read across the levels of containers makes expressions that Step Functions refuses beyond a certain depth. "
        "Put the inner ones into a workflow of their own and start it by a 'subflow'.",
        _nested(12),
        _nested(3),
    ),
    "WFE-W510": Entry(
        "The run may use more than 80 % of a quota, so a little growth will stop it. Plan to split it.",
        workflow(_list_of(3000)),
        workflow(_list_of(1000)),
    ),
    "WFE-W511": Entry(
        "Step Functions knows only branches that begin and end together. These dependencies cross, so that some steps wait for "
        "others without need. It costs time at most: leave it, set 'estimated_seconds' so that little is lost, or let both "
        "wait for the same steps.",
        _crossed("orders", "stock"),
        _crossed("stock"),
    ),
    "WFE-W512": Entry(
        "Each element of the list pays for a call, of a model for instance, and nobody knows how many there will be. max_items "
        "bounds what a run may cost.",
        _asked(),
        _asked(max_items=100),
    ),
    "WFE-W513": Entry(
        "A list that is longer than the history of a run has room for fails the step. max_items says how many elements you expect, "
        "and lets the plan tell what they cost.",
        workflow(ORDER, counted(for_each="input.orders", input_mapping={"input": "item"})),
        workflow(ORDER, counted(for_each="input.orders", input_mapping={"input": "item"}, max_items=100)),
    ),
    "WFE-E900": Entry(
        "This is a mistake of the compiler, never of the workflow: what it made would be refused by Step Functions. Please report "
        "the workflow, or its smallest part that shows it."
    ),
}
