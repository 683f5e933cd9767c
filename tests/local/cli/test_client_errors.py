"""How commands end when the API refuses, is busy, breaks off or is not there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from tests.local.cli.fake_api import ENDED, Asked, FakeApi, Reply, problem
from tests.support.looking import awaited

pytestmark = pytest.mark.xdist_group("cli-client")

COMMAND = [sys.executable, "-m", "infra.local.cli"]
EVENT = {"timestamp": "2026-11-28T12:00:00.000Z", "step": "a", "step_id": "a", "attempt": 1, "details": {}}


def workflow(*arguments: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are sent again are sent at once."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "unauthorized", 4),
        (403, "forbidden", 4),
        (404, "not_found", 1),
        (409, "conflict", 6),
        (412, "precondition_failed", 6),
        (413, "too_large", 2),
        (422, "invalid_request", 2),
        (429, "throttled", 7),
        (500, "internal_error", 1),
        (503, "unavailable", 7),
    ],
)
def test_a_refusal_is_a_sentence_an_exit_code_and_one_json_document(
    fake: FakeApi, status: int, code: str, exit_code: int
) -> None:
    fake.always(status, problem(status, code, "Because of the weather."))
    plain = workflow("status", "run-1")
    assert (plain.exit_code, plain.stdout) == (exit_code, "")
    assert plain.stderr.startswith("Error: Because of the weather.\n")
    told = workflow("status", "run-1", "--json")
    error = json.loads(told.stdout)["error"]
    assert (told.exit_code, error["code"], error["status"]) == (exit_code, code, status)
    assert error["exit_code"] == exit_code


def test_the_gateway_s_own_refusal_is_told_with_how_one_has_asked(fake: FakeApi) -> None:
    fake.always(403, {"message": "Forbidden"})
    done = workflow("cancel", "run-1")
    assert done.exit_code == 4
    assert "Error: Forbidden" in done.stderr
    assert "Asked with auth 'none' (default)" in done.stderr


def test_a_busy_api_is_asked_again_and_a_start_with_the_same_key(fake: FakeApi) -> None:
    def answer(asked: Asked) -> Reply:
        if len(fake.asked) < 3:
            return Reply(503, problem(503, "unavailable", "Later."), {"retry-after": "0"})
        return Reply(202, {"execution_id": "run-1", "workflow_name": "O", "status": "running"})

    fake.answer = answer
    done = workflow("start", "order", "--input", '{"n": 1}')
    assert (done.exit_code, done.stdout) == (0, "run-1\n")
    assert [asked.method for asked in fake.asked] == ["POST"] * 3
    assert len({asked.headers["idempotency-key"] for asked in fake.asked}) == 1


def test_a_key_of_ones_own_is_sent(fake: FakeApi) -> None:
    fake.always(202, {"execution_id": "run-1", "workflow_name": "O", "status": "running"})
    workflow("start", "order", "--idempotency-key", "order-4711")
    assert fake.asked[0].headers["idempotency-key"] == "order-4711"


def test_a_server_that_is_not_there_exits_with_7_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr("infra.local.cli.settings.DEFAULT_URL", f"http://127.0.0.1:{port}")
    done = workflow("list", "--json")
    assert done.exit_code == 7
    assert "Start it by `workflow serve`" in json.loads(done.stdout)["error"]["detail"]


def _deploying(fake: FakeApi, on_put: Reply, on_delete: Reply) -> Result:
    """Deploy a folder with two workflows and prune a third one, of an API that answers so."""
    plan = {"states": 1, "cost_usd_per_1000_runs": {"transitions": 0.05}}
    third = {"workflow_id": "third", "version": 7, "name": "Third"}

    def answer(asked: Asked) -> Reply:
        match asked.method, asked.target.partition("?")[0]:
            case "POST", "/workflows/validate":
                return Reply(200, {"is_valid": True, "errors": [], "warnings": [], "plan": plan})
            case "GET", "/workflows":
                return Reply(200, {"items": [third], "next_cursor": None})
            case "GET", _:
                return Reply(404, problem(404, "not_found", "None."))
            case "PUT", "/workflows/a":
                return Reply(201, {"version": 1})
            case "PUT", _:
                return on_put
        return on_delete

    fake.answer = answer
    Path("flows").mkdir()
    for name in "ab":
        Path(f"flows/{name}.json").write_text('{"name": "W", "steps": []}')
    return workflow("deploy", "flows", "--prune", "--yes", "--json")


def test_a_deploy_that_fails_on_its_way_tells_what_was_done(fake: FakeApi) -> None:
    done = _deploying(fake, Reply(412, problem(412, "precondition_failed", "Somebody was first.")), Reply(204))
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["code"]) == (6, "precondition_failed")
    assert [(one["action"], one["workflow_id"]) for one in error["done"]] == [("created", "a")]
    assert "1 of 3 were done before." in done.stderr
    assert {asked.headers["if-none-match"] for asked in fake.asked if asked.method == "PUT"} == {"*"}


def test_what_another_pipeline_has_pruned_meanwhile_is_no_failure(fake: FakeApi) -> None:
    done = _deploying(fake, Reply(201, {"version": 1}), Reply(404, problem(404, "not_found", "Gone.")))
    assert done.exit_code == 0, done.output
    assert [one["action"] for one in json.loads(done.stdout)["workflows"]] == ["created", "created", "deleted"]


def test_what_is_no_api_of_workflows_is_told(fake: FakeApi) -> None:
    fake.always(200, b"<html>hello</html>", content_type="text/html")
    done = workflow("list")
    assert (done.exit_code, "Is this the address of the API?" in done.stderr) == (1, True)
    fake.always(200, {"hello": "world"})
    for command in (["list"], ["agents"], ["approve"], ["events", "run-1"]):
        done = workflow(*command)
        assert (done.exit_code, "Is this the address of the API?" in done.stderr) == (1, True), command


def test_a_stream_that_breaks_off_is_opened_again_where_it_was(fake: FakeApi) -> None:
    def line(place: int, kind: str) -> bytes:
        return f"id: {place}\ndata: {json.dumps({'id': str(place), 'type': kind, **EVENT})}\n\n".encode()

    opened: list[str | None] = []

    def answer(asked: Asked) -> Reply:
        if not asked.target.endswith("/stream"):
            return Reply(200, ENDED)
        opened.append(asked.headers.get("last-event-id"))
        stream = {"content-type": "text/event-stream"}
        pieces = [
            line(1, "run.started") + line(2, "step.started"),
            b"",
            line(3, "step.completed") + line(4, "run.completed"),
        ]
        if len(opened) > len(pieces):
            return Reply(204)
        return Reply(200, pieces[len(opened) - 1], stream, breaks_off=len(opened) < 3)

    fake.answer = answer
    done = workflow("events", "run-1", "--follow")
    assert done.exit_code == 0, done.output
    assert [row.split("\t")[1] for row in done.stdout.splitlines()] == [
        "run.started",
        "step.started",
        "step.completed",
        "run.completed",
    ]
    assert opened == [None, "2", "2", "4"]


def test_an_error_in_the_middle_of_json_lines_is_a_line_too(fake: FakeApi) -> None:
    pages = [Reply(200, {"items": [{"id": "1", "type": "run.started", **EVENT}], "next_cursor": "c"})]
    fake.answer = lambda asked: pages.pop() if pages else Reply(403, {"message": "Expired"})
    done = workflow("events", "run-1", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.exit_code, lines[0]["id"], lines[1]["error"]["detail"]) == (4, "1", "Expired")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--sinse", "1h", "--json"], "No such option '--sinse'"),
        (["list", "--since", "yesterday", "--json"], "'yesterday' is no moment"),
        (["start", "--json"], "Missing argument"),
        (["lst", "--json"], "Did you mean 'list'?"),
        (["list", "--api", "nowhere", "--json"], "is no address of an API"),
    ],
)
def test_mistakes_on_the_command_line_are_json_too(arguments: list[str], told: str) -> None:
    done = workflow(*arguments)
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["exit_code"], error["code"]) == (2, 2, "invalid_usage")
    assert told in error["detail"]


@pytest.mark.parametrize("command", [["run", "wrong.json"], ["start", "wrong.json"], ["deploy", "wrong.json"]])
def test_a_document_that_is_none_is_one_json_document_too(command: list[str]) -> None:
    Path("wrong.json").write_text('{"name": "Cut')
    done = subprocess.run([*COMMAND, *command, "--json"], capture_output=True, text=True, check=False)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["exit_code"], error["errors"][0]["code"]) == (2, 2, "malformed_json")
    assert "wrong.json" in done.stderr


def test_an_invalid_workflow_is_one_json_document_although_steps_may_print() -> None:
    Path("wrong.json").write_text('{"name": "W", "steps": [{"step_id": "a", "step_type": "nope"}]}')
    done = subprocess.run([*COMMAND, "run", "wrong.json", "--json"], capture_output=True, text=True, check=False)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["errors"][0]["pointer"]) == (2, "/steps/0/step_type")


def _slow_answer(fake: FakeApi) -> threading.Event:
    """The run goes on until the test is over."""
    is_over = threading.Event()

    def answer(asked: Asked) -> Reply:
        if asked.method == "POST":
            return Reply(202, {"execution_id": "run-1", "workflow_name": "O", "status": "running"})
        is_over.wait(30)
        return Reply(200, {**ENDED, "status": "running"})

    fake.answer = answer
    return is_over


def _interrupted(fake: FakeApi, requests: int, *arguments: str) -> dict[str, Any]:
    """What a command prints with --json that is interrupted while its last of so many requests is not answered."""
    is_over = _slow_answer(fake)
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        awaited(lambda: len(fake.asked) >= requests or process.poll() is not None)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        is_over.set()
        process.kill()
    assert (process.returncode, "Traceback" in stderr) == (130, False), stderr
    error: dict[str, Any] = json.loads(stdout)["error"]
    return error


def test_ctrl_c_exits_with_130_and_says_that_the_run_goes_on(fake: FakeApi) -> None:
    assert _interrupted(fake, 2, "start", "order", "--wait") == {
        "code": "interrupted",
        "detail": "The run run-1 goes on. Look at it by `workflow status run-1`, or stop it by `workflow cancel run-1`.",
        "execution_id": "run-1",
        "exit_code": 130,
    }


def test_ctrl_c_of_anything_else_is_told_too(fake: FakeApi) -> None:
    assert _interrupted(fake, 1, "list")["code"] == "interrupted"


def test_a_reader_that_goes_away_is_no_error_of_ours(fake: FakeApi) -> None:
    row: dict[str, Any] = {**ENDED, "started_at": "2026-11-28T12:00:00Z", "completed_at": None}
    rows = [row | {"execution_id": f"run-{number}" + "x" * 200} for number in range(2000)]
    fake.always(200, {"items": rows, "next_cursor": None})
    reading, writing = os.pipe()
    process = subprocess.Popen([*COMMAND, "list", "--all"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert os.read(reading, 5) == b"run-0"
    os.close(reading)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (141, "")


@pytest.mark.parametrize("arguments", [["--help"], ["list", "--help"], ["completion", "fish"], ["config"]])
def test_a_reader_that_was_never_there_is_none_either(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_process_without_standard_output_does_its_work() -> None:
    closed = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m infra.local.cli config >&-"], capture_output=True, text=True, check=False
    )
    assert (closed.returncode, closed.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["cancel", ""], ["agents", "delete", "", "--yes"], ["approve", "run-1", ""]])
def test_an_argument_of_a_variable_that_is_not_set_is_refused(fake: FakeApi, arguments: list[str]) -> None:
    done = workflow(*arguments)
    assert (done.exit_code, "is empty." in done.stderr, fake.asked) == (2, True, [])


def test_a_full_disk_is_told_and_is_no_success(fake: FakeApi) -> None:
    fake.always(200, {**ENDED})
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "status", "run-1"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "Error: Standard output cannot be written to: No space left on device.\n"
