"""What the README shows is what the examples hold."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_workflow_of_the_readme_is_an_example_that_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```json\n(.*?)```", readme, re.DOTALL)
    assert shown is not None
    example = ROOT / "statemachines" / "examples" / "order" / "workflow.json"
    assert json.loads(shown[1]) == json.loads(example.read_text(encoding="utf-8"))


def test_every_file_that_the_readme_links_to_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", readme) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
