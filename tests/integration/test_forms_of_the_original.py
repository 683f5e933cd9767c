"""Runs of steps whose configuration has the form that clients of the original system send, on the local runtime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent_runtime.agents import Run
from agent_runtime.services import StepCall
from infra.local.cloud import LocalCloud
from workflow_engine.errors import InvalidStepInput
from workflow_engine.usecases.definitions import save_definition
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.prompts.check_prompt import PROMPTS

ME = Caller("default", "me")


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as running:
        yield running


def run(cloud: LocalCloud, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The outputs of the steps by id, of a run that completed."""
    body = {"workflow": {"name": "W", "steps": list(steps)}, **fields}
    status, answer = cloud.call("POST", "/workflows/execute?wait=25", body)
    assert (status, answer.get("status")) == (200, "completed"), answer
    return {name: result["output_data"] for name, result in answer["step_results"].items()}


def test_a_prompts_variables_are_read_from_its_input_else_have_their_defaults(cloud: LocalCloud) -> None:
    data = {"step_id": "a", "step_type": "data_input", "config": {"data": {"who": "Ann"}}}
    variables = [
        {"name": "who", "source": "a.data.who", "default_value": "you"},
        {"name": "day", "source": "a.data.day", "default_value": "Monday"},
        {"name": "left"},
    ]
    prompt = {
        "step_id": "p",
        "step_type": "prompt",
        "dependencies": ["a"],
        "config": {"query_template": "Greet {who} on {day} with {left}", "variables": variables},
    }

    assert run(cloud, data, prompt)["p"]["query_template"] == "Greet Ann on Monday with {left}"


def test_a_tool_step_may_be_called_tool(cloud: LocalCloud) -> None:
    step = {
        "step_id": "t",
        "step_type": "tool",
        "config": {"tool_name": "calculator", "static_params": {"expression": "6*7"}},
    }

    output = run(cloud, step)["t"]
    assert (output["tool"], output["params"], output["success"]) == ("calculator", {"expression": "6*7"}, True)
    assert "42" in str(output["result"])


def test_an_agent_is_asked_by_the_names_of_the_original(cloud: LocalCloud) -> None:
    config = {"query": "Hi", "agent_config": {"name": "Helper", "model_name": "gemini-2.5-flash", "stream": False}}
    output = run(cloud, {"step_id": "a", "step_type": "agent", "config": {**config, "mode": "simulation"}})["a"]

    assert output["agent_name"] == "Helper"
    assert output["model"] == {"provider": "gemini_textgen", "name": "gemini-2.5-flash"}


def test_templates_show_who_runs_what_in_which_session(cloud: LocalCloud) -> None:
    template = "{{ user_id }}|{{ session_id }}|{{ current_timestamp }}|{{ current_year }}-{{ current_month }}-{{ current_day }}"
    step = {
        "step_id": "s",
        "step_type": "data_processing",
        "input_mapping": {"input": {"template": template}},
        "config": {"processing_type": "identity"},
    }

    user, session, timestamp, date = run(cloud, step, user_id='A"n', session_id="s-1")["s"]["result"].split("|")
    assert (user, session, timestamp[:10]) == ('A"n', "s-1", date)
    assert run(cloud, step)["s"]["result"].split("|")[1] == ""


def test_an_agent_takes_its_system_prompt_from_a_stored_prompt(cloud: LocalCloud) -> None:
    from functions.step_agent.settings import services  # functions are loaded anew for each cloud

    engine = Engine.from_environment()
    agent = Run.of(services(), StepCall(tenant_id=ME.tenant_id))
    save_definition.create(
        PROMPTS, engine, ME, {"prompt_label": "Rules", "prompt": "Be brief.", "unique_label": "rules"}
    )
    save_definition.create(PROMPTS, engine, ME, {"name": "P", "prompt_id": "polite", "system_prompt": "Be polite."})

    assert agent.with_system_prompt({"system_prompt_id": "rules"})["system_prompt"] == "Be brief."
    assert agent.with_system_prompt({"system_prompt_id": "polite"})["system_prompt"] == "Be polite."
    assert agent.with_system_prompt({"system_prompt_id": "rules", "system_prompt": "x"})["system_prompt"] == "x"
    with pytest.raises(InvalidStepInput, match="nowhere"):
        agent.with_system_prompt({"system_prompt_id": "nowhere"})
    config = {"query": "Hi", "agent_config": {"name": "H", "system_prompt_id": "rules"}, "mode": "simulation"}
    assert run(cloud, {"step_id": "a", "step_type": "agent", "config": config})["a"]["success"] is True


def test_a_delay_tells_how_long_it_was_and_an_input_step_gives_its_own_entry(cloud: LocalCloud) -> None:
    steps: list[dict[str, Any]] = [
        {"step_id": "order", "step_type": "input"},
        {"step_id": "wait", "step_type": "delay", "dependencies": ["order"], "config": {"delay_seconds": 0}},
        {"step_id": "out", "step_type": "output", "dependencies": ["wait"]},
    ]
    outputs = run(cloud, *steps, input={"order": {"id": 7}, "other": 1})

    assert outputs["order"] == {"kind": "json", "data": {"id": 7}}
    assert outputs["wait"]["input_data"] == {"order": outputs["order"]}
    assert outputs["wait"]["delay_actual"] >= 0
    # A Wait computes what later steps read and what is recorded one after the other, so the two tell moments of their own.
    moments = {"completed_at", "delay_actual"}
    told, read = (
        {k: v for k, v in seen.items() if k not in moments} for seen in (outputs["wait"], outputs["out"]["data"])
    )
    assert read == told
    assert outputs["out"]["data"].keys() == outputs["wait"].keys()
