"""Random workflows whose server dies again and again end as if it had not."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.history import CONTAINER_FAILED
from infra.local.stepfunctions.journal import Head
from tests.local.stepfunctions.crashes import Calls, DyingJournal, live, may_be_given_up
from tests.local.stepfunctions.support import create, in_skipping_time
from tests.local.stepfunctions.test_recovery import check_all_ended, check_lines
from tests.property.test_compiler_properties import ARN, CATALOGUE, RUN, parsed, run_probe
from tests.support.random_workflows import INPUT, workflows
from workflow_engine.compiler import Compilation, compile_workflow, execution_input

MOST_DEATHS = 30
# What tells when and by which request something was done differs from run to run.
_VOLATILE = re.compile(r'"(?:RequestId|requestId)":"[^"]*"|\d{4}-\d\d-\d\dT[\d:.]+Z')


def ended(compiled: Compilation, lives: list[int]) -> tuple[DyingJournal, Head]:
    """A run whose server dies after so many lines, again and again, and then no more."""
    journal, calls = DyingJournal(), Calls()
    value = execution_input(
        compiled.bindings, input=INPUT, functions=dict.fromkeys(compiled.bindings["functions"], ARN), run=RUN
    )

    def start(on: Engine) -> None:
        on.start(create(on, compiled.machine), json.dumps(value), "run")

    for lines in [*lives, float("inf")]:
        before = [journal.entries(head.arn) for head in journal.all_heads()]
        is_ended = in_skipping_time(lambda: live(journal, calls, lines, start, {ARN: run_probe}))  # noqa: B023 - at once
        for kept, head in zip(before, journal.all_heads(), strict=False):
            assert journal.entries(head.arn)[: len(kept)] == kept
        if is_ended:
            break
    [head] = journal.all_heads()
    return journal, head


# Dies between a container's failure and the end of the state that failed in it.
_FAILING_CONTAINER = {
    "name": "failing",
    "steps": [
        {
            "step_id": "turns",
            "step_type": "loop",
            "critical": False,
            "config": {
                "until": "b.n > 99",
                "max_iterations": 2,
                "steps": [
                    {"step_id": "a", "step_type": "probe", "config": {"fail": True}},
                    {"step_id": "b", "step_type": "probe", "config": {}, "dependencies": ["a"]},
                ],
            },
        }
    ],
}


def told(head: Head) -> tuple[str, str | None, str]:
    return head.status, head.error, _VOLATILE.sub("", head.output or "")


@example(document=_FAILING_CONTAINER, lives=[10])
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(document=workflows(), lives=st.lists(st.integers(1, 25), min_size=1, max_size=MOST_DEATHS))
def test_a_run_that_is_interrupted_ends_as_one_that_is_not(document: dict[str, Any], lives: list[int]) -> None:
    compiled = compile_workflow(parsed(document), CATALOGUE)
    assert isinstance(compiled, Compilation)
    undisturbed, end = ended(compiled, [])
    journal, head = ended(compiled, lives)
    if may_be_given_up(journal, head.arn):
        return
    assert told(head) == told(end)
    entries = journal.entries(head.arn)
    check_lines(entries)
    if head.status == "SUCCEEDED":
        check_all_ended(entries)
        histories = [undisturbed.entries(end.arn), entries]
        # What goes on beside a failure may be faster than that, or slower.
        if not any(entry.type == CONTAINER_FAILED for history in histories for entry in history):
            types = [Counter(entry.type for entry in history if entry.id) for history in histories]
            assert types[0] == types[1]
