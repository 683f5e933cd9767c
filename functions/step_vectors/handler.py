"""The Lambda of embeddings, and of the vectors that are kept and searched."""

from __future__ import annotations

from typing import Any, Final

from functions.step_vectors.compute import embed, search, store
from functions.step_vectors.settings import clients, world
from workflow_engine.faults import faults_logged
from workflow_engine.init_phase import at_init
from workflow_engine.observability import log_fields
from workflow_engine.sdk import InvalidStepInput, StepContext, step
from workflow_engine.stand_ins import utc_now
from workflow_engine.timestamps import iso

_STEPS: Final = {"embedding_generation": embed, "vector_storage": store, "vector_search": search}


@step
def handler(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """The output of the step that `step_config` names."""
    with log_fields(**context.log_fields), faults_logged():
        compute = _STEPS.get(context.step_type)
        if compute is None:
            raise InvalidStepInput(f"step_vectors has no step type '{context.step_type}'.")
        return compute(config, input_data, context, world(), iso(utc_now()))


at_init(clients)
