"""For tests of the repositories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.backend_cloud import backend
from workflow_engine.usecases.engine import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    with backend() as made:
        yield made
