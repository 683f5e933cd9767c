"""Pages of the docs that are made of the code's own descriptions are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.reference.__main__ import PAGES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_made_of_the_code(page: str) -> None:
    assert (DOCS / f"{page}.md").read_text(encoding="utf-8") == PAGES[page](), "make generate writes it anew"
