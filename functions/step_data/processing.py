"""The processing types of `data_processing`, each a function of the data and the step's options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from functions.step_data.lexicon import INTENSIFIERS, NEGATIONS, NEGATIVE, POSITIVE
from workflow_engine.sdk import InvalidStepInput

Options = Mapping[str, Any]

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_END_OF_CLAUSE: Final = re.compile(r"[.,;:!?\n]+")

_REACH_OF_A_NEGATION: Final = 3
"""Words after a negation whose sense it turns round: "not a very good film"."""

_NEUTRAL_BELOW: Final = 0.05
"""Scores nearer to 0 than this are neutral."""


def _map_texts(data: Any, change: Callable[[str], str]) -> Any:
    """The data with every text in it changed, at any depth; keys stay."""
    if isinstance(data, str):
        return change(data)
    if isinstance(data, list):
        return [_map_texts(element, change) for element in data]
    if isinstance(data, dict):
        return {key: _map_texts(value, change) for key, value in data.items()}
    return data


def _texts(data: Any) -> Iterator[str]:
    """Every text in the data, keys not counted."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for element in data:
            yield from _texts(element)
    elif isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)


def _identity(data: Any, _options: Options) -> Any:
    return data


def _uppercase(data: Any, _options: Options) -> Any:
    return _map_texts(data, str.upper)


def _lowercase(data: Any, _options: Options) -> Any:
    return _map_texts(data, str.lower)


def _count(data: Any, _options: Options) -> dict[str, int]:
    if data is None:
        return {"count": 0}
    return {"count": len(data) if isinstance(data, list | dict | str) else 1}


def _word_count(data: Any, _options: Options) -> dict[str, Any]:
    texts = list(_texts(data))
    words = [word for text in texts for word in text.split()]
    return {
        "word_count": len(words),
        "character_count": sum(map(len, words)),
        "text_length": sum(map(len, texts)),
        "original_data": data,
    }


def _transform(data: Any, options: Options) -> Any:
    name = options.get("transformation", "identity")
    transformation = _TRANSFORMATIONS.get(name)
    if transformation is None:
        raise InvalidStepInput(f"There is no transformation '{name}'.")
    result = transformation(data, options)
    metadata = options.get("metadata")
    return {**result, **metadata} if isinstance(result, dict) and isinstance(metadata, dict) else result


def _filter(data: Any, options: Options) -> Any:
    if isinstance(data, list):
        return [element for element in data if _matches(element, options)]
    if not isinstance(data, dict):
        return None
    key = options.get("filter_key", "")
    kept = key in data and ("filter_value" not in options or json_equal(data[key], options["filter_value"]))
    return {key: data[key]} if kept else {}


def _matches(element: Any, options: Options) -> bool:
    if not isinstance(element, dict):
        return False
    value = element.get(options.get("filter_key", ""))
    return json_equal(value, options["filter_value"]) if "filter_value" in options else value is not None


def json_equal(left: Any, right: Any) -> bool:
    """Deep equality of JSON values: 1 equals 1.0, but neither equals true, as they do in Python."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(json_equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


def _sentiment_analysis(data: Any, _options: Options) -> dict[str, Any]:
    """How good or bad all texts in the data together are, and by which words.

    `score` is within -1..1: the balance of good and bad words of a small English lexicon, 0 where there is none. In a
    clause a negation turns round the words after it; an intensifier ("very") makes the next word count twice.
    `confidence` is within 0.5..1: the share of the weight that is on one side. Indicators are numbers of words.
    """
    clauses = [_WORD.findall(clause) for text in _texts(data) for clause in _clauses(text)]
    judged = [judgement for words in clauses for judgement in _judgements(words)]
    total = sum(abs(weight) for _, weight in judged)
    balance = sum(weight for _, weight in judged) / total if total else 0.0
    score = round(balance, 4)
    positive = [word for word, weight in judged if weight > 0]
    negative = [word for word, weight in judged if weight < 0]
    return {
        "sentiment": "neutral" if abs(score) < _NEUTRAL_BELOW else "positive" if score > 0 else "negative",
        "confidence": round(0.5 + abs(balance) / 2, 4),
        "score": score,
        "positive_indicators": len(positive),
        "negative_indicators": len(negative),
        "positive_words": positive,
        "negative_words": negative,
        "word_count": sum(map(len, clauses)),
        "original_data": data,
    }


def _clauses(text: str) -> list[str]:
    return _END_OF_CLAUSE.split(text.lower().replace("’", "'"))


def _judgements(words: list[str]) -> Iterator[tuple[str, int]]:
    """The words of a clause that the lexicon knows, each with its weight: above 0 for good, below 0 for bad."""
    for position, word in enumerate(words):
        sense = (word in POSITIVE) - (word in NEGATIVE)
        if sense:
            before = words[max(0, position - _REACH_OF_A_NEGATION) : position]
            negated = any(earlier in NEGATIONS or earlier.endswith("n't") for earlier in before)
            weight = 2 if before and before[-1] in INTENSIFIERS else 1
            yield word, -sense * weight if negated else sense * weight


Processing = Callable[[Any, Options], Any]

_TRANSFORMATIONS: Final[Mapping[str, Processing]] = {
    "identity": _identity,
    "uppercase": _uppercase,
    "lowercase": _lowercase,
}

PROCESSING_TYPES: Final[Mapping[str, Processing]] = {
    "identity": _identity,
    "passthrough": _identity,
    "uppercase": _uppercase,
    "lowercase": _lowercase,
    "count": _count,
    "word_count": _word_count,
    "filter": _filter,
    "sentiment_analysis": _sentiment_analysis,
    "transform": _transform,
}
