"""What a person at a terminal sees, and what a pipe gets of the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.local.cli.commands import failed_run
from tests.local.cli.fake_api import ENDED, FakeApi, problem
from tests.support.terminal import on_terminal, without_colours

ID = "0a1b2c3d-1111-2222-3333-444455556666"
ROW: dict[str, Any] = {
    **ENDED,
    "execution_id": ID,
    "workflow_id": "order",
    "status": "failed",
    "started_at": "2026-11-28T12:00:00.123Z",
    "completed_at": "2026-11-28T12:00:01.000Z",
    "error": {
        "step_id": "charge",
        "type": "CardError",
        "message": "the card was refused by the bank of \x1b[31mits owner",
    },
}


@pytest.fixture
def runs(fake: FakeApi) -> FakeApi:
    fake.always(200, {"items": [ROW], "next_cursor": None})
    return fake


def test_a_wide_terminal_gets_a_table_in_colours(runs: FakeApi) -> None:
    code, shown = on_terminal("list", columns=130)
    assert code == 0
    assert "\x1b[1;31mfailed" in shown
    heading, row = without_colours(shown).splitlines()[:2]
    assert heading.split() == ["run", "status", "workflow", "started", "ended", "error"]
    assert row.startswith(f"{ID}  failed  order     2026-11-28 12:00  2026-11-28 12:00  step charge failed:")
    assert "\x1b[31mits" not in shown


@pytest.mark.parametrize("columns", [20, 37, 60, 80, 100])
def test_an_id_is_whole_however_narrow_the_terminal_is(runs: FakeApi, columns: int) -> None:
    code, shown = on_terminal("list", columns=columns)
    assert code == 0
    assert ID in without_colours(shown)
    if columns >= 60:
        assert "Too narrow for" in shown


def test_of_a_narrow_terminal_the_status_stays_beside_a_long_workflow_id(fake: FakeApi) -> None:
    row = {**ROW, "workflow_id": "adhoc-028dde79ac6648ef6f6bd25ffbe8b03d"}
    fake.always(200, {"items": [row], "next_cursor": None})
    _, shown = on_terminal("list", columns=80)
    assert f"{ID}  failed  adhoc-" in without_colours(shown)


def test_no_color_and_a_dumb_terminal_get_none(runs: FakeApi) -> None:
    assert "\x1b" not in on_terminal("list", columns=130, NO_COLOR="1")[1]
    dumb = on_terminal("list", columns=130, TERM="dumb")[1]
    assert "\x1b" not in dumb
    assert "Too narrow" not in dumb


def test_a_pipe_gets_the_whole_row_without_a_heading_and_without_rich(runs: FakeApi) -> None:
    code = (
        "import sys\nfrom infra.local.cli.commands import main\n"
        "try:\n    main(['list'])\nfinally:\n    print('rich' in sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "20"}
    )
    [line] = done.stdout.splitlines()
    cells = line.split("\t")
    assert cells[:5] == [ID, "order", "failed", "2026-11-28T12:00:00.123Z", "2026-11-28T12:00:01.000Z"]
    assert "the card was refused by the bank of" in cells[5]
    assert done.stderr == "False\n"


def test_a_person_is_asked_and_no_is_the_answer_of_silence(fake: FakeApi) -> None:
    fake.always(404, problem(404, "not_found", "There is no agent 'a'."))
    code, shown = on_terminal("agents", "delete", "a", columns=80, typed=b"\n")
    assert (code, fake.asked) == (1, [])
    assert "Delete the agent a? [y/N]" in shown
    code, shown = on_terminal("agents", "delete", "a", columns=80, typed=b"y\n")
    assert (code, [asked.method for asked in fake.asked]) == (1, ["DELETE"])


def test_a_started_run_is_told_with_what_to_do_next(fake: FakeApi) -> None:
    fake.always(202, {"execution_id": ID, "workflow_name": "O", "status": "running"})
    code, shown = on_terminal("start", "order", columns=100)
    assert code == 0
    assert shown.splitlines() == [
        f"{fake.url} (no profile; from WORKFLOW_API_URL)",
        ID,
        "Look at it by `workflow status @last`, or `workflow events @last --follow`.",
    ]


def test_every_command_has_a_face_for_people(api: str, tmp_path: Path) -> None:
    run = failed_run(tmp_path / "paid")
    faces = [
        (["status", run], 1, "step charge failed: ValueError: card refused"),
        (["results", run], 1, f"workflow redrive {run}"),
        (["events", run, "--follow"], 1, "step.failed         charge ValueError: card refused"),
        (["logs", run], 1, "stdout  charge charging"),
        (["list", "--failed"], 0, "step charge failed"),
        (["stats"], 0, "failure rate"),
        (["steps", "--kind", "registered"], 0, "cli_charge"),
        (["agents"], 0, "agent"),
        (["prompts"], 0, "prompt"),
        (["approve"], 0, "step"),
        (["config"], 0, "WORKFLOW_API_URL"),
        (["deploy", "cli-order.json"], 0, "unchanged"),
        (["cancel", run], 6, "Error:"),
        (["rerun", run], 0, ": running"),
    ]
    for arguments, code, told in faces:
        ended, shown = on_terminal(*arguments, columns=160)
        assert (ended, told in without_colours(shown)) == (code, True), f"{arguments}: {shown}"
        assert "Traceback" not in shown
