"""Bad workflows and what is said of them: `errors/language/<name>.json` and `<name>.diagnostics.json`.

After a wanted change, run with UPDATE_GOLDENS=1 and read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.catalogue import fake_catalogue
from workflow_engine.language import parse_workflow

FOLDER = Path(__file__).parent / "errors" / "language"
DOCUMENTS = sorted(path for path in FOLDER.glob("*.json") if not path.name.endswith(".diagnostics.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_bad_workflow_gets_exactly_its_diagnostics(path: Path) -> None:
    parsed = parse_workflow(json.loads(path.read_text()), fake_catalogue())
    assert parsed.workflow is None
    said = json.dumps([d.as_dict() for d in parsed.diagnostics], indent=2, ensure_ascii=False) + "\n"
    golden = path.with_suffix(".diagnostics.json")
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(said)
    assert json.loads(said) == json.loads(golden.read_text())


def test_every_golden_has_its_workflow() -> None:
    assert {path.with_suffix(".diagnostics.json") for path in DOCUMENTS} == set(FOLDER.glob("*.diagnostics.json"))
