"""The step's code, with the SDK that comes as a layer."""

from __future__ import annotations

from typing import Any

from workflow_engine.sdk import StepContext, step


class KettleIsEmptyError(Exception):
    """What the step fails with."""


@step
def handler(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """Say what came in; fail when there is no water."""
    if input_data.get("water") == 0:
        raise KettleIsEmptyError("Fill it first.")
    return {"cups": config["cups"], "water": input_data.get("water"), "tenant": context.tenant_id}
