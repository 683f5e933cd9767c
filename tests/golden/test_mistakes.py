"""Mistakes that authors make, and what they are told: one mistake a file, named by what is wrong.

`mistakes/findings.json` has the findings by file: the code, the place and the sentence, from which alone the author must be able
to mend it. After a wanted change, run with UPDATE_GOLDENS=1 and read the difference as such an author.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workflow_engine.compiler import compile_workflow
from workflow_engine.documents.json_text import parse_json
from workflow_engine.errors import MalformedJsonError
from workflow_engine.language import InvalidWorkflowError, parse_workflow
from workflow_engine.steps import builtin_catalogue

FOLDER = Path(__file__).parent / "mistakes"
GOLDEN = FOLDER / "findings.json"
MISTAKES = sorted(path for path in FOLDER.iterdir() if path != GOLDEN)


def findings(text: str) -> list[str]:
    """What the author of a document is told, a line each."""
    try:
        document = parse_json(text)
    except MalformedJsonError as error:
        return [f"{error.code}: {error.detail}"]
    parsed = parse_workflow(document, builtin_catalogue())
    found = list(parsed.diagnostics)
    if parsed.workflow is not None:
        try:
            found += compile_workflow(parsed.workflow, builtin_catalogue()).warnings
        except InvalidWorkflowError as error:
            found += error.diagnostics
    return [f"{d.code} {d.pointer or '/'}: {d.detail}" for d in found]


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    said = {path.name: findings(path.read_text()) for path in MISTAKES}
    if os.environ.get("UPDATE_GOLDENS"):
        GOLDEN.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    return said


@pytest.mark.parametrize("name", [path.name for path in MISTAKES])
def test_a_mistake_is_told_by_exactly_these_sentences(name: str, told: dict[str, list[str]]) -> None:
    assert told[name] == json.loads(GOLDEN.read_text())[name]


def test_no_mistake_goes_without_a_word(told: dict[str, list[str]]) -> None:
    assert [name for name, sentences in told.items() if not sentences] == []
    assert set(json.loads(GOLDEN.read_text())) == set(told)
