"""`workflow validate`: several files and folders, and the forms in which machines read what it finds."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from infra.local.cli.findings import Finding
from infra.local.cli.reports import as_github, as_sarif
from infra.local.cli.texts import text_of
from workflow_engine.documents.places import Span
from workflow_engine.json_schema import SchemaValidator
from workflow_engine.language.diagnostics import CODES

GOOD = "name: Good\nsteps:\n  - {step_id: a, step_type: data_input, config: {data: 1}}\n"
WRONG = GOOD.replace("data_input", "data_inpt")
DOUBTFUL = "name: x\nsteps: [{step_id: g, step_type: agent, config: {query: Hi, tools: [calculater]}}]\n"


def workflow(*arguments: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "good.yaml": GOOD,
        "flows/wrong, 100%.yml": WRONG,
        "flows/broken.json": '{"name": "x",\n}',
        "flows/package.json": '{"name": "no workflow"}',
        "flows/good.test.yaml": "a: [",
        "flows/.hidden/wrong.yaml": WRONG,
        "flows/fixtures/wrong.yaml": WRONG,
        "flows/notes.txt": "a: [",
    }
    for name, text in files.items():
        (tmp_path / "w" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "w" / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


@pytest.mark.usefixtures("folder")
def test_every_workflow_below_a_folder_is_checked_and_what_is_none_is_left_out() -> None:
    done = workflow("validate", ".")
    assert done.exit_code == 2
    heads = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [head.split(": ")[:2] for head in heads[:-1]] == [
        ["flows/broken.json:2:1", "error malformed_json"],
        ["flows/wrong, 100%.yml:3:29", "error WFE-E400"],
        ["good.yaml", "valid, 1 transition a run, $0.03 per 1,000 runs"],
    ]
    assert heads[-1] == "3 files, 2 errors, 0 warnings"
    assert done.stderr == "Left out: 1 file without a workflow.\n"


@pytest.mark.usefixtures("folder")
def test_what_is_valid_exits_with_0_and_a_folder_without_workflows_with_2(folder: Path) -> None:
    assert workflow("validate", "good.yaml").exit_code == 0
    assert workflow("validate", "-", stdin=GOOD).stdout.startswith("standard input: valid")
    (folder / "empty").mkdir()
    none = workflow("validate", "empty")
    assert (none.exit_code, none.stderr) == (2, "Error: There is no workflow in empty.\n")
    assert workflow("validate").exit_code == 2
    assert workflow("validate", "nowhere.yaml").exit_code == 2


@pytest.mark.usefixtures("folder")
def test_warnings_fail_only_when_they_are_denied(folder: Path) -> None:
    (folder / "doubtful.yaml").write_text(DOUBTFUL, encoding="utf-8")
    assert workflow("validate", "doubtful.yaml").exit_code == 0
    assert workflow("validate", "doubtful.yaml", "--deny-warnings").exit_code == 2
    assert workflow("validate", "good.yaml", "--deny-warnings").exit_code == 0


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("flags", [("--json",), ("--format", "json")])
def test_as_json_it_is_one_document_of_one_shape(flags: tuple[str, ...]) -> None:
    done = workflow("validate", "good.yaml", "flows/wrong, 100%.yml", "flows/broken.json", *flags)
    assert done.exit_code == 2
    report = json.loads(done.stdout)
    good, wrong, broken = report["files"]
    assert report["is_valid"] is False
    assert (good["file"], good["is_valid"], good["errors"], good["plan"]["states"]) == ("good.yaml", True, [], 1)
    assert good["step_validation"] == {"a": {"is_valid": True, "errors": []}}
    (error,) = wrong["errors"]
    assert error.pop("detail").startswith("There is no step type 'data_inpt'.")
    assert error == {
        "file": "flows/wrong, 100%.yml",
        "code": "WFE-E400",
        "severity": "error",
        "pointer": "/steps/0/step_type",
        "line": 3,
        "column": 29,
        "end_line": 3,
        "end_column": 38,
        "fix": {"replace": "data_inpt", "replacement": "data_input", "target": "value"},
    }
    assert [(e["code"], e["line"], e["column"]) for e in broken["errors"]] == [("malformed_json", 2, 1)]
    assert json.loads(workflow("validate", "good.yaml", *flags).stdout)["is_valid"] is True


@pytest.mark.usefixtures("folder")
def test_with_json_a_mistake_on_the_command_line_is_json_too(folder: Path) -> None:
    (folder / "empty").mkdir()
    done = workflow("validate", "empty", "--json")
    assert (done.exit_code, json.loads(done.stdout)["error"]["exit_code"]) == (2, 2)


@pytest.mark.usefixtures("folder")
def test_github_gets_a_workflow_command_a_finding_with_its_characters_escaped() -> None:
    done = workflow("validate", "flows", "--format", "github")
    assert done.exit_code == 2
    broken, wrong = done.stdout.splitlines()
    assert broken.startswith("::error file=flows/broken.json,title=malformed_json,line=2,col=1::Not JSON: ")
    assert wrong.startswith(
        "::error file=flows/wrong%2C 100%25.yml,title=WFE-E400,line=3,col=29,endLine=3,endColumn=37::There is no step type"
    )


def hand_made(detail: str, text: str = "a: 1\n") -> Finding:
    return Finding("WFE-W410", "/a", detail, None, text_of("none.yaml", text.encode()), Span(3, 4), (1, 4), (1, 5))


def test_a_sentence_cannot_end_a_workflow_command() -> None:
    (line,) = as_github([hand_made("100 %\r\n::set-output name=x::y")])
    assert line.startswith("::warning title=WFE-W410,line=1,col=4,")
    assert line.endswith("::100 %25\\r%0A::set-output name=x::y")
    assert len(line.splitlines()) == 1


POSITION = {"type": "integer", "minimum": 1}
ARTIFACT = {
    "type": "object",
    "required": ["uri"],
    "properties": {
        "uri": {"type": "string", "pattern": r"^[^\s:%]*(%[0-9A-F]{2}[^\s:%]*)*$"},
        "uriBaseId": {"const": "ROOT"},
    },
    "additionalProperties": False,
}
REGION = {
    "type": "object",
    "required": ["startLine"],
    "properties": dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), POSITION),
    "additionalProperties": False,
}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "required": ["id"],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "defaultConfiguration": {"properties": {"level": LEVEL}},
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {
                        "type": "array",
                        "items": {
                            "required": ["message", "ruleId"],
                            "properties": {
                                "level": LEVEL,
                                "message": TEXT,
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation"],
                                                "properties": {"artifactLocation": ARTIFACT, "region": REGION},
                                            }
                                        }
                                    },
                                },
                                "fixes": {
                                    "type": "array",
                                    "items": {
                                        "required": ["artifactChanges"],
                                        "properties": {
                                            "artifactChanges": {
                                                "type": "array",
                                                "minItems": 1,
                                                "items": {
                                                    "required": ["artifactLocation", "replacements"],
                                                    "properties": {
                                                        "artifactLocation": ARTIFACT,
                                                        "replacements": {
                                                            "minItems": 1,
                                                            "items": {
                                                                "required": ["deletedRegion"],
                                                                "properties": {
                                                                    "deletedRegion": REGION,
                                                                    "insertedContent": TEXT,
                                                                },
                                                            },
                                                        },
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What sections 3.13 to 3.55 of SARIF 2.1.0 ask of the members that are written here."""


@pytest.mark.usefixtures("folder")
def test_sarif_has_a_rule_a_code_and_a_result_a_finding_with_its_fix() -> None:
    log = json.loads(workflow("validate", ".", "--format", "sarif").stdout)
    assert [str(misfit.message) for misfit in SchemaValidator(SARIF).misfits(log)] == []
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["WFE-E400", "malformed_json"]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [r["ruleId"] for r in run["results"]]
    wrong = run["results"][1]
    (location,) = wrong["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "flows/wrong%2C%20100%25.yml", "uriBaseId": "ROOT"},
        "region": {"startLine": 3, "startColumn": 29, "endLine": 3, "endColumn": 38},
    }
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "/steps/0/step_type"
    (change,) = wrong["fixes"][0]["artifactChanges"][0]["replacements"]
    assert change == {
        "deletedRegion": location["physicalLocation"]["region"],
        "insertedContent": {"text": "data_input"},
    }


@pytest.mark.usefixtures("folder")
def test_sarif_without_a_finding_is_a_run_without_results() -> None:
    done = workflow("validate", "good.yaml", "--format", "sarif")
    assert (done.exit_code, json.loads(done.stdout)["runs"][0]["results"]) == (0, [])


def test_sarif_of_what_is_no_file_has_no_physical_place() -> None:
    (result,) = as_sarif([hand_made("x")], "1")["runs"][0]["results"]
    assert list(result["locations"][0]) == ["logicalLocations"]


def test_yaml_runs_compiles_and_takes_its_input_from_yaml(tmp_path: Path) -> None:
    flow, given = tmp_path / "flow.yml", tmp_path / "in.yaml"
    flow.write_text(
        "name: Y\nsteps:\n  - step_id: a\n    step_type: data_processing\n    config: {processing_type: uppercase}\n"
        "    input_mapping: {text: input.country}\n",
        encoding="utf-8",
    )
    given.write_text("country: no # Norway\n", encoding="utf-8")
    done = workflow("run", flow, "--input", f"@{given}", "--json")
    assert json.loads(done.stdout)["step_results"]["a"]["output_data"]["result"] == {"text": "NO"}
    assert json.loads(workflow("compile", "-", stdin=flow.read_text()).stdout)["QueryLanguage"] == "JSONata"


def test_what_is_wrong_with_the_input_is_told_in_its_own_file(tmp_path: Path) -> None:
    flow, given = tmp_path / "flow.yaml", tmp_path / "in.yaml"
    schema = "input_schema: {properties: {n: {type: integer}}}\n"
    flow.write_text(GOOD + schema, encoding="utf-8")
    given.write_text("# the number\nn: one\n", encoding="utf-8")
    done = workflow("run", flow, "--input", f"@{given}")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{given}:2:4: error ")
    inline = workflow("run", flow, "--input", '{"n": "one"}')
    assert inline.stderr.startswith("--input:1:7: error ")


def test_a_code_is_explained_with_an_example_wrong_and_right() -> None:
    told = workflow("explain", "WFE-E204").stdout
    assert told.startswith("WFE-E204 (error): A reference names no step and no scope word.\n")
    assert told.index("Wrong:") < told.index("Right:")
    for short in ("wfe-e204", "E204", "204"):
        assert workflow("explain", short).stdout == told
    as_json = json.loads(workflow("explain", "E204", "--json").stdout)
    assert (as_json["code"], as_json["severity"]) == ("WFE-E204", "error")
    assert as_json["wrong"] != as_json["right"]


@pytest.mark.parametrize("code", [*CODES, "malformed_json", "malformed_yaml"])
def test_every_code_is_explained(code: str) -> None:
    assert workflow("explain", code).stdout.startswith(f"{code} (")


def test_without_a_code_all_are_listed() -> None:
    lines = workflow("explain").stdout.splitlines()
    assert [re.split(r"  +", line)[0] for line in lines] == [*CODES, "malformed_json", "malformed_yaml"]


def test_an_unknown_code_gets_a_suggestion() -> None:
    done = workflow("explain", "WFE-E2044")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        2,
        "Error: There is no code 'WFE-E2044'. Did you mean 'WFE-E204'?",
    )
    assert "`workflow explain` lists them." in workflow("explain", "something").stderr


def test_an_error_of_runs_is_explained_by_its_type_or_its_code_of_jsonata() -> None:
    told = workflow("explain", "States.Timeout").stdout
    assert told.startswith(
        "States.Timeout (an error of runs)\n\nUsual cause: The step, or the run as a whole, took longer"
    )
    assert workflow("explain", "states.timeout").stdout == told
    assert "is no number" in workflow("explain", "t2001").stdout
    as_json = json.loads(workflow("explain", "HttpClientError", "--json").stdout)
    assert (as_json["error"], as_json["code"], as_json["docs"].partition("#")[0]) == (
        "HttpClientError",
        None,
        "docs/steps.md",
    )
    assert any("secret" in case["usual_cause"] for case in as_json["narrower"])
    assert "Did you mean 'States.Timeout'?" in workflow("explain", "States.Tiemout").stderr


@pytest.mark.parametrize(
    ("environment", "has_colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colours(folder: Path, environment: dict[str, str], has_colours: bool) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "infra.local.cli", "validate", "flows"]
    wanted = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | environment
    process = subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=subprocess.DEVNULL, env=wanted)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says EIO when the other side is closed
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert process.wait(timeout=600) == 2
    assert (b"\x1b[31m\x1b[1merror" in shown) is has_colours
    assert b"wrong, 100%.yml:3:29" in shown


@pytest.mark.parametrize(
    ("step", "marked"),
    [
        ("step_type: delay, config: {seconds: 5}", "seconds"),
        ("step_type: http_request, config: {url: 'https://a.example', auth: {zzz: 1}}", "zzz"),
        ("step_type: data_input, config: {data: 1}, wehn: 5", "wehn"),
    ],
)
def test_a_field_that_nobody_knows_is_marked_by_its_name(tmp_path: Path, step: str, marked: str) -> None:
    (tmp_path / "w.yaml").write_text(f"name: x\nsteps:\n  - {{step_id: a, {step}}}\n")
    lines = workflow("validate", tmp_path / "w.yaml").stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if f"field '{marked}'" in line)
    start = lines[at + 2].index("^")
    assert lines[at + 1][start : start + lines[at + 2].count("^")] == marked


@pytest.mark.parametrize("command", ["validate", "run", "compile"])
def test_of_an_unknown_step_type_it_is_told_how_ones_own_become_known(tmp_path: Path, command: str) -> None:
    (tmp_path / "w.yaml").write_text(GOOD.replace("data_input", "score_text"))
    (tmp_path / "steps").mkdir()
    advice = "Is it a step type of your own? Name the folder that its function is in: --steps DIR."
    assert advice in workflow(command, tmp_path / "w.yaml").stderr.splitlines()
    assert advice not in workflow(command, tmp_path / "w.yaml", "--steps", tmp_path / "steps").stderr


def test_a_value_that_looks_like_a_credential_is_not_shown_by_any_finding(tmp_path: Path) -> None:
    secret = "Bearer s3cr3t-t0ken"
    config = f"{{url: 'https://a.example', headers: {{Authorization: '{secret}'}}}}"
    text = f"name: x\nsteps:\n  - {{step_id: a, step_type: http_request, dependencies: [b], config: {config}}}\n"
    (tmp_path / "w.yaml").write_text(text)
    for form in ("text", "github", "sarif", "json"):
        done = workflow("validate", tmp_path / "w.yaml", "--format", form)
        assert done.exit_code == 2
        assert "Authorization" in done.stdout
        assert "s3cr3t" not in done.stdout + done.stderr
    assert "s3cr3t" not in workflow("run", tmp_path / "w.yaml").output
