"""Random workflows whose steps ask: approved, denied, late, tried again, in lists, loops and compensations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from tests.property.test_compiler_properties import ARN, SETTINGS, check_run
from tests.property.test_failure_steps import Seen, check_saga
from tests.support.embedded_machines import EmbeddedMachines, embedded_machines
from tests.support.random_approvals import APPROVAL, decide
from tests.support.random_workflows import sagas, workflows


class Person(Seen):
    """Does what probes do, and decides what is asked: at once, while the step's function still works."""

    machines: EmbeddedMachines

    def __call__(self, event: dict[str, Any], context: object) -> Any:
        if event["step_config"]["step_type"] != APPROVAL:
            return super().__call__(event, context)
        return decide(self.machines.client, event)


@pytest.fixture(scope="module")
def person() -> Person:
    return Person()


@pytest.fixture(scope="module")
def machines(person: Person) -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: person}) as made:
        person.machines = made
        yield made


@settings(SETTINGS, max_examples=60)
@given(document=workflows(approvals=True))
def test_a_random_workflow_that_asks_runs_as_the_reference_executor_says(
    machines: EmbeddedMachines, document: dict[str, Any]
) -> None:
    check_run(machines, document)


@settings(SETTINGS, max_examples=40)
@given(document=sagas(approvals=True))
def test_failure_steps_after_decisions_run_as_the_reference_executor_says(
    machines: EmbeddedMachines, person: Person, document: dict[str, Any]
) -> None:
    check_saga(machines, person, document)
