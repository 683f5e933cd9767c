"""What benchmarks of the laptop's server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.benchmarks.laptop import Row


@pytest.fixture(scope="module")
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """Takes a row of the table: what, figure, the figure to reach, from what it comes."""
    rows: list[tuple[str, str, str, str]] = []
    yield lambda *columns: rows.append(columns)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        print(f"\n\n{'':<58} {'figure':>9} {'to reach':>9}")
        for what, figure, wanted, of in rows:
            print(f"{what:<58} {figure:>9} {wanted:>9}  {of}")
