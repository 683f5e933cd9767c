"""The workflow of the README runs as its picture shows.

After a wanted change: UPDATE_GOLDENS=1 pytest tests/golden/test_readme.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from infra.local.cli.init import TEMPLATES
from infra.local.cloud import LocalCloud
from infra.local.drawing.svg import svg
from workflow_engine.compiler.reports.drawing import drawing_of_workflow
from workflow_engine.documents.yaml_text import parse_yaml
from workflow_engine.language import parse_workflow

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "run.svg"


def shown_workflow() -> dict[str, Any]:
    shown = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    found: dict[str, Any] = parse_yaml(shown[1])
    return found


@pytest.mark.xdist_group("local-cloud")
def test_the_workflow_of_the_readme_runs_as_its_picture_shows() -> None:
    from workflow_engine.steps import builtin_catalogue

    document = shown_workflow()
    declined = {"order": {"id": "o-1", "amount": 2000}}
    with LocalCloud(steps_directory=TEMPLATES / "saga" / "steps") as cloud:
        _, results = cloud.call("POST", "/workflows/execute?wait=20", document | {"input": declined})
    statuses = {step: result["status"] for step, result in results["step_results"].items()}
    assert results["error"]["type"] == "CardDeclined"
    assert statuses == {
        "reserve": "completed", "charge": "failed", "ship": "pending", "release": "completed", "tell": "completed",
    }  # fmt: skip
    names = [{"step_type": name} for name in ("reserve", "charge", "ship", "release")]
    parsed = parse_workflow(document, builtin_catalogue().with_registered(names))
    assert parsed.workflow is not None
    picture = svg(drawing_of_workflow(parsed.workflow), document["name"], statuses)
    if os.environ.get("UPDATE_GOLDENS"):
        PICTURE.write_text(picture, encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == picture
