"""Step functions of the journeys, as a developer keeps them in the folder of --steps."""

from __future__ import annotations

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
