"""What a workflow names is checked before it runs: what the stores have, what can never be there, what can be asked."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.backend_cloud import counted
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.definitions import save_definition
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.prompts.check_prompt import PROMPTS
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.steps import register_step
from workflow_engine.usecases.tools import register_mcp_server
from workflow_engine.usecases.workflows import save_workflow, validate_workflow
from workflow_engine.usecases.workflows.named import MAX_LOOKED_UP

ME = Caller("default", "me")
OTHER = Caller("other")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-x"


@pytest.fixture(scope="module")
def known(engine: Engine) -> dict[str, str]:
    """One of each kind, in the stores of ME."""
    names = {kind: f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("agent", "prompt", "mcp", "step")}
    save_definition.create(AGENTS, engine, ME, {"agent_id": names["agent"], "agent_name": "A"})
    save_definition.create(PROMPTS, engine, ME, {"prompt_id": names["prompt"], "name": "P", "query_template": "Hi"})
    register_mcp_server.register(engine, ME, {"name": names["mcp"], "url": "https://mcp.example.com/"})
    register_step.register(engine, ME, {"step_type": names["step"], "function_arn": ARN})
    return names


def workflow(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"name": "Named", "steps": [{"step_id": f"s{number}", **step} for number, step in enumerate(steps)]}


def agent(**config: Any) -> dict[str, Any]:
    return {"step_type": "agent_execution", "config": {"query": "Hi", **config}}


def naming_all(names: dict[str, str]) -> dict[str, Any]:
    """A workflow that names one of each kind, in every way there is."""
    tools = ["calculator", names["step"], f"agent:{names['agent']}", {"type": "mcp", "name": names["mcp"]}]
    nested = agent(agent_id=names["agent"]) | {"step_id": "nested"}
    return workflow(
        {"step_type": "prompt", "config": {"prompt_id": names["prompt"]}},
        agent(agent_id=names["agent"], tools=tools),
        {"step_type": "agent", "parameters": {"query": "Hi", "agent_config": {"tools": tools}}},
        {"step_type": "tool_execution", "config": {"tool_name": f"mcp:{names['mcp']}/find"}},
        {"step_type": "loop", "config": {"max_iterations": 2, "until": "nested.success", "steps": [nested]}},
        {"step_type": names["step"]},
    )


def warned(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(w["pointer"], w["detail"]) for w in report["warnings"] if w["code"] == "WFE-W410"]


def test_what_is_there_is_found_in_one_read_of_the_table(engine: Engine, known: dict[str, str]) -> None:
    with counted(engine.dynamodb, engine.stepfunctions, engine.s3) as calls:
        report = validate_workflow.validate(engine, ME, naming_all(known))
    assert (report["errors"], warned(report)) == ([], [])
    assert calls == ["BatchGetItem"]


def test_nothing_is_read_where_nothing_is_named(engine: Engine) -> None:
    with counted(engine.dynamodb, engine.s3) as calls:
        report = validate_workflow.validate(engine, ME, workflow(agent(tools=["calculator", "builtin:web_page"])))
    assert (report["is_valid"], warned(report), calls) == (True, [], [])


def test_what_is_not_there_is_a_warning_at_its_place(engine: Engine) -> None:
    body = workflow(
        agent(agent_id="nobody"),
        {"step_type": "prompt", "config": {"prompt_id": "nothing"}},
        agent(tools=["calculater", "googel", "mcp:nowhere"]),
        {"step_type": "agent", "parameters": {"query": "Hi", "agent_config": {"tools": ["agent:no-one"]}}},
        {"step_type": "tool_execution", "config": {"tool_name": "step:nope"}},
    )
    listed = "Built-in tools: calculator, current_time, json_query, web_page."
    report = validate_workflow.validate(engine, ME, {"workflow": body})
    assert (report["is_valid"], report["errors"]) == (True, [])
    assert warned(report) == [
        ("/workflow/steps/0/config/agent_id", "There is no agent 'nobody' now. POST /agents makes one."),
        ("/workflow/steps/1/config/prompt_id", "There is no prompt 'nothing' now. POST /prompts makes one."),
        (
            "/workflow/steps/2/config/tools/0",
            "'calculater' is neither a built-in tool nor a registered step type now. Did you mean 'calculator'?",
        ),
        (
            "/workflow/steps/2/config/tools/1",
            f"'googel' is neither a built-in tool nor a registered step type now. {listed}",
        ),
        (
            "/workflow/steps/2/config/tools/2",
            "There is no MCP server 'nowhere' now. POST /tools/mcp-servers registers one.",
        ),
        (
            "/workflow/steps/3/parameters/agent_config/tools/0",
            "There is no agent 'no-one' now. POST /agents makes one.",
        ),
        (
            "/workflow/steps/4/config/tool_name",
            f"'nope' is neither a built-in tool nor a registered step type now. {listed}",
        ),
    ]


def test_what_another_tenant_has_is_not_there(engine: Engine, known: dict[str, str]) -> None:
    body = workflow(agent(agent_id=known["agent"], tools=[f"mcp:{known['mcp']}"]))
    assert [place for place, _ in warned(validate_workflow.validate(engine, OTHER, body))] == [
        "/steps/0/config/agent_id",
        "/steps/0/config/tools/0",
    ]


@pytest.mark.parametrize(("version", "is_there"), [(1, True), (1.0, True), (2, False), (10**400, False)])
def test_a_version_is_looked_for_as_it_is_named(
    engine: Engine, known: dict[str, str], version: float, is_there: bool
) -> None:
    report = validate_workflow.validate(engine, ME, workflow(agent(agent_id=known["agent"], agent_version=version)))
    places = [place for place, _ in warned(report)]
    assert places == ([] if is_there else ["/steps/0/config/agent_version"])


def test_saving_warns_too_in_one_read_and_stores_all_the_same(engine: Engine) -> None:
    body = workflow(agent(agent_id="nobody"))
    with counted(engine.dynamodb) as calls:
        created = save_workflow.create(engine, ME, body)
    assert calls.count("BatchGetItem") == 1
    assert warned(created) == [("/steps/0/config/agent_id", "There is no agent 'nobody' now. POST /agents makes one.")]
    again, _ = save_workflow.update(engine, ME, created["workflow_id"], body)
    assert (again["version"], warned(again)) == (1, warned(created))
    changed, _ = save_workflow.update(engine, ME, created["workflow_id"], {**body, "name": "Changed"})
    assert (changed["version"], warned(changed)) == (2, warned(created))


def test_a_start_reads_no_names_that_only_the_run_needs(engine: Engine) -> None:
    body = workflow(agent(agent_id="nobody", mode="simulation"), {"step_type": "prompt", "config": {"prompt_id": "p"}})
    start_run.start(engine, ME, body)
    with counted(engine.dynamodb, engine.stepfunctions, engine.s3) as calls:
        start_run.start(engine, ME, body)
    assert calls == ["GetItem", "PutItem", "StartExecution"]


def test_a_document_of_very_many_names_costs_few_reads(engine: Engine) -> None:
    body = workflow(*(agent(agent_id=f"a{number}") for number in range(MAX_LOOKED_UP + 100)))
    with counted(engine.dynamodb) as calls:
        report = validate_workflow.validate(engine, ME, body)
    assert calls == ["BatchGetItem"] * (MAX_LOOKED_UP // 100)
    assert len(warned(report)) == MAX_LOOKED_UP


@pytest.mark.parametrize(
    "config",
    [
        None,
        "x",
        [],
        {"agent_id": "a" * 5000},
        {"agent_id": "a#b", "agent_version": True},
        {"agent_id": ["a"], "tools": "calculator"},
        {"tools": [None, 1, [], {}, {"type": "mcp"}, "x" * 5000]},
        {"agent_config": [], "agent_version": 1e400},
    ],
)
@pytest.mark.parametrize("step_type", ["agent", "prompt", "tool_execution"])
def test_names_that_cannot_be_read_are_left_to_the_checks_of_form(engine: Engine, step_type: str, config: Any) -> None:
    body = workflow({"step_type": step_type, "config": config})
    report = validate_workflow.validate(engine, ME, body)
    assert report["is_valid"] is False
    assert warned(report) == []


def errors_of(engine: Engine, *steps: dict[str, Any]) -> list[tuple[str, str]]:
    return [(e["pointer"], e["detail"]) for e in validate_workflow.validate(engine, ME, workflow(*steps))["errors"]]


def test_a_tool_that_can_never_be_there_is_refused(engine: Engine) -> None:
    no_step = (
        "'data_processing' is a built-in step type, which cannot be called as a tool. Make it a step of the workflow, or "
        "name a registered step type. Built-in tools: calculator, current_time, json_query, web_page."
    )
    found = errors_of(engine, agent(tools=["builtin:nope", "Agent:x", "two words"]))
    assert [place for place, _ in found] == [f"/steps/0/config/tools/{n}" for n in range(3)]
    assert errors_of(engine, agent(tools=["data_processing"])) == [("/steps/0/config/tools/0", no_step)]
    assert errors_of(engine, {"step_type": "tool_execution", "config": {"tool_name": "step:data_processing"}}) == [
        ("/steps/0/config/tool_name", no_step)
    ]
    with pytest.raises(InvalidWorkflowError):
        save_workflow.create(engine, ME, workflow(agent(tools=["data_processing"])))
    with pytest.raises(InvalidWorkflowError):
        start_run.start(engine, ME, workflow(agent(tools=["builtin:nope"])))


ASKED_NOTHING = (
    "The agent is asked nothing: give a 'query' or a 'query_template', or hand it an input by dependencies or an "
    "'input_mapping'."
)


@pytest.mark.parametrize(
    "step",
    [
        {"step_type": "agent", "config": {"agent_config": {"model": "gpt-99"}}},
        {"step_type": "agent_execution"},
        {"step_type": "agent_execution", "config": {"agent_id": "nobody", "query": ""}, "input_mapping": {}},
        {"step_type": "agent", "config": {"conversation_history": [{"role": "user", "content": "Hi"}]}},
    ],
)
def test_an_agent_that_is_asked_nothing_is_refused(engine: Engine, step: dict[str, Any]) -> None:
    body = {**workflow(step), "execution_pattern": "dependency"}
    errors = validate_workflow.validate(engine, ME, body)["errors"]
    assert [(e["code"], e["pointer"], e["detail"]) for e in errors] == [("WFE-E402", "/steps/0", ASKED_NOTHING)]


def test_an_agent_that_gets_an_input_is_asked_by_it(engine: Engine) -> None:
    data = {"step_type": "data_input", "config": {"data": 1}}
    assert errors_of(engine, data, {"step_type": "agent", "dependencies": ["s0"]}) == []
    assert errors_of(engine, {"step_type": "agent", "input_mapping": {"text": "input.text"}}) == []
