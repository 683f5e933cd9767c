"""Callers of use cases, what they save and run, and what they get."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.backend_cloud import counted
from workflow_engine.errors import InvalidRequestError
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.answers import ExecutionStarted, Results
from workflow_engine.usecases.definitions import save_definition
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import read_results, start_run

ME = Caller("default", "me")
OTHER = Caller("other")

HELLO: dict[str, Any] = {
    "name": "Hello",
    "steps": [
        {"step_id": "words", "step_type": "data_input", "config": {"data": {"message": "Hello, World!"}}},
        {
            "step_id": "loud",
            "step_type": "data_processing",
            "input_mapping": {"input": "words.data"},
            "config": {"processing_type": "uppercase"},
        },
    ],
}
AGENT: dict[str, Any] = {
    "agent_name": "Analyst",
    "description": "Analyses.",
    "model": "gpt-4o-mini",
    "system_prompt": "You are an analyst.",
    "temperature": 0.1,
    "mode": "simulation",
}
PROMPT: dict[str, Any] = {
    "name": "Greeting",
    "system_prompt": "Speak {language}.",
    "query_template": "Greet {{ name }} in the {time}.",
    "variables": [{"name": "language", "default": "English"}, {"name": "name", "required": True}],
}


def results_of(engine: Engine, started: ExecutionStarted) -> Results:
    """The results of a run, once it has ended."""
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)
    return read_results.results(engine, ME, started["execution_id"])


def run(engine: Engine, body: dict[str, Any]) -> Results:
    """Run a posted workflow to its end."""
    return results_of(engine, start_run.start(engine, ME, body))


@contextmanager
def nothing_written(engine: Engine) -> Iterator[None]:
    """Fails if anything is created meanwhile, in whatever store."""
    with counted(engine.dynamodb, engine.stepfunctions, engine.s3) as calls:
        yield
    assert {c for c in calls if not c.startswith(("Get", "BatchGet", "Query"))} == set()


def new_id(word: str = "a") -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


def saved_agent(engine: Engine, **fields: Any) -> str:
    return str(save_definition.create(AGENTS, engine, ME, {**AGENT, **fields})["agent_id"])


def refused(work: Callable[[], Any]) -> list[tuple[str, str]]:
    """Code and pointer of each finding of the InvalidRequestError that this raises."""
    with pytest.raises(InvalidRequestError) as error:
        work()
    return [(e["code"], e["pointer"]) for e in error.value.errors]
