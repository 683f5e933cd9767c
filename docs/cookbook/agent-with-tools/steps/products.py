"""A tool of the agent: any step type can be one."""

from __future__ import annotations

from pydantic import BaseModel
from workflow_engine.sdk import StepContext, StepReportedFailure, step

PRODUCTS = {"kettle": {"price": 49.0, "warranty_months": 24}, "toaster": {"price": 35.0, "warranty_months": 12}}


class Question(BaseModel):
    name: str


class Product(BaseModel):
    price: float
    warranty_months: int


@step(input=Question, output=Product)
def lookup_product(config: dict, input: Question, context: StepContext) -> Product:
    """Price and warranty of a product by its name."""
    found = PRODUCTS.get(input.name.lower())
    if found is None:
        raise StepReportedFailure(f"There is no product '{input.name}'. There are {', '.join(PRODUCTS)}.")
    return Product(**found)
