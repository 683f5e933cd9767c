"""Clients that are generated from the OpenAPI document, each calling a local server. Run by `make clients`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cloud import LocalCloud
from tests.support import npm
from tests.support.local_server import running_server

NODE_FOLDER = Path(__file__).parent / "node"
DOCUMENT = Path(__file__).parents[2] / "infra" / "openapi.json"

TOOL_SECONDS = 180


@pytest.fixture(scope="package")
def api() -> Iterator[str]:
    """The address of a local server."""
    with LocalCloud() as cloud, running_server(cloud.gateway) as url:
        yield url


@pytest.fixture(scope="package")
def node_packages() -> Path:
    """The folder of the installed npm packages."""
    failure = npm.install(NODE_FOLDER)
    assert failure is None, f"npm ci in {NODE_FOLDER}: {failure}"
    return NODE_FOLDER / "node_modules"


def run_python(*arguments: str | Path) -> str:
    """What a Python tool wrote; fails when it does."""
    return _run(sys.executable, *arguments)


def run_node(*arguments: str | Path) -> str:
    """What a script of Node wrote; fails when it does."""
    return _run(npm.node(), *arguments)


def _run(*command: str | Path) -> str:
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
