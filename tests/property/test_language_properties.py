"""Whatever JSON is posted, parsing gives a workflow or diagnostics that lead to their places."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.catalogue import fake_catalogue
from tests.support.editor_schema import OF_FAKES
from tests.support.json_strategies import FIELD_NAMES, JSON, TEXTS, full_workflow, places, replaced, resolve
from tests.support.reference_semantics import read_path
from workflow_engine.language import ParsedWorkflow, parse_workflow
from workflow_engine.language.condition_text import parse_condition_text
from workflow_engine.language.expressions import parse_expression
from workflow_engine.language.paths import value_at
from workflow_engine.language.reads import nested_steps, step_reads
from workflow_engine.language.references import MalformedTextError, make_reference, parse_reference, reference_text
from workflow_engine.language.regex import regex_literal
from workflow_engine.language.syntax import Step, Wildcard
from workflow_engine.language.templates import parse_template

CATALOGUE = fake_catalogue()
VALID = full_workflow()
PLACES = places(VALID)
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def check(document: Any) -> ParsedWorkflow:
    """Parse; every promise that holds for any document is checked."""
    parsed = parse_workflow(document, CATALOGUE)
    assert (parsed.workflow is None) == any(d.severity == "error" for d in parsed.diagnostics)
    for diagnostic in parsed.diagnostics:
        resolve(document, diagnostic.pointer)
        assert diagnostic.detail.endswith((".", "?")), diagnostic
        assert "pydantic" not in diagnostic.detail
        assert len(diagnostic.detail) < 1_000
    json.dumps([d.as_dict() for d in parsed.diagnostics], ensure_ascii=False).encode()
    return parsed


@given(JSON)
@relaxed
def test_any_json_gives_a_workflow_or_diagnostics(document: Any) -> None:
    check(document)


@given(st.sampled_from(PLACES), JSON)
@relaxed
def test_a_valid_workflow_with_one_value_replaced_gives_a_workflow_or_diagnostics(
    place: tuple[str | int, ...], value: Any
) -> None:
    document = replaced(VALID, place, value)
    parsed = check(document)
    if parsed.workflow is not None:
        assert OF_FAKES.is_valid(document), "the JSON Schema refuses what the language takes"
        for step in parsed.workflow.steps:
            check_reads(document, step)


@given(
    st.sampled_from([p for p in PLACES if isinstance(resolve(VALID, "".join(f"/{s}" for s in p)), dict)]),
    FIELD_NAMES,
    JSON,
)
@relaxed
def test_a_valid_workflow_with_one_field_more_gives_a_workflow_or_diagnostics(
    place: tuple[str | int, ...], name: str, value: Any
) -> None:
    node = resolve(VALID, "".join(f"/{segment}" for segment in place))
    check(replaced(VALID, place, {**node, name: value}))


@given(TEXTS.filter(lambda text: text != "\ud800"))
@relaxed
def test_texts_of_the_language_are_read_or_refused_with_a_code(text: str) -> None:
    for parse in (parse_reference, parse_template, parse_condition_text, parse_expression):
        try:
            parse(text)
        except MalformedTextError as error:
            assert error.code.startswith("WFE-E")  # noqa: PT017 - a text may be right or wrong, both are fine


@given(st.text(alphabet="ab.[]{}()/\\^$|?*+-,0123:%&xu\n é", max_size=12))
@relaxed
def test_a_pattern_becomes_a_literal_that_stands_in_an_expression_or_is_refused(pattern: str) -> None:
    import jlens

    try:
        literal = regex_literal(pattern)
    except ValueError:
        return
    assert "%}" not in literal
    # Behind the literal the expression goes on: nothing in the pattern ends it early or late.
    assert jlens.Expression(f'[$contains("", {literal}), "/ end"][1]').evaluate({}) == "/ end"


def check_reads(document: Any, step: Step) -> None:
    """Every read of a step leads to a place in the document."""
    for read in step_reads(step):
        resolve(document, read.pointer)
    for body in nested_steps(step):
        for inner in body:
            check_reads(document, inner)


@given(JSON, st.lists(st.one_of(FIELD_NAMES, st.integers(-2, 2), st.just(Wildcard())), max_size=4))
@relaxed
def test_a_path_reads_the_same_before_the_run_as_in_the_oracle(value: Any, path: list[Any]) -> None:
    found = value_at(value, tuple(path))
    assert found is (expected := read_path(value, path)) or found == expected


def test_paths_of_every_kind_are_read() -> None:
    value = {"a": [{"b": [1, 2]}, {"b": [3]}, 5, [{"b": [4]}]]}
    assert value_at(value, ("a", "b")) == [[1, 2], [3], None, [[4]]]
    assert value_at(value, ("a", Wildcard(), "b", 0)) == [1, 3, None, [4]]
    assert value_at(value, ("a", -1, 0, "b", -1)) == 4
    assert value_at(value, ("a", 9)) is value_at(value, (0,)) is value_at(None, (Wildcard(), "x")) is None


SEGMENTS = st.one_of(
    st.text(max_size=6), FIELD_NAMES, st.sampled_from(("status", "output", "error", "0", "12", "1e5")),
    st.integers(-20, 20), st.just(Wildcard()),
)  # fmt: skip
WORDS = st.sampled_from(("a", "my-step_2", "input", "variables", "item"))


@given(WORDS, st.lists(SEGMENTS, max_size=4))
@relaxed
def test_the_text_of_a_reference_reads_as_that_reference(word: str, path: list[Any]) -> None:
    try:
        reference = make_reference(word, path)
    except ValueError:
        return
    assert parse_reference(reference_text(reference)) == reference
