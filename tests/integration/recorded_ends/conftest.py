"""What these tests are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.recorded_ends import (
    OUTLINE,
    Machines,
    engine_on,
    running,
)
from tests.support.stores import dynamodb, sqlite_in_memory
from workflow_engine.store.table import Table
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import read_results, record_execution


@pytest.fixture(params=(dynamodb, sqlite_in_memory), ids=lambda made: made.__name__)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    make: Callable[[Path], AbstractContextManager[Table]] = request.param
    with make(tmp_path) as made:
        yield made


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
def engine(table: Table, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine with one run of two steps."""
    monkeypatch.setattr(record_execution, "outline", lambda *_: OUTLINE)
    monkeypatch.setattr(read_results, "outline", lambda *_: OUTLINE)
    made = engine_on(table, machines)
    made.executions.create(running())
    return made
