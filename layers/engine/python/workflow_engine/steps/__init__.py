"""The catalogue of step types: what each one is called, what its `config` may hold, and how the compiler lowers it.

A type is data (`StepType`): names, JSON Schemas, and a `lowering` that answers the compiler. Pure types build JSONata
(`PureLowering`), so they cost no Lambda call; the others name a function. Invariant of every builder here: the fragment
it returns neither raises nor is undefined, whatever JSON the run brings, because AWS's Pass, Choice and Wait cannot
catch. A type of which the function `step_data` computes something has the Python of that in its own module.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflow_engine.steps.catalogue import Catalogue, builtin_catalogue
    from workflow_engine.steps.step_type import StepType

__all__ = ["Catalogue", "StepType", "builtin_catalogue"]


def __getattr__(name: str) -> Any:
    # `step_data` needs one type's Python: it is not to pay for all types at a cold start.
    if name in ("Catalogue", "builtin_catalogue"):
        from workflow_engine.steps import catalogue

        return getattr(catalogue, name)
    if name == "StepType":
        from workflow_engine.steps import step_type

        return step_type.StepType
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
