"""What documents show and where they lead: links, anchors, workflows in JSON and YAML."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from infra.local.mocking.reading import SCHEMA_FILE
from tests.docs.fences import DOCUMENTS, REPOSITORY, Fence, fences
from workflow_engine.documents.yaml_text import parse_yaml
from workflow_engine.language import parse_workflow
from workflow_engine.language.schema import workflow_schema
from workflow_engine.language.walk import walk_steps
from workflow_engine.steps import Catalogue, builtin_catalogue

_LINK: Final = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
_CODE: Final = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def place_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def anchors(document: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them: lower case, punctuation left out, dashes for spaces, numbered when
    repeated.
    """
    found: dict[str, int] = {}
    names = set()
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        count = found.get(name, 0)
        found[name] = count + 1
        names.add(f"{name}-{count}" if count else name)
    return names


@pytest.mark.parametrize("document", DOCUMENTS, ids=place_of)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    text = _CODE.sub("", document.read_text(encoding="utf-8"))
    broken = []
    for link in (one or other for one, other in _LINK.findall(text)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_document_is_on_the_map() -> None:
    listed = (REPOSITORY / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [path for path in (REPOSITORY / "docs").glob("*.md") if path.name != "README.md"]
    assert [path.name for path in pages if f"({path.name}" not in listed] == []


ONE_STEP: Final = "One step"
DATA: Final = [fence for document in DOCUMENTS for fence in fences(document) if fence.language in ("json", "yaml")]


def value_of(fence: Fence) -> Any:
    """What a block holds. One that shows a part of an object, or two things one after the other, is None."""
    if fence.language == "yaml":
        return parse_yaml(fence.text) if not fence.text.lstrip().startswith("#") or "\n" in fence.text.strip() else None
    try:
        return json.loads(fence.text)
    except ValueError:
        assert re.match(r'\s*"\w+":', fence.text) or "…" in fence.text or "..." in fence.text, fence.place
        return None


def workflow_in(value: Any) -> dict[str, Any] | None:
    """The workflow that a block shows, or one around the step that it shows."""
    if not isinstance(value, dict):
        return None
    if {"step_id", "step_type"} <= set(value):
        return {"name": ONE_STEP, "steps": [value]}
    return {k: v for k, v in value.items() if k != "input"} if isinstance(value.get("steps"), list) else None


# The page of findings shows what is wrong on purpose: tests/infra/test_reference.py makes it.
SHOWN: Final = [
    (fence, shown)
    for fence in DATA
    if fence.document.name != "diagnostics.md" and (shown := workflow_in(value_of(fence))) is not None
]


def with_types_of(document: dict[str, Any]) -> Catalogue:
    """The built-in step types, and those that a document names besides."""
    catalogue = builtin_catalogue()
    named = {str(step.get("step_type")) for _, step in walk_steps(document)}
    return catalogue.with_registered({"step_type": n} for n in sorted(named) if catalogue.find(n) is None)


@pytest.mark.parametrize(("fence", "shown"), SHOWN, ids=[fence.place for fence, _ in SHOWN])
def test_a_workflow_or_step_that_is_shown_fits_the_language(fence: Fence, shown: dict[str, Any]) -> None:
    catalogue = with_types_of(shown)
    schema = Draft202012Validator(workflow_schema(catalogue.step_types()))
    assert [f"{'/'.join(map(str, e.path))}: {e.message}" for e in schema.iter_errors(shown)] == []
    if shown.get("name") != ONE_STEP:
        parsed = parse_workflow(shown, catalogue)
        assert parsed.workflow is not None, parsed.diagnostics


def test_there_are_workflows_and_steps_in_the_documents() -> None:
    assert len(SHOWN) > 40


def test_cases_that_are_shown_fit_the_format_of_tests() -> None:
    schema = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    cases = [(f, v) for f in DATA if isinstance(v := value_of(f), dict) and "cases" in v]
    assert [f.place for f, value in cases if not schema.is_valid(value)] == []
