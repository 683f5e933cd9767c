"""The examples of docs/client.md, one after another against a server, print what stands below them."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import workflow_engine.client.clients as clients
from infra.local.cloud import LocalCloud
from tests.support.local_server import running_server

pytestmark = pytest.mark.xdist_group("client")

PAGE: Final = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"```(python|text)\n(.*?)```", PAGE, re.DOTALL)
WRITTEN_ADDRESS: Final = "http://127.0.0.1:8006"


@pytest.fixture
def address() -> Iterator[str]:
    with LocalCloud() as cloud, running_server(cloud.gateway) as url:
        yield url


def test_every_example_runs_and_prints_what_stands_below_it(address: str) -> None:
    names: dict[str, Any] = {}
    printed, compared = "", 0
    for kind, block in BLOCKS:
        if kind == "text":
            assert printed == block
            compared += 1
            continue
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            exec(compile(block.replace(WRITTEN_ADDRESS, address), "docs/client.md", "exec"), names)
        printed = stdout.getvalue()
    assert compared == len([kind for kind, _ in BLOCKS if kind == "text"]) == 5


@pytest.mark.parametrize("group", ["workflows", "runs", "approvals", "steps", "agents", "prompts"])
def test_every_method_is_named(group: str) -> None:
    table = PAGE.partition("| | |\n|---|---|\n")[2].partition("\n\n")[0]
    line = next(line for line in table.splitlines() if f"`client.{group}`" in line)
    methods = {name for name in dir(getattr(clients, group.capitalize())) if not name.startswith("_")} - {"noun"}
    named = [name.rpartition(".") for name in re.findall(r"`([a-z_.]+)`", line.partition("` | ")[2])]
    assert methods == {name for of, _, name in named if of in ("", group)}
