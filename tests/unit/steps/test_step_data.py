"""The Lambda of the built-in data steps, called as Step Functions calls it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given

from functions.step_data.handler import handler
from tests.unit.steps.json_values import JSON
from workflow_engine.sdk import InvalidStepInput, StepOutputError


def run(processing_type: str, data: Any, **options: Any) -> Any:
    config = {"processing_type": processing_type, **({"options": options} if options else {})}
    return call("data_processing", config, {"input": data})["result"]


def call(step_type: str, config: Any, input_data: Any) -> Any:
    event = {
        "step_config": {"step_id": "s", "step_type": step_type, "config": config},
        "input_data": input_data,
        "execution_context": {"execution_id": "e", "step_id": "s", "attempt": 0, "user_context": {"tenant_id": "t"}},
    }
    return handler(event, None)


def test_upper_casing_a_greeting_gives_the_output_of_a_step() -> None:
    config = {"processing_type": "uppercase"}
    output = call("data_processing", config, {"input": {"message": "Hello, World!"}})

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", output.pop("processed_at"))
    assert output == {"result": {"message": "HELLO, WORLD!"}, "processing_type": "uppercase", "success": True}


def test_case_changes_reach_nested_texts_but_not_keys() -> None:
    data = {"Key": ["aB", {"Other": "cD", "n": 1}], "none": None, "yes": True}

    assert run("uppercase", data) == {"Key": ["AB", {"Other": "CD", "n": 1}], "none": None, "yes": True}
    assert run("lowercase", data) == {"Key": ["ab", {"Other": "cd", "n": 1}], "none": None, "yes": True}


def test_case_changes_know_the_whole_of_unicode() -> None:
    assert run("uppercase", "straße ñ") == "STRASSE Ñ"
    assert run("lowercase", "ÅÉ") == "åé"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("Hello, wide  world!\n", 3),
        ("", 0),
        (None, 0),
        (12, 0),
        ({"a": "one two", "b": ["three", {"c": "four"}]}, 4),
    ],
)
def test_word_count_counts_the_words_of_all_texts(data: object, words: int) -> None:
    assert run("word_count", data)["word_count"] == words


def test_word_count_measures_all_texts_and_repeats_the_data() -> None:
    data = {"a": "Hello,  world\n", "b": ["é😀", 12]}

    assert run("word_count", data) == {
        "word_count": 3,
        "character_count": 13,
        "text_length": 16,
        "original_data": data,
    }


@pytest.mark.parametrize(
    ("text", "sentiment", "score"),
    [
        ("This is a wonderful, excellent product!", "positive", 1.0),
        ("Terrible. I hate it.", "negative", -1.0),
        ("The parcel arrived on Tuesday.", "neutral", 0.0),
        ("Good food, slow service.", "neutral", 0.0),
        ("It is not good.", "negative", -1.0),
        ("It wasn’t a bad idea.", "positive", 1.0),
        ("Very good, but slow.", "positive", 0.3333),
        ("", "neutral", 0.0),
    ],
)
def test_sentiment_weighs_the_words_of_its_lexicon(text: str, sentiment: str, score: float) -> None:
    result = run("sentiment_analysis", {"review": text})

    assert (result["sentiment"], result["score"]) == (sentiment, score)


def test_sentiment_says_which_words_it_judged_by() -> None:
    assert run("sentiment_analysis", ["I love it.", "No problem, just slow"]) == {
        "sentiment": "positive",
        "confidence": 0.6667,
        "score": 0.3333,
        "positive_indicators": 2,
        "negative_indicators": 1,
        "positive_words": ["love", "problem"],
        "negative_words": ["slow"],
        "word_count": 7,
        "original_data": ["I love it.", "No problem, just slow"],
    }


@pytest.mark.parametrize(
    ("data", "metadata", "result"),
    [
        ({"a": "x", "b": 1}, {"b": 2, "source": "crm"}, {"a": "x", "b": 2, "source": "crm"}),
        ({"a": "x"}, "crm", {"a": "x"}),
        (["x"], {"source": "crm"}, ["x"]),
    ],
)
def test_transform_merges_metadata_into_an_object(data: Any, metadata: Any, result: Any) -> None:
    assert run("transform", data, metadata=metadata) == result


@pytest.mark.parametrize(
    ("options", "result"),
    [
        ({}, {"a": ["Bc"]}),
        ({"transformation": "identity"}, {"a": ["Bc"]}),
        ({"transformation": "uppercase"}, {"a": ["BC"]}),
        ({"transformation": "lowercase"}, {"a": ["bc"]}),
    ],
)
def test_transform_does_what_its_options_say(options: dict[str, Any], result: object) -> None:
    assert run("transform", {"a": ["Bc"]}, **options) == result


def test_metadata_stands_beside_the_result() -> None:
    config = {"processing_type": "transform", "options": {"metadata": {"source": "crm"}}}

    assert call("data_processing", config, {"input": "x"})["metadata"] == {"source": "crm"}


def test_all_of_the_input_is_processed_when_it_has_several_keys() -> None:
    config = {"processing_type": "uppercase"}
    output = call("data_processing", config, {"input": "a", "data": "b"})

    assert output["result"] == {"input": "A", "data": "B"}


@pytest.mark.parametrize("processing_type", ["uppercase", "lowercase", "word_count", "sentiment_analysis", "transform"])
@given(data=JSON)
def test_any_json_can_be_processed(processing_type: str, data: Any) -> None:
    assert call("data_processing", {"processing_type": processing_type}, {"data": data})["success"] is True


@pytest.mark.parametrize(
    ("step_type", "config"),
    [
        ("ocr", {}),
        ("merge", {}),
        ("data_processing", {}),
        ("data_processing", {"processing_type": "filter", "options": {"filter_key": "a"}}),
        ("data_processing", {"processing_type": "reverse"}),
        ("data_processing", {"processing_type": "transform", "options": {"transformation": "reverse"}}),
    ],
)
def test_what_it_cannot_do_is_an_error_with_a_name(step_type: str, config: dict[str, Any]) -> None:
    with pytest.raises(InvalidStepInput):
        call(step_type, config, {})


def test_data_nested_too_deeply_is_an_error_with_a_name() -> None:
    data: list[Any] = []
    for _ in range(5_000):
        data = [data]

    with pytest.raises(InvalidStepInput, match="nested too deeply"):
        run("uppercase", data)


def test_importing_the_handler_loads_no_heavy_package_no_other_step_type_and_no_stage_of_the_compiler() -> None:
    heavy = {"boto3", "pydantic", "aws_lambda_powertools", "jsonschema", "jlens"}
    ours = {f"workflow_engine.{name}" for name in ("steps.catalogue", "steps.agent", "compiler.lower", "compiler.asl")}
    program = f"import sys, functions.step_data.handler; print(sorted({heavy | ours} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(JSON)
def test_an_output_that_fits_its_schema_comes_back_as_it_is(value: Any) -> None:
    assert call("output_check", {"output_schema": {}}, {"output": value}) == value


def test_an_output_that_does_not_fit_its_schema_fails_and_is_told_by_place_and_rule() -> None:
    config = {"output_schema": {"properties": {"score": {"type": "integer"}}}}
    with pytest.raises(StepOutputError, match="/score: type 'integer'"):
        call("output_check", config, {"output": {"score": "three"}})
