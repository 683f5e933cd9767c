"""For tests of the use cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.moto_cloud import MotoCloud
from workflow_engine.usecases.engine import Engine


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine on the local runtime, for all tests of a module."""
    with MotoCloud():
        yield Engine.from_environment()
