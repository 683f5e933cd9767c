"""Pages of the docs that are made of the code's own descriptions are up to date."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from infra.local.cloud import LocalCloud
from infra.reference.__main__ import PAGES
from infra.reference.language import example
from workflow_engine.language.condition_text import CHECKS, COMPARISONS, parse_condition_text
from workflow_engine.language.fields import OPERATORS, TEMPLATE_VARIABLES
from workflow_engine.language.syntax import TemplateVariableName
from workflow_engine.steps import builtin_catalogue

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_made_of_the_code(page: str) -> None:
    assert (DOCS / f"{page}.md").read_text(encoding="utf-8") == PAGES[page](), "make generate writes it anew"


def test_the_workflow_at_the_top_of_the_reference_runs() -> None:
    orders = [
        {"name": "Ada", "country": "DE", "total": 120},
        {"name": "Bob", "country": "US", "total": 300},
        {"name": "Cleo", "country": "AT", "total": 80},
    ]
    with LocalCloud() as cloud:
        status, results = cloud.call("POST", "/workflows/execute?wait=20", {**example(), "input": {"orders": orders}})
    assert (status, results["status"]) == (200, "completed")
    assert results["output"] == {"letters": ["DEAR ADA, YOU ORDERED FOR 120.", None], "status": "completed"}


def test_the_reference_has_every_operator_and_every_template_variable() -> None:
    assert list(OPERATORS) == [*COMPARISONS, *CHECKS]
    for _, shown in OPERATORS.values():
        parse_condition_text(shown)
    assert list(TEMPLATE_VARIABLES) == list(get_args(TemplateVariableName))


def test_the_catalogue_has_every_field_of_every_step_type() -> None:
    page = (DOCS / "step-types.md").read_text(encoding="utf-8")
    for step_type in builtin_catalogue().step_types():
        section = re.split(r"\n##+ ", page.partition(f"\n### {step_type.name}\n")[2])[0]
        assert step_type.description.replace("<", "&lt;") in section
        if step_type.name not in ("map", "loop", "switch"):
            shown = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
            assert {
                *step_type.config_schema.get("properties", ()),
                *step_type.output_schema.get("properties", ()),
            } <= shown


@pytest.mark.parametrize("page", [*PAGES, "step-types"])
def test_links_within_the_reference_lead_somewhere(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for file, anchor in re.findall(r"\]\(([\w.-]*)#([\w-]+)\)", text):
        target = (DOCS / (file or f"{page}.md")).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.*)", target, re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}, (file, anchor)
