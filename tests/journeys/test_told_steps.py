"""Steps made with `@step(...)` in a folder: found, registered with their schemas, failing by stable names."""

from __future__ import annotations

from typing import Any

from tests.support.http_client import ApiClient


def charge(api: ApiClient, given: Any, **fields: Any) -> dict[str, Any]:
    step = {"step_id": "charge", "step_type": "journey_charge", "input_mapping": {n: f"input.{n}" for n in given}}
    results = api.execute({"name": "Charge", "steps": [{**step, "critical": False, **fields}], "input": given})
    told: dict[str, Any] = results["step_results"]["charge"]
    return {**told, "execution_id": results["execution_id"]}


def test_a_step_of_the_folder_is_registered_with_the_schemas_of_its_models(api: ApiClient, local_steps: None) -> None:
    told = api.get("/steps/journey_charge").body
    assert (told["description"], told["handler"]) == ("Charges an amount.", "journey_told:journey_charge")
    assert told["output_schema"]["required"] == ["amount", "key", "attempt"]


def test_attempts_of_a_step_share_a_key_that_names_run_and_place(api: ApiClient, local_steps: None) -> None:
    told = charge(api, {"amount": 5, "fails_at_first": True}, max_retries=1, retry_delay_seconds=1)
    assert told["output_data"] == {"amount": 5, "key": f"{told['execution_id']}:charge", "attempt": 2}


def test_an_input_that_does_not_fit_is_never_tried_again(api: ApiClient, local_steps: None) -> None:
    told = charge(api, {"amount": "five"}, max_retries=2, retry_delay_seconds=1)
    assert (told["error_type"], told["retry_count"]) == ("StepInputError", 0)
    assert "input.amount" in told["error_message"]
