"""One session for all cases of a module, and cases that are written as YAML in a test."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.testing.format import read_test_file
from infra.local.testing.session import Outcome, Session

RunCases = Callable[..., list[Outcome]]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session() as running:
        yield running


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the step types `work` and `other`, which have an output schema, and `pause`."""
    folder = tmp_path_factory.mktemp("steps")
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {}},
    }
    entries: list[dict[str, Any]] = [
        {"step_type": "work", "handler": "own:work", "output_schema": schema, "validate_output": True},
        {"step_type": "other", "handler": "own:other"},
        {"step_type": "clock", "handler": "own:clock"},
    ]
    (folder / "steps.json").write_text(json.dumps(entries))
    (folder / "own.py").write_text(
        "import time\n"
        "def work(event, context): return {'a': 1, 'b': 'really'}\n"
        "def other(event, context): return {'real': True}\n"
        "def clock(event, context): time.sleep(0.05); return {'zone': time.tzname[0]}\n"
    )
    return folder


@pytest.fixture
def run(session: Session, steps: Path, tmp_path: Path) -> RunCases:
    """`run(workflow, cases)`: the outcomes of cases in YAML, of a workflow that is a list of steps or a whole document."""

    def run_cases(workflow: Any, cases: str, **more: Any) -> list[Outcome]:
        document = workflow if isinstance(workflow, dict) else {"steps": workflow}
        document = {"name": "w", "execution_pattern": "dependency", **document, **more}
        (tmp_path / "w.json").write_text(json.dumps(document))
        text = f"steps: {steps}\n{textwrap.dedent(cases)}"
        (tmp_path / "w.test.yaml").write_text(text)
        file = read_test_file(tmp_path / "w.test.yaml")
        return [session.run(file, case) for case in file.cases]

    return run_cases


def told(outcome: Outcome) -> list[str]:
    """What failed, without the folder that the file lies in."""
    return [re.sub(r"\S*/(?=w\.test\.yaml)", "", str(failure)) for failure in outcome.failures]
