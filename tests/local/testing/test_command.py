"""`workflow test` as a process: what it prints, writes and ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

WORKFLOW: Final = """
name: w
execution_pattern: dependency
steps:
  - step_id: route
    step_type: switch
    config:
      cases:
        - when: input.n == 1
          steps: [{step_id: one, step_type: http_request, config: {url: "https://a.example/1"}}]
        - when: input.n == 2
          steps: [{step_id: two, step_type: http_request, config: {url: "https://a.example/2"}}]
"""
PASSING: Final = (
    "  - {name: one, input: {n: 1}, mocks: {one: {status: 200, json: {a: 1}}}, "
    "expect: {status: completed, snapshot: [output]}}\n"
)
FAILING: Final = "  - {name: fails, input: {n: 3}, expect: {status: failed}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    (tmp_path / "w.test.yaml").write_text("cases:\n" + PASSING)
    return tmp_path


def workflow_test(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.local.cli", "test", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_last_line_counts_and_the_code_is_0_where_all_pass(folder: Path) -> None:
    done = workflow_test(folder)
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first.startswith("PASS  w.test.yaml › one (")
    assert last.startswith("1 passed in ")
    assert last.endswith(" s")


def test_a_failure_ends_with_1_and_is_written_for_ci(folder: Path) -> None:
    (folder / "w.test.yaml").write_text("cases:\n" + PASSING + FAILING)
    done = workflow_test(folder, "--junit", "out/report.xml", "--coverage", "--fail-under", "100")
    assert done.returncode == 1
    assert "      w.test.yaml:3: status is completed, expected failed" in done.stdout
    assert "w.yaml: 2 of 3 steps, 2 of 3 branches (67 %)" in done.stdout
    assert "  w.yaml:12: step `two` never ran" in done.stdout
    assert "  w.yaml:5: case 2 of `route` never taken" in done.stdout
    assert "--fail-under asks for 100 %" in done.stderr
    assert "1 passed, 1 failed in " in done.stdout.splitlines()[-1]
    suite = ElementTree.parse(folder / "out" / "report.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "status is completed, expected failed" in (suite[1][0].get("message") or "")
    again = json.loads(workflow_test(folder, "--last-failed", "--json").stdout)
    assert [(case["name"], case["status"]) for case in again["cases"]] == [("fails", "failed")]


def test_coverage_alone_may_fail(folder: Path) -> None:
    assert workflow_test(folder, "--fail-under", "90").returncode == 1
    assert workflow_test(folder, "--fail-under", "50").returncode == 0


def test_a_wrong_file_ends_with_2_and_its_lines(folder: Path) -> None:
    (folder / "w.test.yaml").write_text(
        "cases:\n  - name: a\n    mocks: {one: {outptu: 1}}\n    expect: {statsu: completed}\n"
    )
    done = workflow_test(folder)
    assert done.returncode == 2
    assert "w.test.yaml:3: A reply has no field 'outptu'. Did you mean 'output'?" in done.stderr
    assert "w.test.yaml:4: expect: There is no field 'statsu'. Did you mean 'status'?" in done.stderr
    as_json = workflow_test(folder, "--json")
    assert "outptu" in json.loads(as_json.stdout)["error"]["detail"]


def test_no_cases_end_with_5(tmp_path: Path) -> None:
    assert workflow_test(tmp_path).returncode == 5


def test_a_keyword_chooses(folder: Path) -> None:
    (folder / "w.test.yaml").write_text("cases:\n" + PASSING + FAILING)
    assert workflow_test(folder, "-k", "ONE").returncode == 0
    assert workflow_test(folder, "-k", "nothing like it").returncode == 5


def test_snapshots_are_not_written_in_ci_and_taken_over_by_update(folder: Path) -> None:
    assert workflow_test(folder, "--ci").returncode == 1
    assert not (folder / "w.test.snapshots.json").exists()
    assert workflow_test(folder).returncode == 0
    assert workflow_test(folder, "--ci").returncode == 0
    (folder / "w.test.yaml").write_text("cases:\n" + PASSING.replace("a: 1", "a: 2"))
    assert workflow_test(folder, "--ci").returncode == 1
    assert workflow_test(folder, "--update").returncode == 0
    assert workflow_test(folder, "--ci").returncode == 0


def test_what_is_given_wrongly_is_refused(folder: Path) -> None:
    assert workflow_test(folder, "--ci", "--update").returncode == 2
    assert "There is no file or folder 'nowhere'" in workflow_test(folder, "nowhere").stderr


@pytest.mark.parametrize("named", ["w.yaml", "cases.yaml"])
def test_a_file_that_holds_no_cases_is_refused_with_where_they_stand(folder: Path, named: str) -> None:
    (folder / "cases.yaml").write_text("cases:\n" + PASSING)
    done = workflow_test(folder, named)
    assert done.returncode == 2
    told = {
        "w.yaml": "Its cases stand in w.test.yaml: name that.",
        "cases.yaml": "They stand in files named like order",
    }
    assert f"Error: {named} holds no cases. {told[named]}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_report_that_cannot_be_written_is_told_in_a_sentence(folder: Path) -> None:
    done = workflow_test(folder, "--junit", "w.yaml/report.xml")
    assert done.returncode == 2
    assert "Error: w.yaml/report.xml cannot be written: File exists." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("named", ["w.yaml", "w.test.yaml"])
def test_a_recording_is_written_over_no_file_but_a_recording(folder: Path, named: str) -> None:
    before = (folder / named).read_text()
    done = workflow_test(folder, "--record", "some-run", "--api", "http://127.0.0.1:1", named)
    assert done.returncode == 2
    assert f"Error: {named} is there already, and is no recording. Name another file." in done.stderr
    assert (folder / named).read_text() == before


def test_a_recording_that_is_there_is_written_anew_and_goes_into_a_folder_under_the_runs_id(folder: Path) -> None:
    (folder / "some-run.yaml").write_text("# The run some-run of 'w': completed.\n")
    for named in (".", "some-run.yaml"):
        done = workflow_test(folder, "--record", "some-run", "--api", "http://127.0.0.1:1", named)
        assert done.returncode == 7, done.stderr  # it has gone as far as to ask for the run


def test_a_text_that_no_case_has_is_told_from_a_folder_without_cases(folder: Path) -> None:
    done = workflow_test(folder, "-k", "nothing like it")
    assert done.returncode == 5
    assert done.stderr == "Error: No case has 'nothing like it' in its file or its name.\n"
