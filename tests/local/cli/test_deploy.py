"""`workflow deploy`, against a local server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.local.cli.commands import deployed, hello, workflow, write
from tests.local.cli.fake_api import Asked, FakeApi, Reply, problem

pytestmark = pytest.mark.xdist_group("cli-client")


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


def test_a_deployment_goes_over_the_version_that_was_shown_alone(fake: FakeApi) -> None:
    plan = {"states": 1, "cost_usd_per_1000_runs": {"transitions": 0.05}}

    def answer(asked: Asked) -> Reply:
        match asked.method:
            case "POST":
                return Reply(200, {"is_valid": True, "errors": [], "warnings": [], "plan": plan})
            case "GET":
                standing = {"configuration": hello("before"), "version": 3, "plan": plan}
                return Reply(200, standing, {"etag": '"3-9d1f3a60b2c84e57"'})
        return Reply(412, problem(412, "precondition_failed", "Somebody has saved meanwhile."))

    fake.answer = answer
    done = workflow("deploy", write("raced.json", hello("after")))
    assert (done.exit_code, "Somebody has saved meanwhile." in done.stderr) == (6, True)
    assert '"before" -> "after"' in done.stdout
    assert [a.headers["if-match"] for a in fake.asked if a.method == "PUT"] == ['"3-9d1f3a60b2c84e57"']
