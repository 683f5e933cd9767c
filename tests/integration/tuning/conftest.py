"""What these tests are given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.support import ME
from tests.integration.tuning.support import ARN, Clock, Measured
from tests.support.moto_cloud import MotoCloud
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.steps import register_step


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failing() -> set[str]:
    """Ids of steps that fail."""
    return set()


@pytest.fixture
def sizes() -> dict[str, int]:
    """Bytes that steps give, by their ids."""
    return {}


@pytest.fixture
def engine(clock: Clock, failing: set[str], sizes: dict[str, int]) -> Iterator[Engine]:
    def step(event: dict[str, Any], _context: object) -> dict[str, Any]:
        step_id = event["step_config"]["step_id"]
        if step_id in failing:
            raise RuntimeError(f"told to fail: {step_id}")
        return {"did": step_id, "with": sorted(event["input_data"]), "text": "x" * sizes.get(step_id, 0)}

    with MotoCloud() as cloud:
        cloud.functions().register(ARN, step)
        engine = dataclasses.replace(Engine.from_environment(), now=clock)
        vars(engine)["step_durations"] = Measured()
        register_step.register(engine, ME, {"step_type": "work", "function_arn": ARN})
        yield engine


@pytest.fixture
def measured(engine: Engine) -> Measured:
    found: Any = engine.step_durations
    assert isinstance(found, Measured)
    return found
