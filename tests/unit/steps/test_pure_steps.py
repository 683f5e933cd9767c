"""Pure steps compute in JSONata what the reference computes in Python, and never raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.steps.evaluation import ENTERED, STEP_ID, StepCase
from tests.unit.steps.json_values import DEPENDENCIES, JSON, KEYS, MAPPINGS, TEXTS
from tests.unit.steps.reference import expected_output, json_equal

FILTER_OPTIONS = st.fixed_dictionaries({"filter_key": KEYS}, optional={"filter_value": JSON, "metadata": JSON})
CONFIGS: dict[str, st.SearchStrategy[Mapping[str, Any]]] = {
    "data_processing": st.one_of(
        st.fixed_dictionaries(
            {},
            optional={"processing_type": st.sampled_from(["identity", "passthrough", "count"]), "options": st.just({})},
        ),
        st.fixed_dictionaries({"processing_type": st.just("filter"), "options": FILTER_OPTIONS}),
    ),
    "data_merge": st.fixed_dictionaries(
        {}, optional={"merge_strategy": st.sampled_from(["combine", "override", "list", "concatenate"])}
    ),
    "output": st.fixed_dictionaries({}, optional={"label": TEXTS, "format": TEXTS}),
    "merge": st.fixed_dictionaries(
        {},
        optional={
            "mode": st.sampled_from(["wait_all", "first_available"]),
            "combine_mode": st.sampled_from(["object", "array", "first"]),
        },
    ),
}


@pytest.mark.parametrize("step_type", CONFIGS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_pure_step_with_a_mapping_gives_what_the_reference_gives(step_type: str, data: st.DataObject) -> None:
    case = StepCase(step_type, data.draw(CONFIGS[step_type]), mapping=data.draw(MAPPINGS))

    assert case.output() == expected_output(step_type, case.config, case.input_data())


@pytest.mark.parametrize("step_type", ["data_processing", "data_merge"])
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_pure_step_without_a_mapping_works_on_the_completed_dependencies(step_type: str, data: st.DataObject) -> None:
    case = StepCase(step_type, data.draw(CONFIGS[step_type]), dependencies=data.draw(DEPENDENCIES))

    assert case.output() == expected_output(step_type, case.config, case.input_data())


@given(mapping=st.dictionaries(KEYS, JSON | st.lists(JSON) | st.floats(allow_nan=False, allow_infinity=False)))
def test_a_sum_is_the_same_in_jsonata_and_python_and_never_overflows(mapping: Mapping[str, Any]) -> None:
    case = StepCase("data_merge", {"merge_strategy": "sum"}, mapping=mapping)

    expected = expected_output("data_merge", case.config, mapping)["result"]["sum"]
    assert case.output()["result"] == {"sum": None if expected is None else pytest.approx(expected)}


def test_equality_in_the_reference_is_that_of_json() -> None:
    assert json_equal({"a": [1, None]}, {"a": [1.0, None]})
    assert not json_equal(1, True)
    assert not json_equal([0], [False])
    assert not json_equal({"a": None}, {})


@pytest.mark.parametrize(
    ("strategy", "sources", "result"),
    [
        ("combine", {"a": {"x": 1, "y": 1}, "b": {"y": 2}, "c": [1], "d": None}, {"x": 1, "y": 2, "c": [1]}),
        ("combine", {}, {}),
        ("override", {"a": {"x": 1, "y": 1}, "b": {"y": 2}, "c": None}, {"x": 1, "y": 2}),
        ("override", {"a": {"x": 1}, "b": [1]}, {"b": [1]}),
        ("override", {"a": [1], "b": {"x": 1}}, {"x": 1}),
        ("override", {"a": 1, "b": "two", "c": None}, {"b": "two"}),
        ("override", {"a": 0}, {"a": 0}),
        ("override", {}, {}),
        ("list", {"a": [1], "b": None}, {"merged_data": [[1], None]}),
        ("list", {"a": [1]}, {"merged_data": [[1]]}),
        ("concatenate", {"a": "Hello, ", "b": "World!"}, {"concatenated_text": "Hello, World!"}),
        ("concatenate", {"a": [1], "b": [[2]], "c": None, "d": "x"}, {"merged_data": [1, [2], "x"]}),
        ("concatenate", {"a": []}, {"merged_data": []}),
        ("sum", {"a": 1, "b": [2, "3", None, [9]], "c": {"x": 4.5, "y": True}, "d": "x"}, {"sum": 7.5}),
        ("sum", {}, {"sum": 0}),
        ("sum", {"a": 1e308, "b": 1e308}, {"sum": None}),
    ],
)
def test_each_merge_strategy_gives_what_its_description_says(
    strategy: str, sources: dict[str, Any], result: object
) -> None:
    output = StepCase("data_merge", {"merge_strategy": strategy}, mapping=sources).output()

    assert output == {
        "result": result,
        "merge_strategy": strategy,
        "sources": list(sources),
        "merged_at": ENTERED,
        "success": True,
    }


@pytest.mark.parametrize(
    ("data", "count"),
    [([], 0), ([[]], 1), ([None, 1], 2), ({}, 0), ({"a": 1}, 1), ("", 0), ("a😀", 2), (None, 0), (False, 1), (7, 1)],
)
def test_count_counts_elements_keys_or_characters(data: object, count: int) -> None:
    assert StepCase("data_processing", {"processing_type": "count"}, mapping={"input": data}).output() == {
        "result": {"count": count},
        "processing_type": "count",
        "processed_at": ENTERED,
        "success": True,
    }


@pytest.mark.parametrize(
    ("options", "data", "result"),
    [
        ({"filter_key": "a", "filter_value": 1}, [{"a": 1}, {"a": True}, {"a": 2}, {}, 1, [1]], [{"a": 1}]),
        ({"filter_key": "a", "filter_value": {"x": [1]}}, [{"a": {"x": [1]}}, {"a": {"x": 1}}], [{"a": {"x": [1]}}]),
        ({"filter_key": "a", "filter_value": None}, [{"a": None}, {"b": 1}, {"a": 1}], [{"a": None}, {"b": 1}]),
        ({"filter_key": "a"}, [{"a": None}, {"a": False}, {}], [{"a": False}]),
        ({"filter_key": "constructor"}, [{}], []),
        ({"filter_key": "a", "filter_value": 1}, {"a": 1, "b": 2}, {"a": 1}),
        ({"filter_key": "a", "filter_value": 1}, {"a": 2}, {}),
        ({"filter_key": "a", "filter_value": None}, {"b": 2}, {}),
        ({"filter_key": "a"}, {"a": [None], "b": 1}, {"a": [None]}),
        ({"filter_key": "a"}, {"a": None, "b": 1}, {"a": None}),
        ({"filter_key": "a"}, {"b": 1}, {}),
        ({"filter_key": "a"}, {}, {}),
        ({"filter_key": "a", "filter_value": 1}, "a", None),
        ({"filter_key": "a", "filter_value": 1}, [], []),
    ],
)
def test_filter_keeps_objects_whose_field_matches_and_of_an_object_that_field(
    options: dict[str, Any], data: object, result: object
) -> None:
    config = {"processing_type": "filter", "options": options}

    assert StepCase("data_processing", config, mapping={"data": data}).output()["result"] == result


def test_metadata_of_the_options_stands_in_the_output() -> None:
    config = {"processing_type": "identity", "options": {"metadata": {"source": ["crm"]}}}

    assert StepCase("data_processing", config).output()["metadata"] == {"source": ["crm"]}


@pytest.mark.parametrize(
    ("mapping", "data"),
    [
        ({"input": [1]}, [1]),
        ({"data": None}, None),
        ({"input": 1, "data": 2}, {"input": 1, "data": 2}),
        ({"text": "x"}, {"text": "x"}),
        ({}, {}),
    ],
)
def test_a_step_works_on_input_or_data_only_when_nothing_else_is_mapped(mapping: dict[str, Any], data: object) -> None:
    assert StepCase("output", {"label": "Result", "format": "text"}, mapping=mapping).output() == {
        "step_id": STEP_ID,
        "label": "Result",
        "format": "text",
        "data": data,
        "success": True,
    }


def test_a_dependency_called_data_is_unwrapped_only_when_it_is_the_only_one_that_completed() -> None:
    assert StepCase("output", dependencies={"data": ([1],), "other": None}).output()["data"] == [1]
    assert StepCase("output", dependencies={"data": (1,), "other": (2,)}).output()["data"] == {"data": 1, "other": 2}


@pytest.mark.parametrize("given", [{"result": [1]}, {"data": 1}, [[1]], "text", None])
def test_an_output_with_one_dependency_hands_on_what_that_gave(given: Any) -> None:
    assert StepCase("output", dependencies={"only": (given,)}).output()["data"] == given


def test_an_output_whose_one_dependency_did_not_complete_has_no_data() -> None:
    assert StepCase("output", dependencies={"only": None}).output()["data"] is None


def test_an_output_with_two_dependencies_names_them_also_when_one_alone_completed() -> None:
    assert StepCase("output", dependencies={"a": (1,), "b": None}).output()["data"] == {"a": 1}


@pytest.mark.parametrize(
    ("run_input", "data"),
    [
        ({STEP_ID: [1], "other": 2}, [1]),
        ({STEP_ID: None, "other": 2}, None),
        ({"other": 2}, {"other": 2}),
        ({}, {}),
        ([STEP_ID], [STEP_ID]),
        (STEP_ID, STEP_ID),
        (None, None),
    ],
)
def test_an_input_step_gives_its_own_entry_of_the_runs_input_where_there_is_one(run_input: Any, data: Any) -> None:
    assert StepCase("input", run_input=run_input).output() == {"kind": "json", "data": data}


def test_a_static_input_without_data_is_an_empty_object() -> None:
    assert StepCase("data_input").output()["data"] == {}
    assert StepCase("data_input", {"data": None}).output()["data"] is None
