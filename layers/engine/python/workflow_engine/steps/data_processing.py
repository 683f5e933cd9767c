"""`data_processing`: one operation on data. What JSONata can do safely is pure; the rest is a Task, `process` on `step_data`.

The data is `input_data.input` (or `.data`) when that is the only key, else all of `input_data`. Results:

* `identity`, `passthrough` (the default): the data as it is.
* `count`: `{count}`: elements of a list, keys of an object, characters (code points) of a text, 0 for null, 1 for
  anything else.
* `filter`: of a list the objects whose field `filter_key` equals `filter_value` (deep JSON equality, a missing field is
  null); without a `filter_value`, those whose field is there and not null. Of an object an object with its entry
  `filter_key` alone, without that where there is none or it does not equal a `filter_value`. Of anything else null.
* `uppercase`, `lowercase`: all texts in the data, at any depth; keys stay. Where the data is sure to be one text (a template
  or a literal) and the step is critical, it is computed without a call.
* `word_count`: `{word_count, character_count, text_length, original_data}` of all texts of the data: words are parted by
  white space, `text_length` counts code points, `character_count` those that are no white space.
* `sentiment_analysis`: `{sentiment, confidence, score, positive_indicators, negative_indicators, positive_words,
  negative_words, word_count, original_data}`, from a small English lexicon.
* `transform`: the data under `options.transformation`; of an object, with the fields of `options.metadata` merged in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, PureContext, PureLowering, TaskLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, json_literal, object_fragment
from workflow_engine.errors import InvalidStepInput
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.language.syntax import LiteralValue, Source
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, Schema, object_schema, output_schema, property_schema
from workflow_engine.steps.sources import FIELD, UNWRAPPED_NAMES, apply, working_data
from workflow_engine.steps.step_type import STEP_DATA, StepType

DEFAULT_PROCESSING_TYPE: Final = "passthrough"
WRAPPER_BYTES: Final = 192
"""What an output has beside its result: type, time and success."""


def _count(context: PureContext) -> Fragment:
    body = (
        '($t:=$type($d);$n:=$t="array"?$count($d):$t="object"?$count($keys($d)):'
        '$t="string"?$length($d):$t="null"?0:1;{"count":$n})'
    )  # fmt: skip
    return apply(body, {"d": working_data(context)})


def _filter(context: PureContext) -> Fragment:
    has_value = "filter_value" in context.static_config.get("options", {})
    wanted = '$field($e,$k)=$field($o,"filter_value")'
    test = wanted if has_value else "$field($e,$k)!=null"
    kept = f"($e:=$d;{wanted})" if has_value else "true"  # of an object
    body = (
        f'({FIELD}$k:=$field($o,"filter_key");'
        f'$matches:=function($e){{$type($e)="object"?{test}:false}};'
        '$t:=$type($d);$t="array"?$append([],$filter($d,$matches)[]):$t!="object"?null:'
        f'$type($k)!="string"?{{}}:$k in $keys($d)?{kept}?{{$k:$lookup($d,$k)}}:{{}}:{{}})'
    )
    return apply(body, {"d": working_data(context), "o": context.config("options")})


def _in_case(function: str) -> Callable[[PureContext], Fragment]:
    """A text in another case. JSONata follows JavaScript here, `process` Python: both Unicode's full case mappings, so they
    differ at most in letters that only the newer of their two versions of Unicode has.
    """

    def build(context: PureContext) -> Fragment:
        return apply(f"${function}($d)", {"d": working_data(context)})

    return build


_OF_TEXT: Final[Mapping[str, Callable[[PureContext], Fragment]]] = {
    "uppercase": _in_case("uppercase"),
    "lowercase": _in_case("lowercase"),
}
CASE_GROWTH: Final = 3
"""A letter of two bytes may become three of two, such as U+0390 (Unicode, SpecialCasing.txt)."""

_PURE: Final[Mapping[str, Callable[[PureContext], Fragment]]] = {
    "identity": working_data,
    "passthrough": working_data,
    "count": _count,
    "filter": _filter,
}


def _build(context: PureContext) -> Fragment:
    processing_type = context.static_config.get("processing_type", DEFAULT_PROCESSING_TYPE)
    fields = {
        "result": {**_PURE, **_OF_TEXT}[processing_type](context),
        "processing_type": json_literal(processing_type),
        "processed_at": context.entered,
        "success": json_literal(True),
    }
    if "metadata" in context.static_config.get("options", {}):
        fields["metadata"] = apply(f'({FIELD}$field($o,"metadata"))', {"o": context.config("options")})
    return object_fragment(fields)


def _lower(config: Mapping[str, Any]) -> Lowering:
    if config.get("processing_type", DEFAULT_PROCESSING_TYPE) in _PURE:
        return PureLowering(_build, growth_bytes=WRAPPER_BYTES)
    if config.get("processing_type") in _OF_TEXT:
        of_text = PureLowering(_build, growth_bytes=WRAPPER_BYTES, growth_factor=CASE_GROWTH)
        return TaskLowering(STEP_DATA, of_text=dict.fromkeys(UNWRAPPED_NAMES, of_text), memory_mb=MEMORY_MB[STEP_DATA])
    return TaskLowering(STEP_DATA, memory_mb=MEMORY_MB[STEP_DATA])


def _known_output(config: Mapping[str, Any]) -> Mapping[str, Source]:
    return {"processing_type": LiteralValue(config.get("processing_type", DEFAULT_PROCESSING_TYPE))}


# --- the Task ---

Options = Mapping[str, Any]
Processing = Callable[[Any, Options], Any]

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_END_OF_CLAUSE: Final = re.compile(r"[.,;:!?\n]+")

_REACH_OF_A_NEGATION: Final = 3
"""Words after a negation whose sense it turns round: "not a very good film"."""

_NEUTRAL_BELOW: Final = 0.05
"""Scores nearer to 0 than this are neutral."""


def process(config: Mapping[str, Any], input_data: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """The output of a step that is a Task; `at` (UTC) is the time that stands in it.

    Raises `InvalidStepInput` for a processing type that is no Task, and for data nested too deeply.
    """
    processing_type = config.get("processing_type", DEFAULT_PROCESSING_TYPE)
    processing = TASKS.get(processing_type)
    if processing is None:
        raise InvalidStepInput(f"A function does no data_processing of type '{processing_type}'.")
    options = config.get("options") or {}
    try:
        result = processing(_only_value(input_data), options)
    except RecursionError:
        raise InvalidStepInput("The data is nested too deeply.") from None
    output = {
        "result": result,
        "processing_type": processing_type,
        # As Step Functions writes times: UTC, milliseconds, `Z`.
        "processed_at": at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
        "success": True,
    }
    return {**output, "metadata": options["metadata"]} if "metadata" in options else output


def _only_value(input_data: Mapping[str, Any]) -> Any:
    if len(input_data) == 1 and (name := next(iter(input_data))) in UNWRAPPED_NAMES:
        return input_data[name]
    return input_data


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


def _word_count(data: Any, _options: Options) -> dict[str, Any]:
    texts = list(_texts(data))
    words = [word for text in texts for word in text.split()]
    return {
        "word_count": len(words),
        "character_count": sum(map(len, words)),
        "text_length": sum(map(len, texts)),
        "original_data": data,
    }


_TRANSFORMATIONS: Final[Mapping[str, Processing]] = {
    "identity": _identity,
    "uppercase": _uppercase,
    "lowercase": _lowercase,
}


def _transform(data: Any, options: Options) -> Any:
    name = options.get("transformation", "identity")
    transformation = _TRANSFORMATIONS.get(name)
    if transformation is None:
        raise InvalidStepInput(f"There is no transformation '{name}'.")
    result = transformation(data, options)
    metadata = options.get("metadata")
    return {**result, **metadata} if isinstance(result, dict) and isinstance(metadata, dict) else result


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
    # Whoever reads the catalogue of step types would load it.
    from workflow_engine.steps.lexicon import INTENSIFIERS, NEGATIONS, NEGATIVE, POSITIVE

    for position, word in enumerate(words):
        sense = (word in POSITIVE) - (word in NEGATIVE)
        if sense:
            before = words[max(0, position - _REACH_OF_A_NEGATION) : position]
            negated = any(earlier in NEGATIONS or earlier.endswith("n't") for earlier in before)
            weight = 2 if before and before[-1] in INTENSIFIERS else 1
            yield word, -sense * weight if negated else sense * weight


TASKS: Final[Mapping[str, Processing]] = {
    "uppercase": _uppercase,
    "lowercase": _lowercase,
    "word_count": _word_count,
    "sentiment_analysis": _sentiment_analysis,
    "transform": _transform,
}

# --- the schemas ---

_OPTIONS: Final = object_schema(
    {
        "filter_key": property_schema(
            "Filter key", "filter: the field that is compared.", type="string", minLength=1, examples=["status"]
        ),
        "filter_value": property_schema(
            "Filter value",
            "filter: what the field must equal, any JSON value. Without it, the field must not be null.",
            examples=["paid"],
        ),
        "transformation": property_schema(
            "Transformation",
            "transform: what is done to all texts in the data.",
            enum=list(_TRANSFORMATIONS),
            default="identity",
        ),
        "metadata": property_schema(
            "Metadata",
            "Any JSON value; it stands in the output as `metadata`. transform: if it and the result are objects, "
            "its fields are merged into the result, too.",
            examples=[{"source": "shop"}],
        ),
    },
    title="Options",
    description="Settings of the processing type.",
    examples=[{"filter_key": "status", "filter_value": "paid"}],
)

_WORDS: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_ORIGINAL: Final = property_schema("Original data", "What was processed.")
_NUMBER_OF_WORDS: Final = property_schema("Words", "How many words there are.", type="integer", minimum=0)
RESULTS: Final[Mapping[str, Schema]] = {
    "count": output_schema({"count": property_schema("Count", "How many there are.", type="integer", minimum=0)}),
    "word_count": output_schema(
        {
            "word_count": _NUMBER_OF_WORDS,
            "character_count": property_schema(
                "Characters", "Those that are not white space.", type="integer", minimum=0
            ),
            "text_length": property_schema("Length", "All characters of all texts.", type="integer", minimum=0),
            "original_data": _ORIGINAL,
        }
    ),
    "sentiment_analysis": output_schema(
        {
            "sentiment": property_schema("Sentiment", "By the score.", enum=["positive", "negative", "neutral"]),
            "confidence": property_schema(
                "Confidence", "Share of the judged words' weight on one side.", type="number", minimum=0.5, maximum=1
            ),
            "score": property_schema("Score", "From bad to good.", type="number", minimum=-1, maximum=1),
            "positive_indicators": property_schema("Good", "How many good words.", type="integer", minimum=0),
            "negative_indicators": property_schema("Bad", "How many bad words.", type="integer", minimum=0),
            "positive_words": property_schema("Good words", "In order.", **_WORDS),
            "negative_words": property_schema("Bad words", "In order.", **_WORDS),
            "word_count": _NUMBER_OF_WORDS,
            "original_data": _ORIGINAL,
        }
    ),
}
"""Of processing types whose result has a form of its own, that form."""

DATA_PROCESSING: Final = StepType(
    name="data_processing",
    description="Works on data: passes it on, counts, filters, changes case, counts words, judges sentiment.",
    config_schema=object_schema(
        {
            "processing_type": property_schema(
                "Processing type",
                "What is done with the data.",
                default=DEFAULT_PROCESSING_TYPE,
                enum=[
                    "identity",
                    "passthrough",
                    "uppercase",
                    "lowercase",
                    "count",
                    "word_count",
                    "filter",
                    "sentiment_analysis",
                    "transform",
                ],
            ),
            "options": _OPTIONS,
        },
        # A filter without a key would let everything pass, which nobody means who writes "filter".
        **{
            "if": {"properties": {"processing_type": {"const": "filter"}}, "required": ["processing_type"]},
            "then": {"properties": {"options": {"required": ["filter_key"]}}, "required": ["options"]},
        },
    ),
    output_schema=output_schema(
        {
            "result": property_schema("Result", "What the processing gave; its shape depends on the processing type."),
            "processing_type": property_schema("Processing type", "As configured.", type="string"),
            "processed_at": TIMESTAMP,
            "success": SUCCESS,
            "metadata": property_schema("Metadata", "`options.metadata`, when that was given."),
        },
        optional=["metadata"],
        allOf=[
            {
                "if": {"properties": {"processing_type": {"const": name}}},
                "then": {"properties": {"result": result}},
            }
            for name, result in RESULTS.items()
        ],
    ),
    lower=_lower,
    needs_input=True,
    known_output=_known_output,
)
