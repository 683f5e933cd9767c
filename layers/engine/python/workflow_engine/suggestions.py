"""The nearest known word for one that is not known, and the fix that it makes where no other word is near."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

_NEAR: Final = 0.6
_CERTAIN: Final = 0.75
"""How alike two words are, from 0 to 1: of which on a suggestion is made, and of which on a fix."""
_AHEAD: Final = 0.12
"""How much less alike the next word is where a fix is certain: of 'ordr' none is between 'order' and 'orders'."""


class Fix(NamedTuple):
    """A word that is to be another one where a finding points: in the value, or in the key that the pointer ends with."""

    replace: str
    replacement: str
    target: Literal["key", "value"] = "value"


class Advised(str):
    """A sentence, or the end of one, that knows the fix it describes."""

    fix: Fix


def advised(text: str, fix: Fix | None) -> str:
    """A text that carries a fix to the finding that is made of it (`fix_of`)."""
    if fix is None:
        return text
    sentence = Advised(text)
    sentence.fix = fix
    return sentence


def with_advice(sentence: str, advice: str) -> str:
    """Both texts as one, which carries the fix of the advice."""
    return advised(sentence + advice, fix_of(advice))


def fix_of(text: str) -> Fix | None:
    """The fix that a text carries."""
    return text.fix if isinstance(text, Advised) else None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The nearest known word, or None when none is near. Of several, that of the same letters: two that changed places are the
    commonest slip, and as far apart as any two to `difflib`.
    """
    near = difflib.get_close_matches(word, list(known), n=3, cutoff=_NEAR)
    return next((other for other in near if sorted(other) == sorted(word)), near[0] if near else None)


def fix_to(word: str, near: str, known: Iterable[str], target: Literal["key", "value"] = "value") -> Fix | None:
    """The fix that replaces a word by the nearest one; None where that is not certain, since another word is as near."""
    alike = difflib.SequenceMatcher(None, near, word).ratio()
    others = [other for other in known if other != near]
    if alike < _CERTAIN or difflib.get_close_matches(word, others, n=1, cutoff=max(_NEAR, alike - _AHEAD)):
        return None
    return Fix(word, near, target)


def suggest(word: str, known: Iterable[str], target: Literal["key", "value"] = "value") -> str:
    """` Did you mean 'x'?` for the nearest known word, with its fix; the empty string when none is near."""
    words = list(known)
    near = nearest(word, words)
    return "" if near is None else advised(f" Did you mean '{near}'?", fix_to(word, near, words, target))
