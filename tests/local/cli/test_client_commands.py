"""The commands that are clients, against a local server."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.local.cli.commands import deployed, failed_run, hello, started, workflow, write
from tests.local.cli.fake_api import FakeApi

pytestmark = pytest.mark.xdist_group("cli-client")

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


COMMANDS_OF_A_FILE = ["validate", "run", "run --input {}", "compile", "graph --compiled", "start", "deploy"]


@pytest.mark.parametrize("command", COMMANDS_OF_A_FILE)
@pytest.mark.parametrize("text", ["null", "[1, 2]", "just text", "7"])
def test_a_file_without_an_object_is_no_workflow(api: str, command: str, text: str) -> None:
    Path("no.yaml").write_text(text)
    done = workflow(*command.split(), "no.yaml")
    assert done.exit_code == 2
    assert "no.yaml:1:1: error WFE-E100: A workflow is an object with 'name' and 'steps', not " in done.output


@pytest.mark.parametrize("command", ["run", "start"])
def test_a_file_may_have_the_input_beside_its_steps(api: str, command: str) -> None:
    options = ("--json",) if command == "run" else ("--json", "--wait")
    asked = {**hello(), "output": {"text": "input.text"}}
    file = write("asked.json", asked | {"input": {"text": "in the file"}})
    assert json.loads(workflow(command, file, *options).stdout)["output"] == {"text": "in the file"}
    other = workflow(command, file, *options, "--input", '{"text": "said"}')
    assert json.loads(other.stdout)["output"] == {"text": "said"}


def test_what_is_wrong_with_an_input_in_the_file_is_told_where_it_stands(api: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    file = write("asked.json", hello(input_schema=schema) | {"input": {"n": "many"}})
    told = [workflow(command, file).stderr.splitlines()[-2:] for command in ("start", "run")]
    assert told[0] == told[1]
    assert '"n": "many"' in told[0][0]


def test_an_input_that_the_workflow_does_not_take_is_told_in_its_file(api: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    deployed(hello(input_schema=schema), "strict")
    Path("input.yaml").write_text("a: 1\nn: many\n")
    done = workflow("start", "strict", "--input", "@input.yaml")
    assert (done.exit_code, "input.yaml:2:4: error" in done.stderr) == (2, True), done.stderr


def test_start_prints_the_id_alone_and_last_is_that_run(api: str) -> None:
    done = workflow("start", deployed(hello(), "last"))
    assert UUID.fullmatch(done.stdout.removesuffix("\n"))
    status = workflow("status", "@last", "--wait", "--json")
    assert status.exit_code == 0, status.output
    assert json.loads(status.stdout)["execution_id"] == done.stdout.strip()
    other = workflow("status", "@last", "--api", api.replace("127.0.0.1", "localhost"))
    assert (other.exit_code, "No run was started from here yet" in other.stderr) == (2, True)


def test_wait_before_the_id_does_not_swallow_it(api: str) -> None:
    deployed(hello(), "order")
    done = workflow("start", "--wait", "order", "--json")
    assert (done.exit_code, json.loads(done.stdout)["output"]) == (0, {"text": "HI"})
    assert workflow("start", "--wait", "20", "order").exit_code == 0


def test_a_wait_that_is_over_exits_with_3_and_the_run_goes_on(api: str) -> None:
    steps = [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 3600}}]
    deployed({"name": "Slow", "steps": steps}, "slow")
    done = workflow("start", "slow", "--wait", "0.2", "--json")
    assert done.exit_code == 3
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "wait_is_over"
    assert workflow("status", error["execution_id"]).exit_code == 0
    cancelled = workflow("cancel", "@last", "--comment", "enough")
    assert cancelled.stdout == f"{error['execution_id']}\tcancelled\n"
    assert json.loads(workflow("status", "@last", "--json").stdout)["cancel_cause"] == "enough"
    assert workflow("status", "@last").exit_code == 1


def test_results_name_the_first_failure_its_input_and_the_command_to_redrive(api: str, tmp_path: Path) -> None:
    run = failed_run(tmp_path / "paid")
    done = workflow("results", run)
    assert done.exit_code == 1
    assert "step charge failed: ValueError: card refused" in done.stdout
    assert "The first step that failed: charge" in done.stdout
    assert '"amount": 12' in done.stdout
    assert f"workflow redrive {run}" in done.stdout
    assert f"workflow rerun {run} --from-step charge" in done.stdout


def test_a_failed_run_is_redriven_and_rerun_from_a_step(api: str, tmp_path: Path) -> None:
    run = failed_run(tmp_path / "paid")
    assert workflow("redrive", run, "--wait").exit_code == 1
    (tmp_path / "paid").touch()
    redriven = workflow("redrive", run, "--wait", "--json")
    assert (redriven.exit_code, json.loads(redriven.stdout)["status"]) == (0, "completed")
    again = workflow("redrive", run)
    assert again.exit_code == 6
    rerun = workflow("rerun", run, "--from-step", "charge", "--wait", "--json")
    results = json.loads(rerun.stdout)
    assert (rerun.exit_code, results["status"], results["execution_id"] == run) == (0, "completed", False)
    assert workflow("rerun", run, "--from-step", "chrage").exit_code == 2


def test_events_and_logs_are_lines_and_json_lines_and_end_as_the_run_did(api: str, tmp_path: Path) -> None:
    run = failed_run(tmp_path / "paid")
    followed = workflow("events", run, "--follow")
    assert followed.exit_code == 1
    rows = [line.split("\t") for line in followed.stdout.splitlines()]
    told = [row[1] for row in rows if row[1] != "log"]  # a line that became known late stands where it came
    assert (told[0], told[-1]) == ("run.started", "run.failed")
    assert {len(row) for row in rows} == {5}
    of_step = [json.loads(line) for line in workflow("events", run, "--step", "charge", "--json").stdout.splitlines()]
    assert {event["step_id"] for event in of_step} == {"charge"}
    assert workflow("events", run, "--since", "2999-01-01").stdout == ""
    logs = workflow("logs", run, "--follow")
    assert (logs.exit_code, [line.split("\t")[1:] for line in logs.stdout.splitlines()]) == (
        1,
        [["charge", "stdout", "charging"]],
    )
    assert json.loads(workflow("logs", run, "--json").stdout)["message"] == "charging"


@pytest.mark.parametrize("command", ["events", "logs"])
def test_a_step_that_the_run_does_not_have_is_refused_with_the_nearest_one(
    api: str, tmp_path: Path, command: str
) -> None:
    run = failed_run(tmp_path / "paid")
    for options in ((), ("--follow",), ("--since", "10m")):
        done = workflow(command, run, "--step", "chrge", *options)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == "Error: The run has no step 'chrge'. Did you mean 'charge'?\n"


def test_events_of_a_step_in_a_container_are_found_by_its_id_and_by_its_key(api: str) -> None:
    inner = {"step_id": "double", "step_type": "output", "input_mapping": {"n": "item"}}
    steps = [
        {"step_id": "rows", "step_type": "data_input", "config": {"data": {"list": [1, 2]}}},
        {"step_id": "each", "step_type": "map", "config": {"items": "rows.data.list", "steps": [inner]}},
    ]
    run = started(deployed({"name": "Nested", "steps": steps}, "cli-nested"), "--wait", "--json")
    run = json.loads(run)["execution_id"]

    def told(step: str) -> set[str]:
        lines = workflow("events", run, "--step", step).stdout.splitlines()
        return {line.split("\t")[2] for line in lines}

    assert told("double") == {"each[0].double", "each[1].double"}
    assert told("each[1].double") == {"each[1].double"}
    assert told("rows") == {"rows"}


def test_a_completed_run_is_not_redriven_and_the_advice_is_a_command(api: str) -> None:
    run = json.loads(started(deployed(hello(), "done"), "--wait", "--json"))["execution_id"]
    done = workflow("redrive", run)
    assert done.exit_code == 6
    assert f"`workflow rerun {run}` starts it anew, all of it or from a step on, by `--from-step`." in done.stderr
    problem = json.loads(workflow("redrive", run, "--json").stdout)["error"]
    assert f"POST /executions/{run}/rerun" in problem["detail"]  # to a program


def test_a_worker_without_its_function_is_a_mistake_on_the_command_line(fake: FakeApi) -> None:
    for function, told in (
        ("nowhere:work", "cannot be imported"),
        ("json:nothing", "has no function"),
        ("x", "names no"),
    ):
        done = workflow("worker", function, "--activity", "a")
        assert (done.exit_code, told in done.stderr) == (2, True)
    assert fake.asked == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "x.json", "--steps", ".", "--steps", ".."),
        ("run", "x.json", "--input", "{}", "--input=[]"),
        ("agents", "show", "a", "--version", "1", "--version", "2"),
        ("start", "a", "--wait", "1", "--wait", "2"),
    ],
)
def test_an_option_of_one_value_is_not_given_two(arguments: tuple[str, ...]) -> None:
    write("x.json", hello())
    done = workflow(*arguments)
    assert (done.exit_code, "is given 2 times, and takes one value." in done.stderr) == (2, True)


def test_letters_that_changed_places_are_the_likeliest_slip() -> None:
    assert "Did you mean 'start'?" in workflow("strat").stderr


def test_what_a_step_prints_does_not_steer_the_terminal(api: str) -> None:
    deployed({"name": "Red", "steps": [{"step_id": "red", "step_type": "cli_print", "config": {}}]}, "red")
    run = json.loads(workflow("start", "red", "--wait", "--json").stdout)["execution_id"]
    told = workflow("logs", run).stdout
    assert "\x1b" not in told
    assert r"\x1b[31mred\tand\x1b[0m" in told


def test_list_finds_by_what_a_run_was_started_with(api: str, tmp_path: Path) -> None:
    deployed(hello(), "found")
    run = started("found", "--tag", "nightly", "--correlation-id", "c-1", "--session-id", "s-1", "--user-id", "u-1")
    workflow("status", run, "--wait")
    for flags in (
        ["--tag", "nightly"],
        ["--correlation-id", "c-1"],
        ["--session-id", "s-1"],
        ["--user-id", "u-1"],
        ["--workflow", "found", "--status", "completed", "--since", "1h", "--not-failed"],
    ):
        done = workflow("list", *flags, "--fields", "execution_id,status")
        assert done.stdout == f"{run}\tcompleted\n", flags
    assert workflow("list", "--workflow", "found", "--until", "1h").stdout == ""
    failed = failed_run(tmp_path / "paid")
    assert workflow("list", "--failed", "--error", "card", "--fields", "execution_id").stdout.splitlines()[0] == failed


def test_a_list_that_is_cut_says_so(api: str) -> None:
    deployed(hello(), "many")
    runs = {started("many") for _ in range(3)}
    done = workflow("list", "--workflow", "many", "--limit", "2", "--json")
    page = json.loads(done.stdout)
    assert (len(page["items"]), page["next_cursor"] is not None) == (2, True)
    assert "There may be more: these are the newest 2." in done.stderr
    all_of_them = workflow("list", "--workflow", "many", "--all", "--fields", "execution_id")
    assert set(all_of_them.stdout.split()) == runs
    assert all_of_them.stderr == ""


def test_a_field_that_there_is_not_is_refused_with_the_nearest_one(api: str) -> None:
    deployed(hello(), "fields")
    run = started("fields")
    assert workflow("status", run, "--fields", "execution_id,workflow_id").stdout == f"{run}\tfields\n"
    done = workflow("list", "--fields", "execution_idd")
    assert (done.exit_code, "Did you mean 'execution_id'?" in done.stderr, done.stdout) == (2, True, "")


def test_what_waits_is_listed_approved_and_denied(api: str) -> None:
    ask = {"step_type": "human_approval", "config": {"prompt": "Release?"}}
    steps = [{"step_id": "release", **ask}, {"step_id": "ship", **ask}]
    deployed({"name": "Ask", "execution_pattern": "parallel", "steps": steps}, "ask")
    run = started("ask")
    while len(workflow("approve").stdout.splitlines()) < 2:
        pass
    unclear = workflow("approve", run)
    assert (unclear.exit_code, "waits for 2 decisions. Name the step:" in unclear.stderr) == (6, True)
    assert workflow("approve", run, "release", "--comment", "fine").stdout == f"{run}\trelease\tapproved\n"
    assert workflow("approve", run, "release").exit_code == 6
    denied = workflow("deny", "@last", "--payload", '{"why": 1}', "--json")
    told = json.loads(denied.stdout)
    assert (told["step_id"], told["decision"], told["payload"]) == ("ship", "denied", {"why": 1})
    results = json.loads(workflow("results", run, "--wait", "--json").stdout)
    assert results["step_results"]["release"]["output_data"]["comment"] == "fine"


def test_an_element_of_a_list_is_approved_by_its_place(api: str) -> None:
    step = {
        "step_id": "release",
        "step_type": "human_approval",
        "for_each": "input.orders",
        "config": {"prompt": "Release?"},
    }
    deployed({"name": "Ask each", "steps": [step]}, "ask-each")
    run = started("ask-each", "--input", '{"orders": [1, 2]}')
    while len(workflow("approve", "--json").stdout.split('"release[')) < 3:
        pass
    assert workflow("approve", run, "release[1]").stdout == f"{run}\trelease[1]\tapproved\n"
    assert workflow("deny", run).stdout == f"{run}\trelease[0]\tdenied\n"
    assert workflow("status", run, "--wait", "60").exit_code == 0


def test_steps_agents_and_prompts_are_registered_shown_and_deleted(api: str) -> None:
    step = {"step_type": "cli_ocr", "execution_type": "activity", "tags": ["docs"]}
    assert workflow("steps", "register", write("step.json", step)).stdout == "cli_ocr\t1\n"
    assert workflow("steps", "--tag", "docs", "--fields", "step_type").stdout == "cli_ocr\n"
    assert json.loads(workflow("steps", "show", "cli_ocr").stdout)["execution_type"] == "activity"
    agent = write("agent.json", {"agent_id": "cli-agent", "agent_name": "A", "model": "gpt-5-mini"})
    assert workflow("agents", "register", agent).stdout == "cli-agent\t1\n"
    write("agent.json", {"agent_id": "cli-agent", "agent_name": "B", "model": "gpt-5-mini"})
    assert workflow("agents", "register", agent).stdout == "cli-agent\t2\n"
    assert workflow("agents", "list", "--fields", "agent_id,agent_name").stdout == "cli-agent\tB\n"
    prompt = write("prompt.json", {"prompt_id": "cli-prompt", "name": "P", "query_template": "Hi {{ name }}"})
    done = workflow("prompts", "register", prompt)
    assert done.stdout == "cli-prompt\t1\n", done.output
    for noun, name in (("steps", "cli_ocr"), ("agents", "cli-agent"), ("prompts", "cli-prompt")):
        assert workflow(noun, "delete", name).exit_code == 2
        assert workflow(noun, "delete", name, "--yes").exit_code == 0
        assert workflow(noun, "show", name).exit_code == 1


def test_what_is_wrong_with_a_registration_is_told_where_it_stands(api: str) -> None:
    Path("agent.yaml").write_text("agent_id: a\nagent_name: A\nmodle: gpt-5-mini\n")
    done = workflow("agents", "register", "agent.yaml")
    assert (done.exit_code, "agent.yaml:3:1: error" in done.stderr) == (2, True), done.stderr


def test_a_mistyped_command_of_a_group_gets_a_suggestion(api: str) -> None:
    done = workflow("agents", "lst")
    assert (done.exit_code, "There is no command 'lst'. Did you mean 'list'?" in done.stderr) == (2, True)


def test_a_profile_that_wants_it_is_asked_before_anything_changes(api: str, own_home: Path) -> None:
    Path(".workflow.toml").write_text(f'[profiles.prod]\nurl = "{api}"\nconfirm = true\ntenant = "acme"\n')
    file = write("guarded.json", hello())
    done = workflow("deploy", file, "--profile", "prod")
    assert (done.exit_code, "Say --yes" in done.stderr) == (2, True)
    assert f"profile prod, {api}, tenant acme" in done.stderr
    assert workflow("deploy", file, "--profile", "prod", "--dry-run").exit_code == 0
    assert workflow("deploy", file, "--profile", "prod", "--yes").exit_code == 0


def test_stats_are_rows_of_hours_and_of_steps(api: str, tmp_path: Path) -> None:
    deployed(hello(), "counted")
    for _ in range(2):
        workflow("start", "counted", "--wait", "60")
    for _ in range(100):  # runs are counted twice a second
        told = json.loads(workflow("stats", "counted", "--json").stdout)
        if told["total"]["runs"] == 2:
            break
        time.sleep(0.1)
    assert (told["total"]["counts"]["completed"], told["bucket"]) == (2, "hour")
    rows = [line.split("\t") for line in workflow("stats", "counted").stdout.splitlines()]
    assert len(rows) == len(told["buckets"])
    assert sum(int(row[1]) for row in rows) == 2
    by_day = workflow("stats", "counted", "--by", "day", "--since", "2d", "--fields", "start,runs")
    assert [line.split("\t")[1] for line in by_day.stdout.splitlines()][-1] == "2"
    assert json.loads(workflow("stats", "--json").stdout)["total"]["runs"] >= 2
    assert workflow("stats", "no-such-workflow").exit_code == 1


def test_a_run_that_failed_is_told_with_what_to_do_by_each_command_that_follows_it(api: str) -> None:
    step = {"step_id": "a", "step_type": "http_request", "config": {"url": "http://127.0.0.1:9/x"}}
    done = workflow("start", write("refused.json", {"name": "Refused", "steps": [step]}), "--wait")
    cause, action = (
        "Usual cause:     The URL leads to an address inside a network",
        "What to do:      Use a public address.",
    )
    for text in (
        done.stdout,
        workflow("results", "@last").stdout,
        workflow("events", "@last", "--follow").stderr,
        workflow("logs", "@last").stderr,
    ):
        assert cause in text
        assert action in text
        assert "docs/steps.md#which-addresses" in text
    for command in ("results", "events"):
        assert "Usual cause" not in workflow(command, "@last", "--json").stderr
