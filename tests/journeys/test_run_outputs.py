"""The output of a run: what the end of its machine tells, and what its history has to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


def upper(step_id: str, *, text: str, **fields: Any) -> dict[str, Any]:
    """A step that gives the text in capital letters."""
    return {
        "step_id": step_id,
        "step_type": "data_processing",
        "config": {"processing_type": "uppercase"},
        "input_mapping": {"input": text},
        **fields,
    }


@pytest.mark.parametrize("length", [10, 126_000], ids=["told at the end", "left to the history"])
def test_the_outputs_of_steps_side_by_side_are_the_output_of_the_run(api: ApiClient, length: int) -> None:
    """The longer ones together are more than Step Functions carries from a Parallel."""
    workflow = {
        "name": "Side by side",
        "execution_pattern": "parallel",
        "steps": [
            upper("left", text="input.text"),
            upper("right", text="input.text"),
            upper("never", text="input.text", conditions="input.text == 'x'"),
            {
                "step_id": "refused",
                "step_type": "fail",
                "config": {"error": "Refused", "message": "No."},
                "critical": False,
            },
        ],
    }
    results = api.execute(workflow | {"input": {"text": "é" + "a" * length}})
    assert (results["status"], results["failed_steps"]) == ("completed", ["refused"])
    assert {name: one["result"] for name, one in results["output"].items()} == dict.fromkeys(
        ["left", "right"], "É" + "A" * length
    )


def test_an_output_of_the_workflow_is_told_as_it_is(api: ApiClient) -> None:
    workflow = {"name": "Explicit", "steps": [upper("only", text="input.text")], "output": {"shout": "only.result"}}
    results = api.execute(workflow | {"input": {"text": "a"}})
    assert (results["output"], results["failed_steps"]) == ({"shout": "A"}, [])


def test_an_output_cannot_be_called_as_what_is_none(api: ApiClient) -> None:
    workflow = {"name": "Reserved", "steps": [upper("only", text="input.text")], "output": {"_failed": "only.result"}}
    answer = api.post("/workflows/execute", workflow | {"input": {"text": "a"}})
    assert answer.status == 422
    assert [(e["code"], e["pointer"]) for e in answer.body["errors"]] == [("WFE-E201", "/output/_failed")]
