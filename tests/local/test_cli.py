"""The command: in a process of its own where that makes a difference, else in this one, which saves the start."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from tests.support.http_client import ApiClient
from tests.support.terminal import on_terminal, without_colours

pytestmark = pytest.mark.xdist_group("cli")

EXAMPLES = Path(__file__).parents[2] / "statemachines" / "examples"
HELLO = EXAMPLES / "hello-world" / "workflow.json"
COMMAND = [sys.executable, "-m", "infra.local.cli"]


def workflow(*arguments: str | Path, stdin: str = "") -> Result:
    """Run the command in this process; standard output is no terminal."""
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin)


def write(folder: Path, document: Any) -> Path:
    file = folder / "workflow.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return file


def test_json_prints_the_results_and_nothing_else() -> None:
    done = subprocess.run(
        [*COMMAND, "run", str(HELLO), "--json"], capture_output=True, text=True, timeout=6000, check=False
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["status"] == "completed"
    assert results["step_results"]["process_data"]["output_data"]["result"] == {"message": "HELLO, WORLD!"}
    assert done.stderr == ""


@pytest.mark.parametrize("age", ["30", "d", "30 days", "-1d", "1.5h", ""])
def test_an_age_that_is_none_is_refused(tmp_path: Path, age: str) -> None:
    done = workflow("gc", "--older-than", age, "--data", tmp_path)
    assert done.exit_code == 2
    assert "Write a number and d, h or m, such as 30d." in done.stderr


def test_a_folder_that_is_not_there_is_not_made_to_be_cleaned(tmp_path: Path) -> None:
    done = workflow("gc", "--older-than", "1d", "--data", tmp_path / "none")
    assert done.exit_code == 2
    assert "There is no data of a server" in done.stderr
    assert not (tmp_path / "none").exists()


def test_cleaning_says_what_has_gone(tmp_path: Path) -> None:
    with LocalCloud(data=DataFolder(tmp_path)):
        pass
    done = workflow("gc", "--older-than", "12h", "--data", tmp_path)
    assert (done.exit_code, done.stdout) == (
        0,
        "Deleted 0 runs, 0 histories, 0 workflows that were never saved, and 0 files (0 bytes).\n",
    )


def test_cleaning_and_quotas_are_json_where_that_is_wanted(tmp_path: Path) -> None:
    with LocalCloud(data=DataFolder(tmp_path)):
        pass
    cleaned = json.loads(workflow("gc", "--older-than", "12h", "--data", tmp_path, "--json").stdout)
    assert cleaned == {"deleted": {"runs": 0, "histories": 0, "workflows": 0, "files": 0, "bytes": 0}}
    done = workflow("quota", "default", "--running", "3", "--monthly-usd", "none", "--data", tmp_path, "--json")
    assert json.loads(done.stdout)["quota"] == {"running": 3, "starts_per_minute": None, "monthly_usd": None}


def test_time_that_is_skipped_is_in_the_history_and_not_on_the_clock(tmp_path: Path) -> None:
    steps = [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 3 * 86_400}}]
    done = workflow("run", write(tmp_path, {"name": "Three days", "steps": steps}), "--skip-time", "--json")
    result = json.loads(done.stdout)["step_results"]["pause"]
    assert (done.exit_code, result["status"]) == (0, "completed")
    assert result["execution_time_ms"] >= 3 * 86_400_000


def test_a_pipe_gets_plain_lines() -> None:
    done = workflow("run", HELLO)
    assert done.exit_code == 0, done.stderr
    assert re.search(r"^\[[0-9a-f]{8} process_data\] completed", done.stdout, re.MULTILINE)
    assert re.search(r"^run \S+: completed$", done.stdout, re.MULTILINE)
    assert "HELLO, WORLD!" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_terminal_gets_a_table() -> None:
    code, shown = on_terminal("run", HELLO)
    assert code == 0
    text = without_colours(shown)
    assert "process_data" in text
    assert "completed" in text
    assert "HELLO, WORLD!" in text


def test_input_comes_as_json_or_from_a_file(tmp_path: Path) -> None:
    given = tmp_path / "input.json"
    given.write_text('{"text": "from a file"}', encoding="utf-8")
    for option, text in ((f"@{given}", "FROM A FILE"), ('{"text": "from the line"}', "FROM THE LINE")):
        done = workflow("run", EXAMPLES / "parallel-diamond" / "workflow.json", "--input", option, "--json")
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["output"]["text"] == text


def test_a_workflow_comes_from_standard_input() -> None:
    done = workflow("compile", "-", stdin=HELLO.read_text(encoding="utf-8"))
    assert done.exit_code == 0, done.stderr
    assert "States" in json.loads(done.stdout)


def test_a_failed_run_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "cli_broken.py").write_text("def handler(event, context):\n    raise ValueError('no good')\n")
    file = write(tmp_path, {"name": "Fails", "steps": [{"step_id": "a", "step_type": "cli_broken"}]})
    done = workflow("run", file, "--steps", tmp_path / "steps")
    assert done.exit_code == 1, done.stderr
    assert "error: step a failed: ValueError: no good" in done.stdout


def test_a_failed_expression_is_told_with_its_step_its_entry_and_the_types_it_met(tmp_path: Path) -> None:
    step = {"step_id": "total", "step_type": "merge", "input_mapping": {"sum": {"expression": "$ref('input.n') + 1"}}}
    file = write(tmp_path, {"name": "Fails", "steps": [step]})
    done = workflow("run", file, "--input", '{"n": "two"}')
    assert done.exit_code == 1, done.stderr
    assert "The expression of 'sum' in the input_mapping of step 'total' failed. T2001" in done.stdout
    assert "It read input.n (a text)." in done.stdout


def test_an_invalid_workflow_exits_with_2_and_says_where_and_why(tmp_path: Path) -> None:
    file = write(tmp_path, {"name": "Bad", "steps": [{"step_id": "a", "step_type": "magic", "dependencies": ["b"]}]})
    found = {"WFE-E202": (1, 83), "WFE-E400": (1, 57)}
    for command in (("run", file), ("compile", file), ("graph", file, "--compiled")):
        done = workflow(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        told = re.findall(rf"^{re.escape(str(file))}:(\d+):(\d+): error (\S+): There is no ", done.stderr, re.MULTILINE)
        assert {code: (int(line), int(column)) for line, column, code in told} == found
    done = workflow("run", file, "--json")
    errors = json.loads(done.stdout)["error"]["errors"]
    assert {e["code"]: (e["line"], e["column"]) for e in errors} == found
    assert [(e["file"], e["pointer"]) for e in errors if e["code"] == "WFE-E400"] == [(str(file), "/steps/0/step_type")]


def test_validate_tells_what_an_agent_lacks(tmp_path: Path) -> None:
    asked_nothing = {"step_id": "g", "step_type": "agent", "config": {"agent_config": {"model": "gpt-99"}}}
    bad = workflow("validate", write(tmp_path, {"name": "X", "steps": [asked_nothing]}))
    assert bad.exit_code == 2
    assert "error WFE-E402: The agent is asked nothing" in bad.stdout
    misspelt = {"step_id": "g", "step_type": "agent", "config": {"query": "Hi", "tools": ["calculater"]}}
    warned = workflow("validate", write(tmp_path, {"name": "X", "steps": [misspelt]}))
    assert warned.exit_code == 0
    assert "warning WFE-W410: 'calculater' is neither a built-in tool" in warned.stdout
    assert "Did you mean 'calculator'?\n" in warned.stdout
    assert workflow("validate", tmp_path, "--deny-warnings").exit_code == 2


@pytest.mark.parametrize(
    ("content", "place"), [("{", "1:2"), ('{"a": 1, "a": 2}', "1:10"), ("", "1:1"), ('{"a": "\\ud800"}', "")]
)
def test_a_file_that_is_no_json_exits_with_2(tmp_path: Path, content: str, place: str) -> None:
    file = write(tmp_path, content)
    done = workflow("run", file)
    assert (done.exit_code, done.stdout) == (2, "")
    where = f"{file}:{place}" if place else str(file)
    assert done.stderr.startswith(f"{where}: error malformed_json: ")
    assert json.loads(workflow("run", file, "--json").stdout)["error"]["errors"][0]["code"] == "malformed_json"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "/nowhere/workflow.json"),
        ("run", HELLO, "--input", "@/nowhere/input.json"),
        ("run", HELLO, "--input", "{"),
        ("run", HELLO, "--steps", "/nowhere"),
        ("compile", HELLO, "--plan", "--diagram"),
        ("nothing",),
    ],
)
def test_a_mistake_on_the_command_line_exits_with_2(arguments: tuple[str | Path, ...]) -> None:
    done = workflow(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_compile_prints_machine_plan_or_diagram() -> None:
    machine = json.loads(workflow("compile", HELLO).stdout)
    assert machine["QueryLanguage"] == "JSONata"
    plan = json.loads(workflow("compile", HELLO, "--plan").stdout)
    assert plan["states"] == len(machine["States"])
    assert workflow("compile", HELLO, "--diagram").stdout.startswith(("flowchart", "graph"))


NOISY = """
import atexit, os
print("imported")
os.system("echo from a child")
atexit.register(print, "at the exit")

def handler(event, context):
    print("in the step")
    os.system("echo from the child of a step")
    return 1
"""


@pytest.mark.parametrize("command", [("run", "--json"), ("compile",), ("compile", "--plan"), ("validate", "--json")])
def test_what_steps_print_goes_to_stderr_so_stdout_is_one_document(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "cli_noisy.py").write_text(NOISY)
    file = write(tmp_path, {"name": "Noisy", "steps": [{"step_id": "a", "step_type": "cli_noisy"}]})
    done = subprocess.run(
        [*COMMAND, command[0], str(file), *command[1:], "--steps", str(tmp_path / "steps")],
        capture_output=True,
        text=True,
        timeout=6000,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    heard = {"imported", "from a child", "at the exit"}
    heard |= {"[RUN a] in the step", "from the child of a step"} if command[0] == "run" else set()
    assert heard <= {re.sub(r"^\[[0-9a-f]{8} ", "[RUN ", line) for line in done.stderr.splitlines()}


def test_a_caller_in_this_process_gets_its_standard_output_back() -> None:
    before = sys.stdout
    assert json.loads(workflow("compile", HELLO).stdout)
    assert sys.stdout is before


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [("--allow-host", "*", "is not a host name"), ("--cors-origin", "localhost:3000", "is not an origin")],
)
def test_serve_refuses_what_would_allow_nobody_or_everybody(flag: str, value: str, told: str) -> None:
    refused = workflow("serve", "--port", "0", flag, value)
    assert (refused.exit_code, told in refused.stderr) == (2, True)


def test_serve_answers_until_it_is_interrupted() -> None:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        assert found
        assert ApiClient(found.group()).get("/health").status == 200
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=600)
    assert process.returncode == 0
    assert errors == ""
