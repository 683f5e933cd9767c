"""The custom step that the tests deploy: as an ops team would write it, without the SDK."""

from __future__ import annotations

from typing import Any


class KettleIsEmptyError(Exception):
    """What the step fails with."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Say what came in; fail when there is no water."""
    if event["input_data"].get("water") == 0:
        raise KettleIsEmptyError("Fill it first.")
    return {
        "cups": event["step_config"]["config"]["cups"],
        "water": event["input_data"].get("water"),
        "tenant": event["execution_context"]["user_context"]["tenant_id"],
    }
