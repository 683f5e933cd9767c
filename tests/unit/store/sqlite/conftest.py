"""What these tests are given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workflow_engine.store.tables.sqlite import SqliteTable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.sqlite"


@pytest.fixture
def table(path: Path) -> Iterator[SqliteTable]:
    made = SqliteTable(path)
    yield made
    made.close()
