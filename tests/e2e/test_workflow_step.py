"""A step that an ops team adds with a CDK stack of its own (`tests/e2e/custom_step`), which the harness has deployed."""

from __future__ import annotations

import json

import pytest

from tests.e2e.harness.deployment import remove, update
from tests.e2e.harness.emulator import ACCOUNT, Emulator
from tests.e2e.runs import LARGE
from tests.support.http_client import ApiClient

pytestmark = pytest.mark.e2e

STACK = "e2e-kettle"
STEP_TYPE = "e2e_boil"


def change(emulator: Emulator, old: str, new: str) -> None:
    """Deploy the stack with another registration: texts of its JSON, which stands as text in the template."""
    template = emulator.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
    text = json.dumps(template)
    quoted_old, quoted_new = (json.dumps(part)[1:-1] for part in (old, new))
    assert text.count(quoted_old) == 1
    update(emulator, STACK, text.replace(quoted_old, quoted_new))


def test_a_step_is_there_as_long_as_its_stack(emulator: Emulator, api: ApiClient) -> None:
    registered = api.get(f"/steps/{STEP_TYPE}").body
    assert registered["function_arn"].endswith(":function:workflow-step-dev-e2e-boil")
    assert registered["timeout_seconds"] == 20
    step = {"step_id": "tea", "step_type": STEP_TYPE, "config": {"cups": 2}, "input_mapping": {"water": "input.water"}}
    workflow = {"name": "Tea", "steps": [step]}
    full = api.execute(workflow | {"input": {"water": 1}})
    assert full["step_results"]["tea"]["output_data"] == {"cups": 2, "water": 1, "tenant": ACCOUNT}
    empty = api.execute(workflow | {"input": {"water": 0}})
    assert empty["error"] == {"step_id": "tea", "type": "KettleIsEmptyError", "message": "Fill it first."}
    too_many = api.post("/workflows/validate", {"name": "Tea", "steps": [step | {"config": {"cups": 9}}]}).body
    assert [e["pointer"] for e in too_many["errors"]] == ["/steps/0/config/cups"]

    change(emulator, '"timeout_seconds":20', f'"timeout_seconds":30,"tags":["{LARGE}"]')
    assert api.get(f"/steps/{STEP_TYPE}").body["timeout_seconds"] == 30
    change(emulator, '"timeout_seconds":30', '"timeout_seconds":40')
    assert api.get(f"/steps/{STEP_TYPE}").body["timeout_seconds"] == 40

    remove(emulator, STACK)
    assert api.get(f"/steps/{STEP_TYPE}").status == 404
