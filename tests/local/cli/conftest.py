"""Commands run in a folder and a home of their own, with no settings of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SETTINGS = ("WORKFLOW_", "AWS_", "XDG_", "NO_COLOR", "FORCE_COLOR", "COLUMNS")


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
