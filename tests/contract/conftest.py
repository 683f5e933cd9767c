"""What the contracts of the store's ports are asked of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stores import TABLES, name_of
from workflow_engine.store.table import Table


@pytest.fixture(params=TABLES, ids=name_of)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    with request.param(tmp_path) as made:
        yield made
