"""The containers `map`, `loop` and `switch`: steps that hold other steps.

The schemas are of what stands beside the nested steps; those are checked as steps, so `steps`, `cases` and `default`
are lists of anything here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import ContainerLowering, Lowering
from workflow_engine.schema_parts import Schema, object_schema, property_schema
from workflow_engine.steps.step_type import StepType

_STEPS: Final = property_schema("Steps", "The nested steps.", type="array")
_OUTPUT: Final = property_schema(
    "Output", "`{name: source}`. Default: the outputs of the nested sink steps, by step id.", type="object"
)
_CONDITION_TYPES: Final = ["string", "object", "array"]


def _count(title: str, description: str) -> Schema:
    return property_schema(title, description, type="integer", minimum=1)


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return ContainerLowering()


MAP: Final = StepType(
    name="map",
    description="Runs its steps once for each element of a list; inside, `item` and `index` are readable.",
    config_schema=object_schema(
        {
            "items": property_schema(
                "Items", "Reference to a list. null counts as an empty list.", type="string", minLength=1
            ),
            "steps": _STEPS,
            "max_concurrency": _count("Concurrency", "How many elements at once; Step Functions runs 40 at most."),
            "max_items": _count("Most items", "A longer list fails the step."),
            "output": _OUTPUT,
        }
    ),
    output_schema=property_schema("Output", "One output per element, in order.", type="array"),
    lower=_lower,
)

LOOP: Final = StepType(
    name="loop",
    description="Runs its steps in turns, `while` a condition holds before or `until` one holds after a turn.",
    config_schema=object_schema(
        {
            "steps": _STEPS,
            "while": property_schema("While", "Condition, tested before each turn.", type=_CONDITION_TYPES),
            "until": property_schema("Until", "Condition, tested after each turn.", type=_CONDITION_TYPES),
            "max_iterations": _count("Most turns", "Running out of turns fails the step."),
            "output": _OUTPUT,
        },
        **{"not": {"required": ["while", "until"]}},
    ),
    output_schema=property_schema("Output", "The output of the last turn.", type=["object", "null"]),
    lower=_lower,
)

SWITCH: Final = StepType(
    name="switch",
    description="Runs the steps of the first case whose condition holds, else those of `default`.",
    config_schema=object_schema(
        {
            "cases": property_schema("Cases", "`{when: condition, steps}`, tested in order.", type="array"),
            "default": property_schema("Default", "The steps when no case holds.", type="array"),
            "output": _OUTPUT,
        }
    ),
    output_schema=property_schema("Output", "The output of the branch that was taken.", type=["object", "null"]),
    lower=_lower,
)
