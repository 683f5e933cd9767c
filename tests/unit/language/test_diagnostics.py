"""Codes, pointers and suggestions, and the table in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workflow_engine.language.diagnostics import CODES, Diagnostic, pointer
from workflow_engine.suggestions import suggest

ROOT = Path(__file__).parents[3]


def test_every_code_is_used_somewhere_and_every_used_code_is_listed() -> None:
    sources = (ROOT / "layers" / "engine").rglob("*.py")
    used = {
        code
        for path in sources
        if path.name != "diagnostics.py" and path.parent.name not in ("explanations", "error_advice")
        for code in re.findall(r"WFE-[EW]\d{3}", path.read_text(encoding="utf-8"))
    }
    assert used == set(CODES)


def test_a_pointer_escapes_what_rfc_6901_escapes() -> None:
    assert pointer("steps", 3, "a/b~c") == "/steps/3/a~1b~0c"


def test_a_suggestion_is_the_nearest_known_word_or_nothing() -> None:
    assert suggest("dependancies", ["dependencies", "config"]) == " Did you mean 'dependencies'?"
    assert suggest("zzz", ["dependencies"]) == ""


def test_a_code_that_is_not_listed_cannot_be_reported() -> None:
    with pytest.raises(AssertionError):
        Diagnostic("WFE-E999", "", "no such code")
