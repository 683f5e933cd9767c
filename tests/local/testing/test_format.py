"""Files of cases: what stands under a case, what is filled in, and how what is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.local.mocking.documents import WrongFileError
from infra.local.mocking.durations import duration_text, seconds_of
from infra.local.mocking.outputs import misfit_of
from infra.local.mocking.reading import SCHEMA_FILE
from infra.local.testing.format import read_test_file
from infra.local.testing.model import Case
from infra.local.testing.session import files_of_cases
from workflow_engine.json_schema import schema_problem

REPOSITORY = Path(__file__).parents[3]


def read(folder: Path, text: str) -> list[Case]:
    (folder / "w.yaml").write_text("name: w\nsteps: []\n")
    (folder / "w.test.yaml").write_text(text)
    return list(read_test_file(folder / "w.test.yaml").cases)


def wrong(folder: Path, text: str) -> list[str]:
    with pytest.raises(WrongFileError) as refused:
        read(folder, text)
    return [f"{place.line}: {told}" for place, told in refused.value.findings]


def test_a_case_lies_over_its_recording_the_defaults_and_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(
        "input: fixture\nsecrets: {A: old, B: old}\nmocks: {a: {output: 1}, b: {output: 1}}\n"
    )
    (tmp_path / "new.yaml").write_text("secrets: {B: new}\nmocks: {b: {output: 2}, c: {output: 2}}\n")
    (tmp_path / "recorded.yaml").write_text("mocks: {d: {output: 4}, e: {output: 4}}\n")
    (one,) = read(
        tmp_path,
        "fixtures: [old.yaml, new.yaml]\n"
        "defaults: {seed: 3, mocks: {c: {output: 3}, d: {output: 3}}}\n"
        "cases:\n"
        "  - {name: one, recording: recorded.yaml, mocks: {e: {output: 5}}, expect: {status: completed}}\n",
    )
    assert {address: mock.replies[0].value for address, mock in one.mocks.items()} == {
        "a": 1,
        "b": 2,
        "c": 3,
        "d": 4,
        "e": 5,
    }
    assert [address for address, mock in one.mocks.items() if mock.is_own] == ["e"]
    assert (one.input, one.seed, one.secrets) == ("fixture", 3, {"A": "old", "B": "new"})
    assert str(one.mocks["b"].place).endswith("new.yaml:2")


def test_parameters_are_filled_in_everywhere_and_keep_their_type(tmp_path: Path) -> None:
    cases = read(
        tmp_path,
        "cases:\n"
        "  - name: n is {n}\n"
        "    with: [{n: 1, who: a}, {n: 2, who: b}]\n"
        "    input: {n: '{n}', text: 'no {n} of {other}'}\n"
        "    mocks: {'{who}': {output: {is: '{n}'}}}\n"
        "    expect: {calls: {a: '{n}'}}\n"
        "  - {name: same, with: [{n: 1}, {n: 2}], expect: {status: completed}}\n",
    )
    assert [case.name for case in cases] == ["n is 1", "n is 2", "same [1]", "same [2]"]
    assert cases[1].input == {"n": 2, "text": "no 2 of {other}"}
    assert list(cases[1].mocks) == ["b"]
    assert cases[0].expect == {"calls": {"a": 1}}
    assert cases[1].line_of("calls", "a").line == 6


def test_input_and_outputs_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('{"x": 1}')
    (tmp_path / "out.yaml").write_text("- 1\n- 2\n")
    (case,) = read(
        tmp_path,
        "cases: [{name: c, input_from: in.json, mocks: {a: {output_from: out.yaml}}, expect: {status: failed}}]",
    )
    assert (case.input, case.mocks["a"].replies[0].value) == ({"x": 1}, [1, 2])


CASE = "cases:\n  - name: c\n    expect: {status: completed}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "1: A file of tests is an object with 'cases'."),
        ("cases: []", "1: cases: [] should be non-empty."),
        ("{}", "1: the file: 'cases' is missing."),
        (CASE + "steps: nowhere\n", "4: There is no folder 'nowhere' beside this file."),
        (CASE + "workflow: other.yaml\n", "4: There is no workflow 'other.yaml' beside this file."),
        (CASE + "fixtures: [none.yaml]\n", "4: There is no file 'none.yaml' beside this one."),
        (CASE + "    mokcs: {}\n", "4: the case: There is no field 'mokcs'. Did you mean 'mocks'?"),
        (CASE + "    now: tomorrow\n", "4: 'now' is no timestamp such as 2026-03-02T09:00:00Z: 'tomorrow'."),
        (CASE + "    now: 2026-01-01\n    time_zone: Nowhere/Land\n", "4: There is no time zone 'Nowhere/Land'."),
        (CASE + "    mocks: {a: {output: 1, error: B}}\n", "4: A reply is just one of"),
        (CASE + "    mocks: {a: []}\n", "4: The list of 'a' is empty."),
        (CASE + "    mocks: {a: 5}\n", "4: A reply of 'a' is an object"),
        (CASE + "    mocks: {a: {output: 1, message: x}}\n", "4: 'message' stands beside 'error' only"),
        (CASE + "    mocks: {a: {output: 1, after: soon}}\n", "4: mocks.a.after: "),
        (CASE + "    mocks: {a: {output_from: none.json}}\n", "4: There is no file 'none.json' beside this one."),
        (CASE + "    mocks: {'tool:': {output: 1}}\n", "4: mocks: "),
        (CASE + "    actions: [{at: 1h}]\n", "4: An action is just one of decide, cancel and redrive."),
        (CASE.replace("status: completed", "status: done"), "3: expect.status: It is one of completed, failed"),
        (
            CASE.replace("status: completed", "output: {$contians: a}"),
            "3: There is no matcher '$contians'. Did you mean '$contains'?",
        ),
        (CASE.replace("status: completed", "calls: {a: {cuont: 1}}"), "3: "),
        (CASE + "  - name: c\n    expect: {status: failed}\n", "2: Two cases are called 'c'."),
        ("cases: [", "1: "),
        ("cases: 1\ncases: 2\n", "2: "),
    ],
)
def test_what_is_wrong_is_told_at_its_line(text: str, told: str, tmp_path: Path) -> None:
    found = wrong(tmp_path, text)
    assert any(finding.startswith(told) for finding in found), found


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = wrong(
        tmp_path, "cases:\n  - {name: a, mocks: {x: {outptu: 1}}, expect: {status: nope}}\n  - {name: b, expect: {}}\n"
    )
    assert [finding.partition(":")[0] for finding in found] == ["2", "2", "3"]


def test_a_workflow_that_is_no_yaml_is_told_in_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "w.test.yaml").write_text(CASE)
    (tmp_path / "w.yaml").write_text("name: [\n")
    with pytest.raises(WrongFileError, match=r"w\.yaml:\d"):
        read_test_file(tmp_path / "w.test.yaml")


def test_files_are_found_below_folders_but_not_in_environments(tmp_path: Path) -> None:
    for folder in ("a/b", ".hidden", "env", "node_modules"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "w.test.yaml").write_text("")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    (tmp_path / "a" / "w.yaml").write_text("")
    assert files_of_cases([tmp_path]) == [tmp_path / "a" / "b" / "w.test.yaml"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(5, 5), (0.5, 0.5), ("500ms", 0.5), ("1h 30m", 5400), ("2d 1m", 172860), ("1.5s", 1.5), ("0s", 0)],
)
def test_a_duration_is_seconds_or_a_text(text: Any, seconds: float) -> None:
    assert seconds_of(text) == seconds
    assert seconds_of(duration_text(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "5", "1h30m", "-1s", -1, True, None, "1 h"])
def test_what_is_no_duration_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds_of(text)


SCHEMA = {
    "type": "object",
    "required": ["a", "b"],
    "properties": {"a": {"type": "object", "required": ["c"], "properties": {"c": {"type": "integer"}}}, "b": {}},
    "additionalProperties": False,
}


@pytest.mark.parametrize("output", [{}, {"a": {}}, {"a": {"c": 1}}, {"b": None}])
def test_what_a_mock_leaves_out_fits(output: Any) -> None:
    assert misfit_of(output, SCHEMA) is None


@pytest.mark.parametrize("output", [[], {"a": 1}, {"a": {"c": "x"}}, {"d": 1}])
def test_what_a_mock_has_must_fit(output: Any) -> None:
    assert misfit_of(output, SCHEMA) is not None


def test_the_schema_is_published_as_it_is_used() -> None:
    published = REPOSITORY / "statemachines" / "workflow.test.schema.json"
    assert published.read_bytes() == SCHEMA_FILE.read_bytes(), "run make generate"
    assert schema_problem(json.loads(SCHEMA_FILE.read_text())) is None
