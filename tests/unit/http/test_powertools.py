"""Powertools' packages are put off, and are whole for whoever asks for more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from infra.catalog import FUNCTIONS
from infra.function import Function

WHOLE = """
import sys, threading
from workflow_engine.http.powertools import APIGatewayProxyEventV2, Response
assert "asyncio" not in sys.modules

def ask():
    from aws_lambda_powertools.event_handler import AppSyncResolver, Response as theirs
    got.append(theirs is Response)

got = []
asking = [threading.Thread(target=ask) for _ in range(6)]
for thread in asking: thread.start()
for thread in asking: thread.join()
assert got == [True] * 6, got
import aws_lambda_powertools.event_handler as package
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2 as theirs, SQSEvent
assert theirs is APIGatewayProxyEventV2
assert package.api_gateway.Response is Response
assert "Response" in package.__all__
assert package.__spec__.name == package.__name__ == "aws_lambda_powertools.event_handler"
assert not hasattr(package, "nothing")
"""

NEEDLESS = {
    "asyncio",
    "aws_lambda_powertools.event_handler.appsync",
    "boto3",
    "jsonschema",
    "openai",
    "mcp",
    "yaml",
    "workflow_engine.documents.places",
    "workflow_engine.usecases.answers",
}
"""What no handler needs when it is imported."""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_package_that_was_put_off_is_whole_for_whoever_asks_for_more() -> None:
    run(WHOLE)


def test_a_package_that_is_there_already_stays_as_it_is() -> None:
    run(
        "import aws_lambda_powertools.event_handler as before; import workflow_engine.http.powertools as ours, sys;"
        "assert sys.modules['aws_lambda_powertools.event_handler'] is before;"
        "assert before.Response is ours.Response"
    )


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_a_handler_imports_nothing_that_a_cold_start_can_do_without(described: Function) -> None:
    module = described.handler.rpartition(".")[0]
    loaded = run("import importlib, sys; importlib.import_module(sys.argv[1]); print(*sys.modules)", module).split()
    assert not NEEDLESS & set(loaded)
    documents = described.name in {"api_workflows", "api_agents", "api_steps", "api_tools", "step_registrar"}
    assert ("workflow_engine.language.document" in loaded) == documents
