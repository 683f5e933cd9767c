"""The commands that are clients, against a local server."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from tests.local.cli.fake_api import FakeApi

pytestmark = pytest.mark.xdist_group("cli-client")

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def workflow(*arguments: str | Path, stdin: str = "") -> Result:
    """Run the command in this process; standard output is no terminal."""
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin)


def hello(text: str = "hi", **others: Any) -> dict[str, Any]:
    return {
        "name": "Hello",
        "steps": [
            {"step_id": "said", "step_type": "data_input", "config": {"data": {"text": text}}},
            {"step_id": "loud", "step_type": "data_processing", "config": {"processing_type": "uppercase"},
             "input_mapping": {"input": "said.data.text"}},
        ],
        "output": {"text": "loud.result"},
        **others,
    }  # fmt: skip


def write(name: str, document: Any) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def deployed(document: dict[str, Any], workflow_id: str) -> str:
    done = workflow("deploy", write(f"{workflow_id}.json", document))
    assert done.exit_code == 0, done.output
    return workflow_id


def started(workflow_id: str, *arguments: str) -> str:
    done = workflow("start", workflow_id, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def failed_run(paid: Path) -> str:
    """A run that fails until the file `paid` is there."""
    steps = [
        {"step_id": "order", "step_type": "data_input", "config": {"data": {"amount": 12}}},
        {"step_id": "charge", "step_type": "cli_charge", "config": {"paid": str(paid)},
         "input_mapping": {"amount": "order.data.amount"}},
    ]  # fmt: skip
    done = workflow("start", deployed({"name": "Order", "steps": steps}, "cli-order"), "--wait", "--json")
    assert done.exit_code == 1, done.output
    return str(json.loads(done.stdout)["execution_id"])


def test_a_file_is_deployed_under_its_name_and_stays_the_same_version_until_it_changes(api: str) -> None:
    file = write("greet.json", hello())
    created = workflow("deploy", file)
    assert (created.exit_code, created.stdout.splitlines()[-1]) == (0, "created\tgreet\t1\tgreet.json")
    same = workflow("deploy", file)
    assert (same.exit_code, same.stdout.splitlines()[-1]) == (0, "unchanged\tgreet\t1\tgreet.json")
    write("greet.json", hello("bye"))
    changed = workflow("deploy", file)
    assert changed.stdout.splitlines() == [
        "greet (version 1)  greet.json",
        '  ~ /steps/0/config/data/text: "hi" -> "bye"',
        "updated\tgreet\t2\tgreet.json",
    ]
    assert changed.stderr == f"{api} (no profile; from WORKFLOW_API_URL)\n"


def test_the_id_in_the_document_goes_before_the_name_of_the_file(api: str) -> None:
    done = workflow("deploy", write("any.json", hello(workflow_id="chosen")))
    assert done.stdout.splitlines()[-1] == "created\tchosen\t1\tany.json"
    assert workflow("deploy", "any.json").stdout.splitlines()[-1] == "unchanged\tchosen\t1\tany.json"


def test_a_dry_run_tells_what_would_change_in_plan_and_cost_and_changes_nothing(api: str) -> None:
    deployed(hello(), "dry")
    longer = hello()
    longer["steps"].append(
        {"step_id": "sum", "step_type": "cli_print", "dependencies": ["loud"], "config": {}},
    )
    done = workflow("deploy", write("dry.json", longer), "--dry-run", "--json")
    [told] = json.loads(done.stdout)["workflows"]
    assert (told["action"], told["version"], told["changes"][0]["kind"]) == ("update", 1, "added")
    before, after = (told["plan"]["transitions_usd_per_1000_runs"][when] for when in ("before", "after"))
    assert before < after
    assert workflow("deploy", "dry.json", "--dry-run").stdout.count("USD for the transitions of 1,000 runs") == 1
    assert workflow("deploy", "dry.json").stdout.splitlines()[-1] == "updated\tdry\t2\tdry.json"


def test_a_folder_is_deployed_without_tests_fixtures_and_what_is_no_workflow(api: str) -> None:
    write("flows/one.json", hello())
    write("flows/deep/two.json", hello())
    for name in ("fixtures/three.json", ".hidden/four.json", "node_modules/five.json", "six.test.json"):
        write(f"flows/{name}", hello())
    write("flows/package.json", {"name": "no workflow"})
    done = workflow("deploy", "flows", "--json")
    assert done.exit_code == 0, done.output
    assert {told["workflow_id"] for told in json.loads(done.stdout)["workflows"]} == {"one", "two"}
    assert "flows/package.json is left out: it is no workflow." in done.stderr


def test_nothing_is_deployed_when_one_of_a_folder_is_invalid(api: str) -> None:
    write("bad/fine.json", hello())
    wrong = hello()
    wrong["steps"][1]["input_mapping"] = {"input": "sayd.data.text"}
    write("bad/wrong.json", wrong)
    done = workflow("deploy", "bad", "--json")
    assert done.exit_code == 2
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["errors"][0]["file"]) == ("invalid_workflow", "bad/wrong.json")
    assert error["errors"][0]["pointer"] == "/steps/1/input_mapping/input"
    assert workflow("start", "fine").exit_code == 1


YAML = """\
name: Greets
steps:
  - step_id: said
    step_type: data_input
    config: {data: {text: hi}}
  - step_id: loud
    step_type: data_processing
    config: {processing_type: uppercase}
    input_mapping: {input: said.data.text}
"""


def test_yaml_is_deployed_started_and_its_mistakes_are_told_where_they_stand(api: str) -> None:
    file = Path("greets.yaml")
    file.write_text(YAML)
    assert workflow("deploy", file).stdout.splitlines()[-1] == "created\tgreets\t1\tgreets.yaml"
    assert workflow("start", file, "--wait").exit_code == 0
    file.write_text(YAML.replace("said.data", "sayd.data"))
    for command in ("deploy", "start"):
        done = workflow(command, file)
        assert done.exit_code == 2
        assert "greets.yaml:9:28: error WFE-E" in done.stderr
        [error] = json.loads(workflow(command, file, "--json").stdout)["error"]["errors"]
        assert (error["file"], error["line"], error["column"]) == ("greets.yaml", 9, 28)


@pytest.mark.parametrize("text", ["[1, 2]", "just text", "7"])
def test_a_file_without_an_object_is_no_workflow(api: str, text: str) -> None:
    Path("no.yaml").write_text(text)
    assert [workflow(command, "no.yaml").exit_code for command in ("start", "deploy")] == [2, 2]


def test_an_input_that_the_workflow_does_not_take_is_told_in_its_file(api: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    deployed(hello(input_schema=schema), "strict")
    Path("input.yaml").write_text("a: 1\nn: many\n")
    done = workflow("start", "strict", "--input", "@input.yaml")
    assert (done.exit_code, "input.yaml:2:4: error" in done.stderr) == (2, True), done.stderr


def test_two_files_of_one_id_are_refused_before_anything_is_sent(api: str) -> None:
    write("a/flow.json", hello())
    write("b/flow.json", hello())
    done = workflow("deploy", "a", "b")
    assert done.exit_code == 2
    assert "a/flow.json and b/flow.json would all be workflow 'flow'." in done.stderr


@pytest.mark.parametrize("name", ["my flow.json", "compile.json", "ümlaut.json", "x" * 65 + ".json"])
def test_an_id_that_the_api_refuses_is_refused_before_anything_is_sent(fake: FakeApi, name: str) -> None:
    write("odd/fine.json", hello())
    write(f"odd/{name}", hello())
    done = workflow("deploy", "odd")
    assert (done.exit_code, fake.asked) == (2, [])
    assert "is not a valid workflow id" in done.stderr


def test_an_empty_folder_deletes_nothing(api: str) -> None:
    Path("none").mkdir()
    deployed(hello(), "kept")
    done = workflow("deploy", "none", "--prune", "--yes")
    assert (done.exit_code, "There is no workflow in none." in done.stderr) == (2, True)
    assert workflow("start", "kept").exit_code == 0


def test_prune_of_one_file_is_refused(api: str) -> None:
    done = workflow("deploy", write("lonely.json", hello()), "--prune", "--yes")
    assert (done.exit_code, "--prune is for folders" in done.stderr) == (2, True)


def test_prune_deletes_what_no_file_holds_of_a_tag_and_asks(api: str) -> None:
    for name in ("stays", "goes"):
        deployed(hello(tags=["team-a"]), name)
    deployed(hello(tags=["team-b"]), "of-others")
    write("keep/stays.json", hello(tags=["team-a"]))
    arguments = ("deploy", "keep", "--prune", "--tag", "team-a")
    unasked = workflow(*arguments)
    assert (unasked.exit_code, "Say --yes" in unasked.stderr) == (2, True)
    assert workflow("start", "goes").exit_code == 0
    assert "goes (version 1, to be deleted)" in workflow(*arguments, "--dry-run").stdout
    done = workflow(*arguments, "--yes")
    assert done.stdout.splitlines()[-1] == "deleted\tgoes\t1\t"
    assert [workflow("start", name).exit_code for name in ("stays", "of-others", "goes")] == [0, 0, 1]


def test_a_version_that_somebody_else_saved_meanwhile_is_a_conflict(api: str) -> None:
    deployed(hello(), "shared")
    done = workflow("deploy", write("shared.json", hello("other")), "--if-match", '"1-0000000000000000"')
    assert done.exit_code == 6
    assert "If-Match does not hold" in done.stderr


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
