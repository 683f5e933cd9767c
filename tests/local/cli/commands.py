"""The command in this process, and workflows for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from infra.local.cli.commands import main


def workflow(*arguments: str | Path, stdin: str = "") -> Result:
    """Run the command in this process; standard output is no terminal."""
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin)


def hello(text: str = "hi", **others: Any) -> dict[str, Any]:
    return {
        "name": "Hello",
        "steps": [
            {"step_id": "said", "step_type": "data_input", "config": {"data": {"text": text}}},
            {"step_id": "loud", "step_type": "data_processing", "config": {"processing_type": "uppercase"},
             "input_mapping": {"input": "said.data.text"}},
        ],
        "output": {"text": "loud.result"},
        **others,
    }  # fmt: skip


def write(name: str, document: Any) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def deployed(document: dict[str, Any], workflow_id: str) -> str:
    done = workflow("deploy", write(f"{workflow_id}.json", document))
    assert done.exit_code == 0, done.output
    return workflow_id


def started(workflow_id: str, *arguments: str) -> str:
    done = workflow("start", workflow_id, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def failed_run(paid: Path) -> str:
    """A run that fails until the file `paid` is there."""
    steps = [
        {"step_id": "order", "step_type": "data_input", "config": {"data": {"amount": 12}}},
        {"step_id": "charge", "step_type": "cli_charge", "config": {"paid": str(paid)},
         "input_mapping": {"amount": "order.data.amount"}},
    ]  # fmt: skip
    done = workflow("start", deployed({"name": "Order", "steps": steps}, "cli-order"), "--wait", "--json")
    assert done.exit_code == 1, done.output
    return str(json.loads(done.stdout)["execution_id"])
