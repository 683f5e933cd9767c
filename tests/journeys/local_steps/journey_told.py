"""Steps that are made with models; found in the folder without being listed."""

from __future__ import annotations

from pydantic import BaseModel

from workflow_engine.sdk import StepContext, step


class Order(BaseModel):
    amount: int
    fails_at_first: bool = False


class Receipt(BaseModel):
    amount: int
    key: str
    attempt: int


@step(input=Order, output=Receipt)
def journey_charge(input: Order, context: StepContext) -> Receipt:  # the word that authors know
    """Charges an amount."""
    if input.fails_at_first and context.attempt == 1:
        raise TimeoutError("the bank did not answer")
    return Receipt(amount=input.amount, key=context.idempotency_key, attempt=context.attempt)
