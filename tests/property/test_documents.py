"""JSON values written as YAML and JSON are read as they were, and each is found where it stands."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.json_strategies import TEXTS, places
from tests.support.yaml_dumper import dumped
from workflow_engine.documents.json_places import json_places
from workflow_engine.documents.json_text import parse_json
from workflow_engine.documents.places import Lines, find
from workflow_engine.documents.yaml_text import parse_yaml, read_yaml
from workflow_engine.errors import MalformedDocumentError
from workflow_engine.language.diagnostics import pointer

# Keys that begin with a space of Unicode are refused, since they are an indentation that was meant.
ALPHABET = st.characters(
    exclude_categories=("Cs", "Cc", "Zs"), exclude_characters="\u2028\u2029\ufeff\ufffe\uffff", include_characters=" "
)
TRICKY = st.sampled_from(
    ["", "~", "null", "true", "NO", "off", "1", "1.0", "0755", "1e3", "0o7", "0x1f", ".inf", ".nan", "<<", "- a", "a: b", "a #b",
     "#", "?", "? a", "*a", "&a", "!a", "%a", "@a", "`a", "{{ a }}", "[a", "a]", "'", '"', "\\", "a\nb", "a\n\nb\n", "\n", " a ",
     "\ta", "a\n b", "---", "...", "|", ">", "=", "2024-01-01", "12:30:45", "1_000", "😀", "a\\nb", "a,b", "{", "}"]
)  # fmt: skip
TEXT = st.one_of(TRICKY, st.text(ALPHABET, max_size=12), TEXTS.filter(lambda t: t.isprintable() and "\ud800" not in t))
NUMBERS = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([10**308, 2**53 + 1, 1e22, -0.0])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=25,
)
STYLES = st.sampled_from([None, "'", '"', "|", ">"])


@st.composite
def written(draw: st.DrawFn) -> tuple[Any, str]:
    """A value and a YAML text of it."""
    value = draw(VALUES)
    text = dumped(
        value,
        lambda _: draw(STYLES),
        default_flow_style=draw(st.sampled_from([True, False, None])),
        width=draw(st.sampled_from([20, 80, 10_000])),
        indent=draw(st.sampled_from([2, 4, 7])),
        allow_unicode=draw(st.booleans()),
        explicit_start=draw(st.booleans()),
        explicit_end=draw(st.booleans()),
        line_break=draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    return value, text


def same(one: Any, other: Any) -> bool:
    """Equal to the type and sign of every number."""
    return repr(one) == repr(other)


@given(written())
def test_what_is_written_as_yaml_in_any_style_is_read_as_it_was(case: tuple[Any, str]) -> None:
    value, text = case
    assert same(parse_yaml(text), value), text


@given(VALUES, st.sampled_from([None, 0, 1, 3]), st.sampled_from([(", ", ": "), (",", ":")]))
def test_a_json_text_means_the_same_to_both_readers(
    value: Any, indent: int | None, separators: tuple[str, str]
) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    assert same(parse_json(text), value)
    assert same(parse_yaml(text), value)
    assert same(parse_yaml(f"---\n{text}"), value), text  # by libyaml


@given(st.text(st.sampled_from("{}[]:,-?*&!|>'\"%@#~ab01. \n\t\\u_<=\u2028\r😀"), max_size=30))
@example("? - a\n: b")
@example("- &a\n- *a")
@example("&a a: *a")
@example("!")
@example("-\n-")
@example('"\\')
@example("\ufeff\ufeffa")
def test_any_text_is_a_json_value_or_refused_with_its_place(text: str) -> None:
    try:
        value, root = read_yaml(text)
    except MalformedDocumentError as error:
        refusal = error
    else:
        assert same(parse_json(json.dumps(value)), value)
        assert all(find(root, pointer(*place)).is_exact for place in places(value))
        return
    assert refusal.place is not None
    line, column = refusal.place
    assert 1 <= line <= len(text.splitlines()) + 1
    assert 1 <= column <= len(text) + 1
    assert "\n" not in refusal.detail


@given(VALUES, st.sampled_from([None, 0, 1, 3]))
def test_in_json_the_text_at_a_pointer_is_its_value_and_the_key_before_it_is_its_key(
    value: Any, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent)
    root = json_places(text)
    for place in places(value):
        found = find(root, pointer(*place))
        assert found.is_exact
        assert same(parse_json(text[found.value.start : found.value.end]), at(value, place))
        if place and isinstance(place[-1], str):
            assert found.key is not None
            assert json.loads(text[found.key.start : found.key.end]) == place[-1]


@given(written())
def test_in_yaml_the_text_at_a_pointer_is_its_value_and_the_key_before_it_is_its_key(case: tuple[Any, str]) -> None:
    value, text = case
    read, root = read_yaml(text)
    lines = Lines(text)
    for place in places(read):
        found = find(root, pointer(*place))
        start, end = found.value
        if start == end:
            assert at(value, place) is None
        elif text[start] not in "|>":  # what such a text is depends on how far its lines are indented beside others
            column = lines.position(start)[1]
            assert same(parse_yaml(" " * (column - 1) + text[start:end]), at(value, place)), (text, place)
        if place and isinstance(place[-1], str):
            assert found.key is not None
            assert parse_yaml(f"- {text[slice(*found.key)]}") == [place[-1]]


def at(value: Any, place: tuple[str | int, ...]) -> Any:
    for segment in place:
        value = value[segment]
    return value
