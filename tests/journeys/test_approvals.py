"""Decisions of persons: a run waits, somebody decides once, the run goes on."""

from __future__ import annotations

import time
import uuid
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.support.http_client import Answer, ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

MOST_LOOKS: Final = 600


def approval(step_id: str = "release", **config: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "human_approval", "config": {"prompt": "Release?", **config}}


def after(*steps: dict[str, Any]) -> dict[str, Any]:
    """A workflow of these steps, and one that says what the last of them came to."""
    last = steps[-1]["step_id"]
    told = {
        "step_id": "told",
        "step_type": "data_merge",
        "input_mapping": {"status": f"{last}.status", "decision": last},
        "trigger_rule": "all_done",
        "dependencies": [last],
    }
    return {"name": "Approvals", "execution_pattern": "dependency", "steps": [*steps, told]}


def start(api: ApiClient, workflow: dict[str, Any]) -> str:
    answer = api.post("/workflows/execute", workflow)
    assert answer.status == 202, answer.body
    return str(answer.body["execution_id"])


def opened(api: ApiClient, execution_id: str, places: int = 1) -> list[dict[str, Any]]:
    """What waits for a decision, once it is so many."""
    for _ in range(MOST_LOOKS):
        items: list[dict[str, Any]] = api.get(f"/approvals?execution_id={execution_id}").body["items"]
        if len(items) >= places:
            return items
        time.sleep(0.05)
    raise AssertionError(f"{execution_id} does not ask")


def decide(
    api: ApiClient, execution_id: str, verb: str, step: str = "release", element: str = "", **body: Any
) -> Answer:
    query = f"?element={quote(element)}" if element else ""
    return api.post(f"/executions/{execution_id}/steps/{step}/{verb}{query}", body)


def step_results(api: ApiClient, execution_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.results(execution_id)
    return {"": found, **found["step_results"]}


def test_a_run_waits_until_somebody_approves(api: ApiClient) -> None:
    release = approval(prompt="Release {{ input.order }}?")
    execution_id = start(api, after(release) | {"input": {"order": 4711}})
    (item,) = opened(api, execution_id)
    assert (item["place"], item["prompt"], item["deadline"]) == ("release", "Release 4711?", None)
    assert item["may_decide"]
    assert api.get(f"/executions/{execution_id}").body["status"] == "waiting"
    assert api.get(f"/executions/{execution_id}/results").body["status"] == "waiting"
    waiting = api.get("/executions?status=waiting&limit=100").body["items"]
    assert execution_id in {run["execution_id"] for run in waiting}

    answer = decide(api, execution_id, "approve", comment="Fine.", payload={"discount": [5]})
    assert (answer.status, answer.body["decision"], answer.body["is_delivered"]) == (200, "approved", True)
    found = step_results(api, execution_id)
    assert found[""]["status"] == "completed"
    output = found["release"]["output_data"]
    assert output == {name: answer.body[name] for name in output}
    assert output["payload"] == {"discount": [5]}
    assert found["told"]["output_data"]["result"]["decision"] == "approved"
    assert api.get(f"/approvals?execution_id={execution_id}").body["items"] == []


def test_a_second_decision_is_told_the_first_which_holds(api: ApiClient) -> None:
    execution_id = start(api, after(approval(), approval("second") | {"dependencies": ["release"]}))
    opened(api, execution_id)
    first = decide(api, execution_id, "deny", comment="Not before Monday.")
    second = decide(api, execution_id, "approve")
    assert (first.status, second.status, second.body["code"]) == (200, 409, "already_decided")
    assert "denied" in second.body["detail"]
    assert "Not before Monday." in second.body["detail"]
    opened(api, execution_id)
    decide(api, execution_id, "approve", "second")
    found = step_results(api, execution_id)
    assert found["release"]["output_data"]["decision"] == "denied"
    assert found["release"]["status"] == "completed"


@pytest.mark.parametrize("critical", [True, False])
def test_a_denied_step_fails_where_it_is_to(api: ApiClient, critical: bool) -> None:
    release = approval(on_deny="fail") | {"critical": critical, "max_retries": 3}
    execution_id = start(api, after(release))
    opened(api, execution_id)
    assert decide(api, execution_id, "deny", comment="Too dear.").status == 200
    found = step_results(api, execution_id)
    assert found["release"]["status"] == "failed"
    assert (found["release"]["error_type"], found["release"]["retry_count"]) == ("ApprovalDenied", 0)
    assert "Too dear." in found["release"]["error_message"]
    assert found[""]["status"] == ("failed" if critical else "completed")


UNDECIDED: Final[tuple[tuple[dict[str, Any], str, str], ...]] = (
    ({}, "failed", "States.Timeout"),
    ({"on_timeout": "fail"}, "failed", "States.Timeout"),
    ({"on_timeout": "deny"}, "completed", "denied"),
    ({"on_timeout": "deny", "on_deny": "fail"}, "failed", "ApprovalDenied"),
    ({"on_timeout": {"decision": "approved", "payload": [["auto"]]}}, "completed", "approved"),
    ({"on_timeout": {"decision": "denied"}, "on_deny": "fail"}, "failed", "ApprovalDenied"),
)
"""Configurations, and what becomes of a step with them."""

FORMS: Final = ("critical", "not critical", "for each")


@pytest.fixture(scope="module")
def undecided(api: ApiClient) -> dict[tuple[int, str], str]:
    """A run of each configuration and form, by both; they wait together."""
    runs = {}
    for number, (config, _, _) in enumerate(UNDECIDED):
        for form in FORMS:
            # Time enough for a slow machine to ask before it is over.
            release = approval(timeout_seconds=5, **config) | {"critical": form == "critical"}
            if form == "for each":
                release |= {"for_each": "input.list", "max_items": 2}
            runs[number, form] = start(api, after(release) | {"input": {"list": [1, 2]}})
            opened(api, runs[number, form], 2 if form == "for each" else 1)
    return runs


@pytest.mark.parametrize("number", range(len(UNDECIDED)))
@pytest.mark.parametrize("form", FORMS)
def test_what_nobody_decides_in_time_comes_to_what_the_step_says(
    api: ApiClient, undecided: dict[tuple[int, str], str], number: int, form: str
) -> None:
    execution_id, (_, status, told) = undecided[number, form], UNDECIDED[number]
    found = step_results(api, execution_id)
    result = found["release[1]" if form == "for each" else "release"]
    if status == "completed":
        assert found["release"]["status"] == "completed"
        payload = [["auto"]] if told == "approved" else None
        assert (result["output_data"]["decision"], result["output_data"]["payload"]) == (told, payload)
        assert result["output_data"]["decided_by"] is None
    else:
        assert found["release"]["status"] == "failed"
        assert found["release"]["error_type"] == told
    assert found[""]["status"] == ("failed" if status == "failed" and form == "critical" else "completed")
    late = decide(api, execution_id, "approve", element="release[0]" if form == "for each" else "")
    assert (late.status, late.body["code"]) == (409, "too_late")
    assert api.get(f"/approvals?execution_id={execution_id}").body["items"] == []


def test_elements_are_addressed_by_their_place(api: ApiClient) -> None:
    inner = approval("inner", prompt="{{ item }}") | {"for_each": "item.parts", "max_items": 3}
    outer = {
        "step_id": "outer",
        "step_type": "map",
        "config": {"items": "input.orders", "max_items": 2, "steps": [inner]},
    }
    execution_id = start(
        api, {"name": "Nested", "steps": [outer], "input": {"orders": [{"parts": ["a"]}, {"parts": ["b", "c"]}]}}
    )
    prompts = {item["place"]: item["prompt"] for item in opened(api, execution_id, 3)}
    assert prompts == {"outer[0].inner[0]": "a", "outer[1].inner[0]": "b", "outer[1].inner[1]": "c"}
    unclear = decide(api, execution_id, "approve", "inner")
    assert unclear.status == 404
    assert "outer[1].inner[1]" in unclear.body["detail"]
    assert decide(api, execution_id, "approve", "outer", "outer[0].inner[0]").status == 422
    for place, prompt in prompts.items():
        assert (
            decide(api, execution_id, "deny" if prompt == "b" else "approve", "inner", place, payload=prompt).status
            == 200
        )
    found = step_results(api, execution_id)
    decisions = {place: found[place]["output_data"] for place in prompts}
    assert {place: (o["decision"], o["payload"]) for place, o in decisions.items()} == {
        "outer[0].inner[0]": ("approved", "a"),
        "outer[1].inner[0]": ("denied", "b"),
        "outer[1].inner[1]": ("approved", "c"),
    }


def test_each_turn_of_a_loop_asks_anew(api: ApiClient) -> None:
    loop = {
        "step_id": "again",
        "step_type": "loop",
        "config": {"until": "ask.decision == 'approved'", "max_iterations": 5, "steps": [approval("ask")]},
    }
    execution_id = start(api, {"name": "Loop", "steps": [loop]})
    for turn, verb in enumerate(("deny", "deny", "approve")):
        (item,) = opened(api, execution_id)
        assert item["place"] == f"again[{turn}].ask"
        assert decide(api, execution_id, verb, "ask", item["place"]).status == 200
    found = step_results(api, execution_id)
    assert [found[f"again[{turn}].ask"]["output_data"]["decision"] for turn in range(3)] == [
        "denied",
        "denied",
        "approved",
    ]


def test_the_inbox_is_read_by_role_and_has_no_approvals_of_ended_runs(api: ApiClient) -> None:
    role = f"role-{uuid.uuid4().hex}"
    runs = [start(api, after(approval(approver_role=role))) for _ in range(3)]
    for execution_id in runs:
        opened(api, execution_id)
    first = api.get(f"/approvals?role={role}&limit=2").body
    rest = api.get(f"/approvals?role={role}&limit=2&cursor={first['next_cursor']}").body
    assert [item["execution_id"] for item in (*first["items"], *rest["items"])] == runs
    assert api.post(f"/executions/{runs[0]}/cancel").status == 200
    assert {item["execution_id"] for item in api.get(f"/approvals?role={role}").body["items"]} == set(runs[1:])
    late = decide(api, runs[0], "approve")
    assert (late.status, late.body["code"]) == (409, "too_late")
    for execution_id in runs[1:]:
        api.post(f"/executions/{execution_id}/cancel")
    assert api.get("/approvals?role=nobody").body["items"] == []


def test_no_answer_of_the_api_shows_a_token(api: ApiClient) -> None:
    execution_id = start(api, after(approval()))
    opened(api, execution_id)
    pages = ("events", "history", "results?include=inputs,attempts", "logs", "")
    shown = [api.get(f"/executions/{execution_id}/{page}".rstrip("/")).body for page in pages]
    shown += [api.get(f"/approvals?execution_id={execution_id}").body]
    shown += [decide(api, execution_id, "approve").body, decide(api, execution_id, "approve").body]
    step_results(api, execution_id)
    shown += [api.get(f"/executions/{execution_id}/{page}?limit=100").body for page in ("events", "history")]
    told = str(shown).replace("invoke.waitForTaskToken", "").replace("tokens", "")  # of models, in the usage
    assert "oken" not in told
    assert "TaskSubmitted" in str(shown)


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"prompt": ""}, "/steps/0/config/prompt"),
        ({"approver_role": "two words"}, "/steps/0/config/approver_role"),
        ({"timeout_seconds": 0}, "/steps/0/config/timeout_seconds"),
        ({"on_deny": "retry"}, "/steps/0/config/on_deny"),
        ({"on_timeout": "deny"}, "/steps/0/config/on_timeout"),
        ({"timeout_seconds": 5, "on_timeout": {"decision": "maybe"}}, "/steps/0/config/on_timeout"),
    ],
)
def test_a_wrong_configuration_is_refused_where_it_is_wrong(
    api: ApiClient, config: dict[str, Any], pointer: str
) -> None:
    answer = api.post("/workflows/execute", after(approval(**config)))
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"].startswith(pointer)


@pytest.mark.parametrize("role", ["", "night shift"])
def test_a_role_that_nobody_can_have_is_told_once_with_what_a_role_has_none_of(api: ApiClient, role: str) -> None:
    workflow = {"name": "Role", "steps": [approval(approver_role=role)]}
    (error,) = api.post("/workflows/validate", workflow).body["errors"]
    assert error["pointer"] == "/steps/0/config/approver_role"
    assert "A role has no spaces, commas or #." in error["detail"]


def test_wrong_decisions_are_refused(api: ApiClient) -> None:
    execution_id = start(api, after(approval(require_comment=True)))
    opened(api, execution_id)
    for body, pointer in (({}, "/comment"), ({"comment": "  "}, "/comment"), ({"coment": "x"}, "/coment")):
        answer = decide(api, execution_id, "approve", **body)
        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, pointer)
    assert decide(api, execution_id, "approve", "told").status == 404
    assert decide(api, "none", "approve").status == 404
    assert decide(api, execution_id, "approve", comment="x", payload="y" * 300_000).status == 413
    assert decide(api, execution_id, "approve", element="release[").status == 422
    assert decide(api, execution_id, "approve", comment="Good.").status == 200


def test_a_denial_leads_to_the_failure_steps(api: ApiClient) -> None:
    told = {"step_id": "told", "step_type": "data_merge", "input_mapping": {"type": "failure.error_type"}}
    workflow = {"name": "Denied", "steps": [approval(on_deny="fail")], "on_failure": [told]}
    execution_id = start(api, workflow)
    opened(api, execution_id)
    assert decide(api, execution_id, "deny", comment="No.").status == 200
    found = step_results(api, execution_id)
    assert found["told"]["output_data"]["result"] == {"type": "ApprovalDenied"}
    assert found[""]["error"]["type"] == "ApprovalDenied"
