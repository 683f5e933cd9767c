"""The types that openapi-typescript makes, with openapi-fetch as the client."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from infra.openapi import PROSE
from tests.clients.conftest import DOCUMENT, NODE_FOLDER, run_node

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]

STRICT = ("--strict", "--target", "es2022", "--module", "nodenext")


def test_a_workflow_is_executed_by_what_the_strict_compiler_accepts(
    api: str, node_packages: Path, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(node_packages)
    for name in ("package.json", "call.ts"):
        shutil.copy(NODE_FOLDER / name, tmp_path)
    run_node(node_packages / "openapi-typescript/bin/cli.js", DOCUMENT, "-o", tmp_path / "api.ts")
    run_node(node_packages / "typescript/bin/tsc", *STRICT, tmp_path / "call.ts", tmp_path / "api.ts")
    written = run_node(tmp_path / "call.js", api, json.dumps(PROSE["examples"]["ExecuteRequest"]))
    told = json.loads(written)
    assert (told["status"], told["steps"]) == ("completed", ["input_data", "process_data"])
    assert told["output"]["process_data"]["result"] == {"message": "HELLO, WORLD!"}
    assert told["code"] == "not_found"
