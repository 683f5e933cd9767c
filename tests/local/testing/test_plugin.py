"""The plugin of pytest, in projects of its own: cases are items, the fixture runs workflows, others do not notice it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import workflow_pytest
from infra.local.testing.format import SUFFIXES
from tests.local.testing.test_command import FAILING, PASSING, WORKFLOW


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    plugin = ["-p", "workflow_pytest"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, "-q", *arguments]
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "", "HOME": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_each_case_is_an_item_and_a_failure_names_its_lines(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    (tmp_path / "w.test.yaml").write_text(
        "cases:\n" + PASSING + FAILING + "  - {name: later, skip: not yet, expect: {status: failed}}\n"
    )
    done = run_pytest(tmp_path)
    assert "1 failed, 1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "w.test.yaml:3: status is completed, expected failed" in done.stdout
    assert "w.test.yaml::fails" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_wrong_file_is_an_error_of_collecting(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    (tmp_path / "w.test.yaml").write_text("cases: [{name: a, expects: {}}]")
    done = run_pytest(tmp_path)
    assert "w.test.yaml:1: cases.0: There is no field 'expects'" in done.stdout or "'expects'" in done.stdout
    assert "1 error" in done.stdout


def test_the_fixture_runs_a_workflow_and_fails_the_test_where_it_is_not_as_expected(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    (tmp_path / "test_w.py").write_text(
        """
ANSWER = {"status": 200, "json": {"a": 1}}

def test_it_runs(workflows):
    run = workflows.run("w.yaml", input={"n": 1}, mocks={"one": ANSWER})
    assert (run.status, run.error, run.duration) == ("completed", None, 0.0)
    assert run.output["route"]["one"]["body"] == {"a": 1}
    assert [call.value["url"] for call in run.calls("one")] == ["https://a.example/1"]
    assert run.steps["route.two" if "route.two" in run.steps else "route"]["status"]
    run.expect(status="completed", calls={"one": 1}, never=["two"])

def test_it_is_held_to_what_is_expected(workflows):
    workflows.run("w.yaml", input={"n": 1}, mocks={"one": ANSWER}).expect(status="failed")

def test_a_mock_that_nothing_used(workflows):
    workflows.run("w.yaml", input={"n": 3}, mocks={"one": ANSWER})

def test_a_mock_that_is_none(workflows):
    workflows.run("w.yaml", mocks={"one": {"output": 1, "error": "A"}})

def test_what_is_not_there(workflows):
    workflows.run("nowhere.yaml")
"""
    )
    done = run_pytest(tmp_path)
    assert "4 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "test_w.py:13: status is completed, expected failed" in done.stdout
    assert "test_w.py:16: mock 'one' was never used" in done.stdout
    assert "this one of 'one' has output and error" in done.stdout
    assert "nowhere.yaml:1: The file cannot be read" in done.stdout


def test_a_project_without_cases_loads_nothing_of_the_engine(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(
        "import sys\n"
        "def test_a():\n"
        "    engine = ('workflow_engine', 'infra.local.cloud', 'infra.local.stepfunctions')\n"
        "    assert [m for m in sys.modules if m.startswith(engine)] == []\n"
    )
    done = run_pytest(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_takes_the_files_that_the_command_takes() -> None:
    # It may not import the list: that would load the engine into every project's tests.
    assert workflow_pytest._SUFFIXES == SUFFIXES


def test_what_the_fixture_is_given_wrongly_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    (tmp_path / "test_w.py").write_text(
        """
def test_a_folder_of_steps(workflows):
    workflows.run("w.yaml", steps="nowhere")

def test_a_field(workflows):
    workflows.run("w.yaml", mokcs={})
"""
    )
    told = run_pytest(tmp_path).stdout
    assert f"test_w.py:3: There is no folder '{tmp_path / 'nowhere'}'." in told
    assert "There is no field 'mokcs'. Did you mean 'mocks'?" in told
    assert "During handling" not in told
    assert "FileNotFoundError" not in told


@pytest.mark.parametrize("is_package", [True, False])
def test_a_project_may_have_packages_of_the_engines_names(tmp_path: Path, is_package: bool) -> None:
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    (tmp_path / "a.test.yaml").write_text("workflow: w.yaml\ncases:\n" + PASSING)  # before and after the project's own
    (tmp_path / "w.test.yaml").write_text("cases:\n" + PASSING)
    for name in ("infra", "functions"):
        (tmp_path / name / "stacks").mkdir(parents=True)
        (tmp_path / name / "stacks" / "__init__.py").write_text("OWN = True\n")
        if is_package:
            (tmp_path / name / "__init__.py").write_text("OWN = True\n")
    names = "import functions, infra\nassert infra.OWN and functions.OWN\n" if is_package else ""
    imported = "import functions.stacks, infra.stacks\nassert functions.stacks.OWN and infra.stacks.OWN\n"
    (tmp_path / "test_own.py").write_text(
        f"{names}{imported}def test_w(workflows):\n    workflows.run('w.yaml', input={{'n': 3}})\n"
    )
    done = run_pytest(tmp_path)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_a_module_of_the_project_that_hides_one_of_the_engines_is_named(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    (tmp_path / "w.test.yaml").write_text("cases:\n" + PASSING)
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "__init__.py").touch()
    (tmp_path / "infra" / "local.py").touch()
    done = run_pytest(tmp_path)
    told = f"{tmp_path / 'infra' / 'local.py'} has the name 'infra.local', which the engine's own modules need."
    assert told in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stdout
