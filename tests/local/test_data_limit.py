"""What is over 256 KiB fails its step, and the run goes on where the step is not critical."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local import moto_seams
from tests.support.data_limit import FUNCTION_SOURCE, check_run, compiled
from tests.support.local_machines import LocalMachines, local_machines
from workflow_engine.compiler import Compilation, execution_input

pytestmark = pytest.mark.xdist_group("local-data-limit")

ARN = "arn:aws:lambda:us-east-1:123456789012:function:filler"
RUN = dict.fromkeys(("tenant_id", "session_id", "user_id", "correlation_id"))
RUN |= {"execution_id": "x", "workflow_id": "w", "workflow_version": "1"}


@pytest.fixture
def machines() -> Iterator[LocalMachines]:
    made: dict[str, Any] = {}
    exec(FUNCTION_SOURCE, made)
    moto_seams.register_lambda(ARN, made["handler"])
    with local_machines() as machines:
        yield machines
    moto_seams.unregister_lambda(ARN)


def started_with(compilation: Compilation) -> dict[str, Any]:
    functions = dict.fromkeys(compilation.bindings["functions"], ARN)
    return execution_input(compilation.bindings, input={}, functions=functions, run=RUN)


def test_three_ways_to_be_too_large_are_failures_of_steps_that_are_not_critical(machines: LocalMachines) -> None:
    compilation = compiled()
    ended = machines.run(dict(compilation.machine), started_with(compilation))
    assert ended.status == "SUCCEEDED", (ended.error, ended.cause)
    told = check_run(ended.events, compilation)
    # Three lists elements of {"text": 100,000 letters}, with the brackets and commas of the list.
    size = 3 * (100_000 + len('{"text":""}')) + 4
    assert told.step_results["list"]["error_message"] == (
        f"The results of its 3 elements together with {size:,} bytes exceeded the 262,144 bytes that Step Functions carries "
        f"from one step to the next, by {size - 262_144:,} bytes. Return less from each element, or store the results in S3 "
        "and return their addresses, or run over a shorter list (max_items refuses a longer one)."
    )
