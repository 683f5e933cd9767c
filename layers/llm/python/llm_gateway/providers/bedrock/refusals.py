"""What models on Bedrock refuse though a request may hold it, and how a request is made to do without.

Bedrock has one API for all models, but each model takes another part of it
(https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html). The tables
change every week, so nothing is known beforehand: a refusal is read and remembered, and the request sent again without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

Feature = Literal[
    "system",
    "temperature",
    "top_p",
    "both_samplings",
    "stop",
    "max_tokens",
    "tool_choice",
    "tool_status",
    "native_schema",
    "streaming",
    "streaming_tools",
]

WARNINGS: Final[Mapping[Feature, str]] = {
    "system": "The model takes no system prompt, so it was put before the first message.",
    "temperature": "The model takes no temperature, so it was left out.",
    "top_p": "The model takes no top_p, so it was left out.",
    "both_samplings": "The model does not take temperature and top_p together, so top_p was left out.",
    "stop": "The model takes no stop sequences, so they were left out.",
    "tool_choice": "The model cannot be made to call a tool, so it was asked to in the system prompt.",
    "native_schema": "The model takes no JSON Schema, so it was asked for in the system prompt.",
    "streaming": "The model does not stream, so the answer came in one piece.",
    "streaming_tools": "The model does not stream with tools, so the answer came in one piece.",
}
"""For the features whose loss is worth a word; that of `max_tokens` depends on the number."""

_REFUSES: Final = re.compile(
    r"(?:doesn't|does not|don't|not) support|(?:is|are) (?:not supported|unsupported|deprecated|not permitted)"
    r"|(?:cannot|can't) (?:both )?be (?:specified|set|combined)|unsupported|remove \S+ and try again|extra inputs",
    re.IGNORECASE,
)
_WORDS: Final[Mapping[Feature, str]] = {
    "streaming_tools": r"tools?\b.*\bstreaming|streaming.*\btools?\b",
    "streaming": r"streaming|converse_?stream",
    "native_schema": r"output_?config|text_?format|structured output|json_?schema|response_?format",
    "tool_choice": r"tool_?choice",
    "tool_status": r"\bthe status field|\bremove status\b",
    "both_samplings": r"temperature.*\band\b.*top_?p|top_?p.*\band\b.*temperature",
    "temperature": r"temperature",
    "top_p": r"top_?p\b",
    "stop": r"stop_?sequences?",
    "system": r"\bsystem\b",
}
"""In this order, since a word may stand in another's refusal."""

_MENTIONS: Final = {feature: re.compile(words, re.IGNORECASE) for feature, words in _WORDS.items()}

_OF_MODEL: Final = re.compile(
    r"extra inputs|support the output|(?:by|for|in) (?:this|the) model|this model|the model is|structured output",
    re.IGNORECASE,
)
_OUTPUT_LIMITS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"maximum tokens you requested exceeds? the model limit of (?P<limit>\d+)",
        r"max_?tokens: \d+ > (?P<limit>\d+), which is the maximum",
    )
)
"""Llama's and Claude's wording."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a model refused. `limit` is the highest `max_tokens` that it takes; `is_lasting`: it will refuse it again,
    whatever else a request holds.
    """

    feature: Feature
    limit: int | None = None
    is_lasting: bool = True


@dataclass(frozen=True, slots=True)
class Spared:
    """What a model is not asked for any more."""

    features: frozenset[Feature] = frozenset()
    max_tokens: int | None = None

    def and_also(self, refusal: Refusal) -> Spared:
        """With one more refusal."""
        if refusal.limit is not None:
            return replace(self, max_tokens=min(refusal.limit, self.max_tokens or refusal.limit))
        return replace(self, features=self.features | {refusal.feature})


def refusal_in(message: str, used: frozenset[Feature], max_tokens: int | None) -> Refusal | None:
    """What Bedrock's message refuses of a request that used these features; None if something else is wrong."""
    for pattern in _OUTPUT_LIMITS:
        found = pattern.search(message)
        # Llama's message asks for less than its limit, so one token less is sure to do for either wording.
        if found and max_tokens is not None and 1 < (limit := int(found["limit"])) <= max_tokens:
            return Refusal("max_tokens", limit=limit - 1)
    if not _REFUSES.search(message):
        # Bedrock's compiler has many ways to say that it does not take a schema.
        if "native_schema" in used and _MENTIONS["native_schema"].search(message):
            return Refusal("native_schema", is_lasting=False)
        return None
    for feature, pattern in _MENTIONS.items():
        if feature in used and pattern.search(message):
            return Refusal(feature, is_lasting=feature != "native_schema" or bool(_OF_MODEL.search(message)))
    return None
