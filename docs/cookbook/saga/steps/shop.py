"""The shop's services. Here they only pretend; call yours in their place, with `context.idempotency_key`."""

from __future__ import annotations

from workflow_engine.sdk import StepContext, StepReportedFailure, step


class CardDeclined(StepReportedFailure):
    """Trying again does not help; the name is the step's error type."""


@step
def reserve(config: dict, input_data: dict, context: StepContext) -> dict:
    return {"reservation": f"r-{input_data['order']}"}


@step
def release(config: dict, input_data: dict, context: StepContext) -> dict:
    return {"released": input_data["reservation"]}


@step
def charge(config: dict, input_data: dict, context: StepContext) -> dict:
    if input_data["amount"] > 1000:
        raise CardDeclined("The card has a limit of 1,000.")
    return {"payment": f"p-{input_data['order']}"}


@step
def refund(config: dict, input_data: dict, context: StepContext) -> dict:
    return {"refunded": input_data["payment"]}


@step
def ship(config: dict, input_data: dict, context: StepContext) -> dict:
    return {"parcel": f"x-{input_data['reservation']}"}
