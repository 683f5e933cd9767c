"""Step functions of the journeys, as a developer keeps them in the folder of --steps."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Any

from workflow_engine.sdk import step


@step
def shout(config: dict[str, Any], input_data: dict[str, Any]) -> dict[str, str]:
    """Upper-case the text and add exclamation marks."""
    return {"text": input_data["text"].upper() + "!" * config.get("marks", 1)}


class OvenTooHotError(Exception):
    """What the broken step raises."""


def broken(event: Any, context: Any) -> None:
    """Fail, always."""
    raise OvenTooHotError("It burns at 300 degrees.")


def late(event: Any, context: Any) -> dict[str, bool]:
    """Not in the manifest, so that a journey can register it."""
    return {"registered": True}


def talkative(event: Any, context: Any) -> dict[str, int]:
    """Print, log, and print from threads of its own; fail at the first attempt if it is told to."""
    attempt = event["execution_context"]["attempt"]
    print(f"attempt {attempt} of {event['input_data'].get('name')}")
    print("to stderr", file=sys.stderr)
    logging.getLogger("journey").info("logged", extra={"order": 7})
    threads = [threading.Thread(target=print, args=(f"thread {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if event["input_data"].get("fails") and attempt == 1:
        raise OvenTooHotError("It burns.")
    return {"attempt": attempt}


def slow_talker(event: Any, context: Any) -> dict[str, bool]:
    """Print, work on for a while, print again."""
    print("started")
    time.sleep(event["input_data"]["seconds"])
    print("done")
    return {"done": True}


def gives_back(event: Any, context: Any) -> Any:
    """Give `value`; fail at the first attempt if it is told to."""
    if event["input_data"].get("fails") and event["execution_context"]["attempt"] == 1:
        raise OvenTooHotError("It burns.")
    return event["input_data"]["value"]
