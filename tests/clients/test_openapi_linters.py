from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.conftest import DOCUMENT, run_node

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]


def test_redocly_finds_no_error(node_packages: Path) -> None:
    written = run_node(node_packages / "@redocly/cli/bin/cli.js", "lint", DOCUMENT, "--format", "json")
    assert '"errors": 0' in written
