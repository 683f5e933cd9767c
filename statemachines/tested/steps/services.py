"""The services that these workflows call. Tests of workflows mock them; here they only pretend."""

from __future__ import annotations

from typing import Any

from workflow_engine.sdk import StepContext, StepReportedFailure, step

Object = dict[str, Any]


class CardDeclined(StepReportedFailure):
    """Trying again does not help."""


@step
def reserve(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"reservation": f"r-{input_data['order']}"}


@step
def release(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"released": input_data["reservation"]}


@step
def charge(config: Object, input_data: Object, context: StepContext) -> Object:
    if input_data["amount"] > 1000:
        raise CardDeclined("insufficient_funds")
    return {"payment": f"p-{input_data['order']}"}


@step
def refund(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"refunded": input_data["payment"]}


@step
def ship(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"parcel": f"x-{input_data['reservation']}"}


@step
def send_reminder(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"sent": True}


@step
def book_expense(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"id": context.idempotency_key}


@step
def job_state(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"state": "done", "url": f"s3://results/{input_data['job']}"}


@step
def list_shops(config: Object, input_data: Object, context: StepContext) -> list[Object]:
    return [{"id": number} for number in range(200)]


@step
def sales_of_shop(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"sum": input_data["shop"] * 10}


@step
def send_mail(config: Object, input_data: Object, context: StepContext) -> Object:
    return {"message_id": context.idempotency_key}


@step
def lookup_product(config: Object, input_data: Object, context: StepContext) -> Object:
    """Price and warranty of a product, by its `sku`."""
    return {"sku": input_data.get("sku"), "warranty": 24}
