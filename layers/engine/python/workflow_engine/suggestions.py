"""The nearest known word for one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The nearest known word, or None when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def suggest(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest known word, or the empty string when none is near."""
    near = nearest(word, known)
    return f" Did you mean '{near}'?" if near is not None else ""
