"""Steps whose end the tests of the console decide."""

import os
import time
from pathlib import Path
from typing import Any

from workflow_engine.sdk import StepContext, step


def _switch(name: str) -> Path:
    return Path(os.environ["CONSOLE_TEST_FOLDER"]) / name


@step
def carrier(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """Fails until there is a truck."""
    print("looking for a truck")
    if not _switch("truck").exists():
        raise RuntimeError("no truck")
    return {"parcel": 9}


@step
def gate(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """Lets a run through when the test says so."""
    _wait_for(config["name"])
    return {"name": config["name"]}


def _wait_for(name: str) -> None:
    # Eight pages that a slow machine opens one after the other take more than a minute.
    for _ in range(6000):
        if _switch(name).exists():
            return
        time.sleep(0.05)
    raise RuntimeError(f"nobody made {name}")


@step
def chatter(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """Prints lines, and one more when the test says so."""
    for number in range(config["lines"]):
        print(f"line {number}")
    _wait_for(config["name"])
    print("the last line")
    return {}


@step
def flaky(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """Fails at the first attempt."""
    if context.attempt == 1:
        raise TimeoutError("not yet")
    return {}


@step
def oracle(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """Tells what a model took, as an agent does."""
    return {"usage": {"tokens_in": 900, "tokens_out": 100, "llm_calls": 1, "cost_usd": config["dollars"]}}


@step
def bulk(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """Gives so many rows of 1,000 characters."""
    return {"rows": ["x" * 1000] * config["rows"]}
