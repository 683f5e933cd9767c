"""The client that openapi-python-client makes."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from infra.openapi import PROSE
from tests.clients.conftest import DOCUMENT, run_python
from workflow_engine.http.api import OPERATIONS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]

PACKAGE = "generated_workflow_client"
WORKFLOW = PROSE["examples"]["ExecuteRequest"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The generated package; the generator may have no complaint but that it knows no YAML, which it leaves out."""
    folder = tmp_path_factory.mktemp("python")
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        operation.get("requestBody", {}).get("content", {}).pop("application/yaml", None)
    source = folder / "openapi.json"
    source.write_text(json.dumps(document), encoding="utf-8")
    config = folder / "config.yml"
    config.write_text("post_hooks: []\n")  # its formatter is looked for on the PATH
    generate = ("generate", "--path", source, "--output-path", folder / PACKAGE, "--meta", "none", "--config", config)
    run_python("-m", "openapi_python_client", *generate, "--fail-on-warning")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module(PACKAGE)
    for name in [n for n in sys.modules if n.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def of(package: ModuleType, module: str) -> Any:
    return importlib.import_module(f"{package.__name__}.{module}")


def test_no_operation_is_left_out(package: ModuleType) -> None:
    assert package.__file__ is not None
    modules = {p.stem for p in Path(package.__file__).parent.glob("api/*/*.py")} - {"__init__"}
    assert modules == set(OPERATIONS)


def test_a_workflow_is_executed_and_its_results_are_typed(package: ModuleType, api: str) -> None:
    models = of(package, "models")
    execute = of(package, "api.workflows.execute_workflow")
    client = package.Client(base_url=api)
    answer = execute.sync_detailed(client=client, body=models.WorkflowRun.from_dict(WORKFLOW), wait=25)
    assert answer.status_code == 200
    assert isinstance(answer.parsed, models.Results)
    assert answer.parsed.status is models.RunStatus.COMPLETED
    assert answer.parsed.output["process_data"]["result"] == {"message": "HELLO, WORLD!"}
    assert answer.parsed.step_results["process_data"].status is models.StepStatus.COMPLETED


def test_a_refusal_is_a_problem_with_its_findings(package: ModuleType, api: str) -> None:
    models = of(package, "models")
    execute = of(package, "api.workflows.execute_workflow")
    wrong = models.WorkflowRun.from_dict({"name": "w", "steps": [{"step_id": "a", "step_type": "data_inptu"}]})
    answer = execute.sync_detailed(client=package.Client(base_url=api), body=wrong)
    assert answer.status_code == 422
    assert isinstance(answer.parsed, models.Problem)
    assert [finding.pointer for finding in answer.parsed.errors] == ["/steps/0/step_type"]


def test_what_is_stored_and_listed_is_read_by_its_types(package: ModuleType, api: str) -> None:
    """Nulls, times, documents of any JSON, an answer without a body: what generated clients of other services choke on."""
    models, client = of(package, "models"), package.Client(base_url=api)
    examples = PROSE["examples"]
    create = of(package, "api.agents.create_agent")
    agent = create.sync(client=client, body=models.Agent.from_dict(examples["Agent"]))
    assert (agent.agent_id, agent.agent.agent_name, agent.created_by) == ("support", "Support", None)
    register = of(package, "api.steps.register_step")
    step = register.sync(client=client, body=models.StepRegistration.from_dict(examples["StepRegistration"]))
    assert (step.step_type, step.execution_type) == ("ocr", "http")
    slow = {"name": "slow", "steps": [{"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 60}}]}
    execute = of(package, "api.workflows.execute_workflow")
    run = execute.sync(client=client, body=models.WorkflowRun.from_dict(slow))
    read = of(package, "api.executions.get_execution")
    progress = read.sync(run.execution_id, client=client)
    assert (progress.status, progress.completed_at) == (models.RunStatus.RUNNING, None)
    assert progress.started_at.tzinfo is not None
    cancelled = of(package, "api.executions.cancel_execution").sync(run.execution_id, client=client)
    assert cancelled.status is models.RunStatus.CANCELLED
    for operation in (o for o in OPERATIONS.values() if o.name.startswith("list_") and "{" not in o.path):
        page = of(package, f"api.{operation.root}.{operation.name}").sync(client=client)
        assert isinstance(page, getattr(models, str(operation.answers[200]))), operation.name
    events = of(package, "api.executions.list_events").sync(run.execution_id, client=client)
    assert events.items[0].type_ is models.RunEventType.RUN_STARTED
    history = of(package, "api.executions.list_history").sync(run.execution_id, client=client)
    assert history.items[0].type_ == "ExecutionStarted"
    delete = of(package, "api.agents.delete_agent")
    assert delete.sync_detailed("support", client=client).status_code == 204
