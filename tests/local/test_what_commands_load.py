"""A command loads what it needs and nothing besides: that is most of what it takes. Told by modules, not by time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

from infra.local.cli.commands import COMMANDS, main

HELLO: Final = Path(__file__).parents[2] / "statemachines" / "examples" / "hello-world" / "workflow.json"

RUN: Final = """
import json, sys
from infra.local.cli.commands import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(json.dumps({"status": end.code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""

AWS: Final = ("boto3", "botocore", "moto", "s3transfer")
SERVERS: Final = ("http.server", "werkzeug", "infra.local.server")
MODELS: Final = ("agent_runtime", "agent_tools", "llm_gateway", "google", "httpx", "httpx2", "mcp", "openai")
SCHEMAS: Final = ("attr", "jsonschema", "referencing", "rpds")
"""Validators of JSON Schema: for a value that does not fit, or a schema that is a client's."""
TERMINAL: Final = ("rich",)
EVENT_LOOP: Final = ("asyncio", "ssl")
TOOLS_OF_TESTS: Final = ("hypothesis", "pytest", "setuptools", "pkg_resources")

NEVER: Final = (*AWS, *SERVERS, *MODELS, *SCHEMAS, *TERMINAL, *TOOLS_OF_TESTS)
NOT_TO_COMPILE: Final = (
    *NEVER,
    *EVENT_LOOP,
    "infra.local.stepfunctions.engine",
    "workflow_engine.machines.results",
)
NOT_FOR_HELP: Final = (*NOT_TO_COMPILE, "aws_lambda_powertools", "pydantic", "sqlite3", "infra.catalog", "functions")


def loaded(*arguments: str) -> set[str]:
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["status"] == 0, done.stderr
    return set(told["modules"])


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], NOT_FOR_HELP),
        (["run", "--help"], NOT_FOR_HELP),
        (["test", "--help"], NOT_FOR_HELP),
        (["validate", str(HELLO)], NOT_TO_COMPILE),
        (["compile", str(HELLO)], NOT_TO_COMPILE),
        (["schema"], NOT_TO_COMPILE),
        (["run", str(HELLO)], NEVER),
        (["run", str(HELLO), "--json"], NEVER),
    ],
    ids=lambda value: " ".join(value).replace(str(HELLO), "hello-world") if isinstance(value, list) else "",
)
def test_a_command_loads_nothing_that_it_does_not_need(arguments: list[str], unwanted: tuple[str, ...]) -> None:
    found = loaded(*arguments)
    assert sorted(name for name in unwanted if name in found) == []


def test_what_a_step_needs_is_loaded_when_it_is_needed(tmp_path: Path) -> None:
    steps = [{"step_id": "a", "step_type": "data_input", "config": {"data": {}}}]
    workflow = {"steps": steps, "input_schema": {"type": "object"}}
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(workflow), encoding="utf-8")
    assert "jsonschema" in loaded("validate", str(file))


def test_each_command_of_the_table_is_found_under_its_name() -> None:
    context = click.Context(main)
    for name in COMMANDS:
        found = main.get_command(context, name)
        assert found is not None
        assert found.name == name
        assert found.help
