"""`workflow init`: folders that run and are tested at once, and never anything half."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.local.cli import init as module
from infra.local.cli.commands import main
from infra.local.cli.init import ABOUT, TEMPLATES

WORKFLOW = [sys.executable, "-m", "infra.local.cli"]


def init(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def commands(readme: Path) -> list[list[str]]:
    return [shlex.split(line[2:]) for line in readme.read_text(encoding="utf-8").splitlines() if line.startswith("$ ")]


def test_each_template_is_in_the_help_and_each_of_the_help_is_there() -> None:
    assert {path.name for path in TEMPLATES.iterdir() if path.is_dir()} == set(ABOUT)


@pytest.mark.parametrize("template", ABOUT)
def test_the_three_commands_of_a_readme_work_in_an_empty_folder(template: str, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    made = subprocess.run(
        [*WORKFLOW, "init", "--template", template], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    folder = tmp_path / template
    shown = commands(folder / "README.md")
    assert [shlex.split(line) for line in made.stdout.splitlines()] == [["cd", template], *shown]
    assert [command[:2] for command in shown] == [["workflow", "validate"], ["workflow", "test"], ["workflow", "run"]]
    for _, *arguments in shown:
        done = subprocess.run(
            [*WORKFLOW, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)


@pytest.mark.parametrize("template", ABOUT)
def test_a_folder_has_what_editors_and_clients_need(template: str, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert init(str(folder), "--template", template).exit_code == 0
    flow = folder / f"{template}.yaml"
    common = {".gitignore", ".workflow.toml", ".vscode/settings.json", "README.md", "workflow.schema.json"}
    assert {*common, flow.name, f"{template}.test.yaml"} <= files(folder)
    schema = flow.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]
    assert json.loads((folder / schema).read_text(encoding="utf-8"))["$schema"].startswith("https://json-schema.org/")
    assert not [name for name in files(folder) if "__pycache__" in name or name.endswith(".pyc")]


def test_it_is_said_which_extras_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "pip install" not in init(str(tmp_path / "all"), "--template", "rag").stderr
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "sentencex" else name)
    assert "pip install 'workflow-engine[files]'" in init(str(tmp_path / "some"), "--template", "rag").stderr
    assert "pip install" not in init(str(tmp_path / "none"), "--template", "saga").stderr


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    done = init(str(tmp_path), "--template", "saga")
    assert done.exit_code == 2
    assert "README.md is there already" in done.stderr
    assert files(tmp_path) == {"README.md"}
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_not_even_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "saga.yaml").symlink_to(tmp_path / "elsewhere")
    assert init(str(tmp_path), "--template", "saga").exit_code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_a_second_init_beside_another_file_keeps_that(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert init(str(tmp_path), "--template", "saga").exit_code == 0
    assert {"notes.txt", "saga.yaml"} <= files(tmp_path)
    assert init(str(tmp_path), "--template", "saga").exit_code == 2


def test_what_is_interrupted_while_it_moves_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    real = Path.rename
    moved: list[Path] = []

    def rename(path: Path, target: Any) -> Path:
        if len(moved) == 3:
            moved.append(path)
            raise KeyboardInterrupt
        moved.append(path)
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    assert init(str(tmp_path), "--template", "saga").exit_code != 0
    assert len(moved) == 4 + 3
    assert files(tmp_path) == {"notes.txt"}
    assert not [path for path in tmp_path.iterdir() if path.name != "notes.txt"]


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(shutil, "copytree", full)
    done = init(str(tmp_path / "new"))
    assert done.exit_code == 2
    assert "No space left" in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_an_init_that_is_killed_leaves_the_folder_whole_or_not_at_all(tmp_path: Path) -> None:
    assert init(str(tmp_path / "whole"), "--template", "saga").exit_code == 0
    whole = files(tmp_path / "whole")
    for i in range(12):
        target = tmp_path / f"killed-{i}"
        running = subprocess.Popen([*WORKFLOW, "init", str(target), "--template", "saga"], stdout=subprocess.DEVNULL)
        time.sleep(0.06 * i)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert not target.exists() or files(target) == whole


def test_what_a_killed_init_left_is_removed_by_one_much_later_and_by_none_at_once(tmp_path: Path) -> None:
    old, new = tmp_path / ".workflow-init-old", tmp_path / ".workflow-init-new"
    for left in (old, new):
        (left / "new").mkdir(parents=True)
    os.utime(old, (0, 0))
    assert init(str(tmp_path / "saga"), "--template", "saga").exit_code == 0
    assert (old.exists(), new.exists()) == (False, True)


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert init(str(tmp_path / "file")).exit_code == 2
    assert init(str(tmp_path / "file" / "in")).exit_code == 2
    assert files(tmp_path) == {"file"}


def test_a_template_that_is_mistyped_is_told_with_those_that_there_are() -> None:
    done = init("--template", "sage")
    assert done.exit_code == 2
    assert "saga" in done.stderr


def test_templates_are_in_the_wheel() -> None:
    """hatchling takes what lies in a package, but for what git ignores: nothing of a template may be ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", str(TEMPLATES)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not [name for name in listed.stdout.splitlines() if "__pycache__" not in name]
    assert module.TEMPLATES.is_dir()
    assert not re.search(r"/\.[^/]+$", "\n".join(str(path) for path in TEMPLATES.rglob("*")), re.MULTILINE)
