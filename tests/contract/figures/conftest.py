"""What these tests are given."""

from __future__ import annotations

from itertools import count

import pytest

from tests.contract.figures.support import World
from workflow_engine.store.table import Table


@pytest.fixture
def world(table: Table) -> World:
    return World(table, count(1))
