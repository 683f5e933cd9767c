"""`workflow schema`: what an editor is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from infra.local.cli.init import ABOUT
from infra.local.cloud import LocalCloud
from tests.support.local_server import running_server

PUBLISHED = Path(__file__).parents[2] / "statemachines" / "workflow.schema.json"
STEP = '''
from pydantic import BaseModel, Field
from workflow_engine.sdk import step


class Limits(BaseModel):
    limit: int = Field(ge=1, description="The least score.")


@step(name="score", config=Limits)
def score(config):
    """Scores a customer."""
    return {}
'''


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["schema", *arguments])


def takes(schema: Any, step_type: str, config: Any) -> bool:
    return bool(
        jsonschema.Draft202012Validator(schema).is_valid({"steps": [{"step_type": step_type, "config": config}]})
    )


def test_it_prints_the_published_schema() -> None:
    done = called()
    assert (done.exit_code, done.stdout) == (0, PUBLISHED.read_text(encoding="utf-8"))


def test_it_knows_the_steps_of_a_folder_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "scores.py").write_text(STEP)
    done = called("--steps", str(tmp_path))
    assert done.exit_code == 0, done.output
    schema = json.loads(done.stdout)
    assert takes(schema, "score", {"limit": 1})
    assert not takes(schema, "score", {"limit": 0})
    assert not takes(schema, "scores", {"limit": 1})


def test_it_writes_a_file_that_a_workflow_may_name(tmp_path: Path) -> None:
    file = tmp_path / "workflow.schema.json"
    done = called("-o", str(file))
    assert (done.exit_code, done.stdout) == (0, "")
    assert file.read_text(encoding="utf-8") == PUBLISHED.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_a_mistake_on_the_command_line(tmp_path: Path) -> None:
    done = called("-o", str(tmp_path / "missing" / "workflow.schema.json"))
    assert done.exit_code == 2
    assert "cannot be written" in done.output


def test_it_knows_what_is_registered_on_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKFLOW_API_URL", raising=False)
    with LocalCloud() as cloud, running_server(cloud.gateway) as url:
        body = {"step_type": "score", "execution_type": "activity", "config_schema": {"additionalProperties": False}}
        assert cloud.call("POST", "/steps/register", body)[0] == 201
        done = called("--api", url)
    assert done.exit_code == 0, done.output
    assert takes(json.loads(done.stdout), "score", {})
    assert not takes(json.loads(done.stdout), "score", {"limit": 1})


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = called("--api", "http://127.0.0.1:9")
    assert done.exit_code == 7, done.output


def test_step_types_are_of_a_folder_or_of_a_server(tmp_path: Path) -> None:
    done = called("--api", "http://127.0.0.1:9", "--steps", str(tmp_path))
    assert done.exit_code == 2
    assert "exclude each other" in done.output


@pytest.mark.parametrize("template", ABOUT)
def test_the_flow_of_a_template_fits_the_schema_of_its_folder(template: str, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert CliRunner().invoke(main, ["init", str(folder), "--template", template]).exit_code == 0
    schema = json.loads((folder / "workflow.schema.json").read_text(encoding="utf-8"))
    flow = yaml.safe_load((folder / f"{template}.yaml").read_text(encoding="utf-8"))
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(flow)] == []
