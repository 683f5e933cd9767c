"""`workflow_engine.sdk.testing` calls a step as a run does; any test runner takes it."""

from __future__ import annotations

from scoring import score_text
from workflow_engine.sdk.testing import call_step


def test_each_bad_word_counts_down() -> None:
    called = call_step(score_text, config={"bad_words": ["late"]}, input={"text": "Late, late!"})
    assert called.output == {"text": "Late, late!", "score": -2}
