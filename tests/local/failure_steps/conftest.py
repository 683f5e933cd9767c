"""One embedded engine for each module: its step function remembers what it was called with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.failure_steps.support import ARN, Runs, World
from tests.support.embedded_machines import EmbeddedMachines, embedded_machines


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def machines(world: World) -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: world}) as made:
        yield made


@pytest.fixture
def run(machines: EmbeddedMachines, world: World) -> Runs:
    return Runs(machines, world)
