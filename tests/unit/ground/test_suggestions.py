"""Which words are suggested for one that is not known, and which of them are certain."""

from __future__ import annotations

import pytest

from workflow_engine.suggestions import Fix, fix_of, suggest, with_advice


@pytest.mark.parametrize(
    ("word", "known", "suggested", "is_certain"),
    [
        ("dependancies", ["dependencies", "description"], "dependencies", True),
        ("step_tipe", ["step_type", "step_name", "step_id"], "step_type", True),
        ("ordr", ["order", "orders"], "order", False),
        ("ordr", ["order", "payment"], "order", True),
        ("sum", ["summary"], "summary", False),  # alike enough to ask, not to write
        ("stp_1", ["step_1", "step_2"], "step_1", True),
        ("step_3", ["step_1", "step_2"], "step_2", False),
        ("nothing", ["order"], None, False),
    ],
)
def test_a_suggestion_carries_a_fix_where_no_other_word_is_as_near(
    word: str, known: list[str], suggested: str | None, is_certain: bool
) -> None:
    told = suggest(word, known, "key")
    assert told == ("" if suggested is None else f" Did you mean '{suggested}'?")
    sentence = with_advice("There is no such field.", told)
    assert sentence == f"There is no such field.{told}"
    assert fix_of(sentence) == (Fix(word, str(suggested), "key") if is_certain else None)
