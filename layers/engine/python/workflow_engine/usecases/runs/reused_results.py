"""What a rerun has taken over from an earlier run, for the results of the rerun."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from workflow_engine.machines.outcomes import Outcome, outcome_of
from workflow_engine.machines.outputs import Kept, Output, Outputs

if TYPE_CHECKING:
    from workflow_engine.store.executions import Execution
    from workflow_engine.store.results import StepResult
    from workflow_engine.usecases.engine import Engine


def reused_outcomes(engine: Engine, execution: Execution, outline: Any, outputs: Outputs) -> dict[str, Outcome]:
    """How the steps ended that a rerun leaves out, and their parts, by the keys of their results; {} for any other run, and
    when the results of the earlier run are no longer kept.
    """
    if execution.rerun_of is None or execution.variant_id is None:
        return {}
    earlier = engine.results.find(execution.tenant_id, execution.rerun_of)
    if earlier is None:
        return {}
    reused = {step["id"] for step in outline["steps"] if "reused" in step}
    read = earlier.steps.read(0, earlier.steps.total, lambda key: re.split(r"[.\[]", key, maxsplit=1)[0] in reused)
    return {r.key: outcome_of(r.result, _output(r, outputs)) for r in read}


def _output(found: StepResult, outputs: Outputs) -> Output | None:
    if found.large is None:
        return outputs.add(found.result["output_data"])
    return Kept(found.large.link, found.large.size) if found.large.link else None
