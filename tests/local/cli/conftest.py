"""Commands run in a folder and a home of their own, with no settings of this machine, against servers on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.cli.fake_api import FakeApi, running_fake_api
from tests.support.processes import address_of, command

_SETTINGS = ("WORKFLOW_", "AWS_", "XDG_", "NO_COLOR", "FORCE_COLOR", "COLUMNS")

STEPS = {
    "cli_charge": (
        "import pathlib\n"
        "def handler(event, context):\n"
        "    print('charging')\n"
        "    if not pathlib.Path(event['step_config']['config']['paid']).exists():\n"
        "        raise ValueError('card refused')\n"
        "    return {'paid': True}\n"
    ),
    "cli_print": "def handler(event, context):\n    print('\\x1b[31mred\\tand\\x1b[0m')\n    return {'ok': True}\n",
}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without files, and a project folder in it that is the current one."""
    for name in list(os.environ):
        if name.startswith(_SETTINGS):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(home / "project")
    return home


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local server, in a process of its own since steps print. A step of it fails until the file `paid` is there."""
    folder = tmp_path_factory.mktemp("steps")
    for name, code in STEPS.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    with command("serve", "--port", "0", "--in-memory", "--steps", folder) as process:
        yield address_of(process)


@pytest.fixture
def api(server_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The local server, which commands speak to by the environment."""
    monkeypatch.setenv("WORKFLOW_API_URL", server_url)
    return server_url


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """An API that answers what a test wants, which commands speak to by the environment."""
    with running_fake_api() as running:
        monkeypatch.setenv("WORKFLOW_API_URL", running.url)
        yield running
