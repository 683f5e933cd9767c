"""The catalogue of step types: what each one is called, what its `config` may hold, and how the compiler lowers it.

A type is data (`StepType`): names, JSON Schemas, and a `lowering` that answers the compiler. Pure types build JSONata
(`PureLowering`), so they cost no Lambda call; the others name a function. Invariant of every builder here: the fragment
it returns neither raises nor is undefined, whatever JSON the run brings, because AWS's Pass, Choice and Wait cannot
catch. `functions/step_data` computes the same values in Python; tests hold the two against each other.
"""

from workflow_engine.steps.catalogue import Catalogue, builtin_catalogue
from workflow_engine.steps.step_type import StepType

__all__ = ["Catalogue", "StepType", "builtin_catalogue"]
