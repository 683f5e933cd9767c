"""The Lambda functions of the original, here in Python. In the cloud they are registered by their ARNs."""

from __future__ import annotations

from typing import Any

from workflow_engine.sdk import step


@step
def check_stock(config: dict[str, Any], input_data: dict[str, Any]) -> dict[str, Any]:
    return {"available": len(input_data["order"]["lines"]) < 10, "seconds": 3600}


@step
def pack(config: dict[str, Any], input_data: dict[str, Any]) -> dict[str, Any]:
    return {"parcel": f"p-{input_data['line']['sku']}"}


@step
def ship(config: dict[str, Any], input_data: dict[str, Any]) -> dict[str, Any]:
    return {"shipment": len(input_data["parcels"])}


@step
def tell(config: dict[str, Any], input_data: dict[str, Any]) -> dict[str, Any]:
    return {"told": input_data["why"]}
