"""Holding what a client's function gave to the schema of its step type: the second state of such a step."""

from __future__ import annotations

from workflow_engine.compiler.catalogue import OUTPUT_CHECK
from workflow_engine.compiler.ir import HANDED, Check
from workflow_engine.compiler.jsonata.fragments import Array, Call, Text, json_literal, object_fragment
from workflow_engine.compiler.jsonata.states import INPUT, from_input
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.retries import SERVICE_FAULTS
from workflow_engine.language.syntax import Step
from workflow_engine.state_names import HELD, derived_name


def output_check(unit: Unit, step: Step, alias: str, function: str) -> Check:
    """The check after a Task of the registered step type `alias`, which `function` does.

    The schema travels in the execution input: registering anew needs no new machine. What does not fit will not fit the next
    time either, so only Lambda's own faults are retried.
    """
    unit.functions.setdefault(function)
    unit.output_schemas.setdefault(alias)
    identity = {"step_id": json_literal(step.step_id)}
    config = object_fragment({"output_schema": from_input("output_schemas", alias)})
    event = {
        "step_config": object_fragment({**identity, "step_type": json_literal(OUTPUT_CHECK), "config": config}),
        "input_data": object_fragment({"output": Text(f"{INPUT.code}.{HANDED}")}),
        "execution_context": Call("$merge", (Array((from_input("context"), object_fragment(identity))),)),
    }
    arguments = {"FunctionName": from_input("functions", function), "Payload": object_fragment(event)}
    return Check(derived_name(step.step_id, HELD), arguments, (SERVICE_FAULTS,))
