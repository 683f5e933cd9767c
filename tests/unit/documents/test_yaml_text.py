"""YAML 1.2 as JSON values: what is read, and what is refused because readers of YAML differ on it or JSON has no word for it."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.documents.limits import MAX_DEPTH, MAX_DOCUMENT_BYTES
from workflow_engine.documents.yaml_text import MAX_VALUES, parse_yaml
from workflow_engine.errors import MalformedYamlError, PayloadTooLargeError


def refused(text: str) -> tuple[tuple[int, int] | None, str]:
    """The line and column, and the sentence."""
    with pytest.raises(MalformedYamlError) as error:
        parse_yaml(text)
    assert error.value.detail.endswith(error.value.sentence)
    return error.value.place, error.value.sentence


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *((text, text) for text in ("yes", "no", "on", "off", "NO", "y", "n", "Yes", "OFF")),
        *((text, text) for text in ("2024-01-01", "2024-01-01T10:00:00Z", "12:30:45", "190:20:30")),
        *((text, text) for text in ("arn:aws:iam::12:role/x", "1_000", "0b101", "1,000")),
        *((text, text) for text in ("1.2.3", "0o8", "0xg", "1e", "e1", "+", ".", "1e+", "a.b", "--1", "۱", "=")),
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, text) for text in ("nULL", "tRUE", "None", "nil")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("-12", -12),
        ("0o17", 15),
        ("0x1F", 31),
        ("9007199254740993", 2**53 + 1),
        ("1.10", 1.1),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e1", -5.0),
        ("1e3", 1000.0),
        ("-0.0", -0.0),
        ("0.5", 0.5),
        ("0e1", 0.0),
        ("'1'", "1"),
        ('"true"', "true"),
        ('"\\x41\\u00e9\\U0001f600\\/"', "Aé😀/"),
        ("http://example.com/a#b", "http://example.com/a#b"),
        ("text # and a remark", "text"),
    ],
)  # fmt: skip
def test_a_scalar_is_what_the_core_schema_says(scalar: str, value: Any) -> None:
    for read in (parse_yaml(f"a: {scalar}\n")["a"], parse_yaml(f"- {scalar}\r\n- 1")[0], parse_yaml(f"--- {scalar}")):
        assert (read, type(read), str(read)) == (value, type(value), str(value))


@pytest.mark.parametrize(
    ("scalar", "told"),
    [
        *((text, "is not a JSON number") for text in (".nan", ".NaN", ".inf", "-.Inf", "+.INF")),
        *((text, "begins with a zero") for text in ("0755", "007", "-01", "00", "01299", "065115117704", "08", "00.5", "+01e3")),
        *((text, "larger than a double") for text in ("1e999", "-1e400", "1" * 310, "0x" + "f" * 300, "0o" + "7" * 400)),
        *((text, "Tags such as") for text in ("!Ref a", "!!python/object/apply:os.system [ls]", "!!str 1", "! a", "!!binary aGk=")),
        *((text, "Tags such as") for text in ("!<tag:yaml.org,2002:str> a", "&x !!int 1", "!!int &x 1")),
    ],
)  # fmt: skip
def test_a_value_that_is_no_json_or_read_in_two_ways_is_refused_where_it_stands(scalar: str, told: str) -> None:
    place, sentence = refused(f"b: 1\na: {scalar}\n")
    assert told in sentence
    assert place == (2, 4)


def test_a_number_with_a_leading_zero_is_told_in_every_way_that_it_could_be_meant() -> None:
    assert refused("mode: 0755")[1].endswith('Write "0755" for a text, 755 for a number, 0o755 for a number of base 8.')
    assert refused("zip: 01299")[1].endswith('Write "01299" for a text, 1299 for a number.')
    assert refused("x: -00.5")[1].endswith('Write "-00.5" for a text, -0.5 for a number.')


@pytest.mark.parametrize(
    "text", ["a:", "a: ", "a:\n", "a :\n", "{a: }", '{"a":}', "? a\n:", "a: # later", "a: ~", "{a: , }"]
)
def test_a_key_without_a_value_is_null(text: str) -> None:
    assert parse_yaml(text) == {"a": None}


def test_texts_of_several_lines_keep_or_fold_their_breaks_and_end_as_they_say() -> None:
    text = 'kept: |\n  a\n   b\nfolded: >-\n  a\n  b\nplain: a\n  b\nquoted: "a\n\n  b"\nchomped: |+\n  a\n\n'
    read = parse_yaml(text)
    assert read == {"kept": "a\n b\n", "folded": "a b", "plain": "a b", "quoted": "a\nb", "chomped": "a\n\n"}


def test_a_line_ends_in_a_line_feed_whatever_it_ended_with() -> None:
    assert parse_yaml("a: |\r\n  x\r\n  y\r\nb: 1\r\n") == {"a": "x\ny\n", "b": 1}


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("1", 'A key is a text, and 1 without quotes is none. Write "1".'),
        ("1.10", 'A key is a text, and 1.10 without quotes is none. Write "1.10".'),
        ("true", 'A key is a text, and true without quotes is none. Write "true".'),
        ("~", 'A key is a text, and ~ without quotes is none. Write "~".'),
        ("0755", 'A key is a text, and 0755 without quotes is none. Write "0755".'),
        ("? [a]\n", "A key is a text, not a list."),
        ("? {a: b}\n", "A key is a text, not an object."),
        ("? \n", "A key is missing before the colon."),
        ("<<", "YAML 1.2 has no merge key <<."),
    ],
)
def test_a_key_is_a_text(key: str, told: str) -> None:
    assert refused(f"{key}: x")[1].startswith(told)


@pytest.mark.parametrize(
    "key", ["on", "no", "2024-01-01", '"1"', "'<<'", '"true"', "a b", "1_0", "a:b", '""', "? long key\n"]
)
def test_any_text_is_a_key(key: str) -> None:
    (read,) = parse_yaml(f"{key}: x")
    assert read == key.removeprefix("? ").strip("\n\"'")


def test_a_key_that_stands_twice_is_told_with_both_places() -> None:
    assert refused("a: 1\nb:\n  c: 1\n  d: 2\n  'c': 3\n") == (
        (5, 3),
        "The key 'c' stands twice in one object, first at line 3, column 3. Remove one.",
    )
    assert refused("x: {a: 1, a: 2}")[0] == (1, 11)


def test_an_alias_repeats_a_value_and_is_a_value_of_its_own() -> None:
    read = parse_yaml("a: &x {b: [1]}\nc: *x\nd: &k k\n*k : 1\n")
    assert read == {"a": {"b": [1]}, "c": {"b": [1]}, "d": "k", "k": 1}
    read["c"]["b"].append(2)
    assert read["a"] == {"b": [1]}


def test_a_name_that_is_given_again_names_the_later_value() -> None:
    assert parse_yaml("[&x 1, *x, &x 2, *x]") == [1, 1, 2, 2]


def bomb(levels: int, times: int) -> str:
    lines = [f"a: &a [{','.join('x' * times)}]"]
    for level in range(levels):
        before, name = (chr(ord("a") + level + i) for i in (0, 1))
        lines.append(f"{name}: &{name} [{','.join(['*' + before] * times)}]")
    return "\n".join(lines)


def test_what_is_repeated_has_a_bound() -> None:
    text = bomb(8, 9)
    assert len(text) < 400
    place, sentence = refused(text)
    assert sentence == f"Written out, what is repeated by * makes more than {MAX_DOCUMENT_BYTES:,} bytes."
    assert place is not None
    assert place[0] < 9
    assert len(parse_yaml(bomb(2, 9))["c"]) == 9


def test_a_long_text_that_is_repeated_counts_as_long() -> None:
    text = f"- &x {'a' * 100_000}\n" + "- *x\n" * 50
    assert "Written out" in refused(text)[1]


def test_repeated_values_are_no_way_around_the_limit_of_depth() -> None:
    half = MAX_DEPTH // 2
    text = f"- &x {'[' * half}{']' * half}\n- {'[' * half}*x{']' * half}\n"
    assert "nested too deeply" in refused(text)[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &a [*a]", "*a stands within what it names."),
        ("a: &a {b: *a}", "*a stands within what it names."),
        ("- *b\n- &b 1", "*b names nothing"),
        ("a: 1\n---\nb: 2\n", "A second document begins here."),
        ("---\na: 1\n---\n", "A second document begins here."),
        ("%YAML 1.1\n---\na: no\n", "YAML 1.1 reads texts such as 'no' as other values."),
        ("%YAML 1.3\n---\na: no\n", "The document is said to be of another version."),
        ("%TAG !e! tag:example.com,2000:\n---\na: 1\n", "Tags have no meaning here."),
        ("# nothing\n", "The document is empty"),
        ("---\n...\n---\n", "A second document begins here."),
        ("a: \x07", "The character U+0007 may not stand in a document."),
        ("a: \x7f", "The character U+007F may not stand in a document."),
        ("a: \ud800", "The character U+D800 may not stand in a document."),
        ('a: "x\x85y"', "The character U+0085 may not stand in a document."),
        ("a: x\u2028y", "The character U+2028 may not stand in a document."),
        ('a: "\\ud800"', "This escape is no character"),
        ("- " * (MAX_DEPTH + 1), "nested too deeply"),
        ("a: " + "[" * MAX_DEPTH, "nested too deeply"),
        ("{a: " * 100_000, "nested too deeply"),
    ],
)
def test_what_a_document_may_not_have(text: str, told: str) -> None:
    assert told in refused(text)[1]


def test_a_document_as_deep_as_a_json_body_is_read() -> None:
    assert parse_yaml("- " * MAX_DEPTH + "x") is not None


def test_a_document_larger_than_a_body_is_refused() -> None:
    with pytest.raises(PayloadTooLargeError):
        parse_yaml("# " + "x" * MAX_DOCUMENT_BYTES)


def test_more_values_than_a_request_has_time_for_are_refused_unless_they_are_json() -> None:
    with pytest.raises(PayloadTooLargeError, match="Send it as JSON"):
        parse_yaml("- \n" * (MAX_VALUES + 1))
    assert len(parse_yaml("[" + "1," * MAX_VALUES + "1]")) == MAX_VALUES + 1


@pytest.mark.parametrize(
    "text", ["%YAML 1.2\n---\na: no\n", "---\na: no\n...\n", "# w\n\na: no # really", "\ufeffa: no"]
)
def test_what_may_stand_around_a_document(text: str) -> None:
    assert parse_yaml(text) == {"a": "no"}


def test_json_is_yaml_with_surrogate_pairs_long_keys_tabs_and_no_spaces() -> None:
    key = "k" * 5_000
    text = f'{{"{key}":"\\ud83d\\ude00",\n\t"b":[1,\t2.5,{{"<<":null}}]}}'
    assert parse_yaml(text) == {
        key: "😀",
        "b": [1, 2.5, {"<<": None}],
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_mapping", "a.data.text"),
        ("input_mapping", 'a.data["any key"][0].x[*].y'),
        ("conditions", "a.score >= 0.5 and not (a.status == 'failed' or input.skip in [true, 'yes'])"),
        ("conditions", 'a.items[-1].name starts_with "x"'),
        ("for_each", "variables.names"),
        ("template", "Hi {{ a.name }}, {{{k}}} {{ uuid }}"),
        ("expression", '$sum($ref("a.xs")) / 2 & "x"'),
        ("expression", "$states.x ? 1 : 2"),
        ("expression", "(1 + 2) * 3"),
        ("expression", "${a.b}"),
    ],
)
def test_references_conditions_and_expressions_need_no_quotes(name: str, value: str) -> None:
    if ": " in value:
        assert "must stand in quotes" in refused(f"{name}: {value}")[1]
    else:
        assert parse_yaml(f"steps:\n  - {name}: {value}\n") == {"steps": [{name: value}]}
