"""Each seam does what AWS does, and is still needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from infra.local import moto_seams
from tests.support.asl_cases import REPOSITORY, AslCase
from tests.support.local_machines import PATIENCE_SECONDS, LocalMachines, local_machines
from tests.support.seam_probes import PROBES, Client

pytestmark = pytest.mark.xdist_group("local-seams")


@pytest.fixture
def machines() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


@pytest.fixture(scope="module")
def stock_results() -> dict[str, bool]:
    """Which probes pass on moto as it is, run in a process without seams."""
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.seam_probes"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    results: dict[str, bool] = json.loads(done.stdout)
    return results


@pytest.mark.parametrize("name", PROBES)
def test_with_the_seams_it_is_as_on_aws(name: str, machines: LocalMachines) -> None:
    moto_seams.set_time_scale(1.0)
    assert PROBES[name](Client(patience_seconds=PATIENCE_SECONDS))


@pytest.mark.parametrize("name", PROBES)
def test_without_the_seams_it_is_not_so_the_seam_is_needed(name: str, stock_results: dict[str, bool]) -> None:
    assert not stock_results[name], "moto does this itself now: take the seam away"


def test_applying_the_seams_again_changes_nothing(machines: LocalMachines) -> None:
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent

    before = EvalComponent.eval
    moto_seams.apply()
    assert EvalComponent.eval is before


def test_another_version_of_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto_seams, "_is_applied", False)
    monkeypatch.setattr(moto_seams, "MOTO_VERSION", "0.0.0")
    with pytest.raises(RuntimeError, match=r"written for moto 0\.0\.0"):
        moto_seams.apply()


def test_literal_strings_keep_their_characters(machines: LocalMachines) -> None:
    text = 'quote " backslash \\ slash / line \n é 😀 {{ x }}'
    state = {"Type": "Pass", "Assign": {"v": text, "deep": {"list": [text]}}, "Next": "T"}
    ended = machines.run_state(state, T={"Type": "Pass", "Output": ["{% [$v, $deep.list[0]] %}", text], "End": True})
    assert ended.output == [[text, text], text]


def test_a_state_without_result_has_none(machines: LocalMachines) -> None:
    task = {"Type": "Wait", "Seconds": 0, "Output": "{% $exists($states.result) %}", "End": True}
    assert machines.run_state(task).output is False


def test_an_error_names_the_place_of_its_expression(machines: LocalMachines) -> None:
    output = {"list": [1, {"deep": "{% $nothing %}"}]}
    ended = machines.run_state({"Type": "Pass", "Output": output, "End": True})
    [failed] = ended.of("EvaluationFailed")
    assert failed["evaluationFailedEventDetails"]["location"] == "Output/list[1]/deep"
    assert failed["evaluationFailedEventDetails"]["state"] == "S"
    assert "'Output/list[1]/deep' returned nothing (undefined)" in (ended.cause or "")


def test_a_condition_must_be_a_boolean(machines: LocalMachines) -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "T"}], "Default": "T"}
    ended = machines.run_state(choice, T={"Type": "Succeed"})
    assert ended.error == "States.QueryEvaluationError"
    assert "Expected 'boolean', but was 'number' for value: 1" in (ended.cause or "")


def test_the_comparison_with_recordings_sees_what_differs() -> None:
    case = AslCase(
        name="x",
        definition={},
        input=None,
        functions={},
        status="SUCCEEDED",
        output={"id": "<uuid:1>", "at": "date", "n": [1, {"Payload": 2}]},
        error=None,
        cause=None,
        history=[],
        masks=(("fn-[0-9]+", "<name>"),),
    )
    same = {"id": "abc", "at": "2026-01-01T00:00:00Z", "n": [1, {"Payload": 2}]}
    assert case.difference("SUCCEEDED", same, None) is None
    assert case.difference("SUCCEEDED", json.dumps(same), None) is None
    assert case.difference("FAILED", None, "E") is not None
    assert case.difference("SUCCEEDED", {**same, "n": [1, {"Payload": 3}]}, None) is not None
    assert case.difference("SUCCEEDED", {**same, "more": 1}, None) is not None
    assert case.difference("SUCCEEDED", {**same, "n": [True, {"Payload": 2}]}, None) is not None
    assert case.equal("call <name>", "call fn-12")
