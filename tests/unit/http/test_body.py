from __future__ import annotations

import base64

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tests.support.http_events import request
from workflow_engine.documents.json_text import parse_json
from workflow_engine.documents.limits import MAX_DEPTH
from workflow_engine.errors import MalformedJsonError, MalformedYamlError, PayloadTooLargeError
from workflow_engine.http.body import MAX_BODY_BYTES, YAML_TYPES, json_body


def posted(body: str | None, *, is_base64: bool = False, content_type: str | None = None) -> APIGatewayProxyEventV2:
    headers = {} if content_type is None else {"content-type": content_type}
    return APIGatewayProxyEventV2(request("POST", "/workflows", body=body, is_base64=is_base64, headers=headers))


def test_a_body_is_read_as_json() -> None:
    assert json_body(posted('{"a": [1, 2.5, null, "ä"]}')) == {"a": [1, 2.5, None, "ä"]}


def test_a_body_in_base64_is_decoded_first() -> None:
    text = base64.b64encode('{"a": "ä"}'.encode()).decode()
    assert json_body(posted(text, is_base64=True)) == {"a": "ä"}


@pytest.mark.parametrize("body", [None, "", "  \n"])
def test_an_absent_body_is_an_error_unless_it_has_a_meaning(body: str | None) -> None:
    assert json_body(posted(body), when_empty={}) == {}
    with pytest.raises(MalformedJsonError, match="no body"):
        json_body(posted(body))


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("{not json", "line 1, column 2"),
        ('{"a": 1,\n "b": }', "line 2, column 7"),
        ("{} {}", "line 1, column 4"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ("[1e999]", "larger than a double"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', 'member "c" twice'),
        ('"\\ud800"', "surrogate"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5_000, "larger than a double"),
        ('{"a": [-' + "9" * 309 + "]}", "larger than a double"),
        ("\ufeff{}", "BOM"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(text: str, detail: str) -> None:
    with pytest.raises(MalformedJsonError, match=detail):
        parse_json(text)


def test_a_whole_number_that_a_double_can_hold_and_digits_in_a_text_are_read() -> None:
    whole, text = 10**308, "9" * 400
    assert parse_json(f'[{whole}, "{text}", {2**53 + 1}]') == [whole, text, 2**53 + 1]


@pytest.mark.parametrize("around", [("[", "]"), ('{"a":', "}"), ('[1,{"b":[', "]}]")])
def test_nesting_has_a_limit_that_does_not_depend_on_who_reads(around: tuple[str, str]) -> None:
    opening, closing = around
    levels = opening.count("[") + opening.count("{")
    times = MAX_DEPTH // levels
    text = opening * times + "1" + closing * times
    assert parse_json(text) is not None
    for deeper in (MAX_DEPTH - times * levels + 1, 700):
        with pytest.raises(MalformedJsonError, match=f"more than {MAX_DEPTH} levels"):
            parse_json("[" * deeper + text + "]" * deeper)


def test_brackets_beside_each_other_or_in_a_string_are_no_nesting() -> None:
    assert parse_json("[" + "[]," * 1000 + "{}]")[-1] == {}
    assert parse_json('"' + "[" * 1000 + '"') == "[" * 1000


def test_escaped_characters_beyond_the_basic_plane_are_read() -> None:
    assert parse_json(r'"\ud83d\ude00"') == "😀"


@pytest.mark.parametrize("body", [base64.b64encode(b"\xff\xfe{}").decode(), "not base64!"])
def test_a_body_that_is_no_utf_8_is_refused(body: str) -> None:
    with pytest.raises(MalformedJsonError, match="UTF-8"):
        json_body(posted(body, is_base64=True))


@pytest.mark.parametrize("is_base64", [True, False])
@pytest.mark.parametrize("excess", [1, MAX_BODY_BYTES])
def test_a_body_over_the_limit_is_too_large(is_base64: bool, excess: int) -> None:
    content = b'"' + b"a" * (MAX_BODY_BYTES - 2 + excess) + b'"'
    body = base64.b64encode(content).decode() if is_base64 else content.decode()
    with pytest.raises(PayloadTooLargeError):
        json_body(posted(body, is_base64=is_base64))


def test_a_body_at_the_limit_is_read() -> None:
    assert len(json_body(posted('"' + "a" * (MAX_BODY_BYTES - 2) + '"'))) == MAX_BODY_BYTES - 2


def test_the_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(PayloadTooLargeError):
        json_body(posted('"' + "ä" * (MAX_BODY_BYTES // 2) + '"'))


YAML = "a: [1, 2.5, null, ä]\nb: no  # a text\n"


@pytest.mark.parametrize(
    "content_type",
    [*YAML_TYPES, "Application/YAML; charset=utf-8", "application/vnd.acme+yaml", "TEXT/YAML ;charset=UTF-8"],
)
def test_a_body_whose_type_says_so_is_yaml(content_type: str) -> None:
    encoded = base64.b64encode(YAML.encode()).decode()
    for event in (
        posted(YAML, content_type=content_type),
        posted(encoded, is_base64=True, content_type=content_type),
    ):
        assert json_body(event) == {"a": [1, 2.5, None, "ä"], "b": "no"}


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "application/yamlish", "yaml"])
def test_any_other_body_is_json(content_type: str | None) -> None:
    with pytest.raises(MalformedJsonError, match=r"This looks like YAML"):
        json_body(posted(YAML, content_type=content_type))


def test_a_body_of_yaml_has_the_limits_of_one_of_json() -> None:
    assert json_body(posted(" ", content_type="text/yaml"), when_empty={}) == {}
    with pytest.raises(MalformedJsonError, match="no body"):
        json_body(posted(None, content_type="text/yaml"))
    with pytest.raises(PayloadTooLargeError):
        json_body(posted("# " + "ä" * (MAX_BODY_BYTES // 2), content_type="text/yaml"))
    with pytest.raises(MalformedYamlError, match=f"more than {MAX_DEPTH} levels"):
        json_body(posted("- " * (MAX_DEPTH + 1), content_type="text/yaml"))


def test_a_member_that_stands_twice_in_json_is_told_with_both_places() -> None:
    with pytest.raises(MalformedJsonError) as error:
        parse_json('{"x": [{"c": 1,\n  "d": {}, "c": 2}]} and more')
    assert error.value.detail == (
        'An object has the member "c" twice: at line 1, column 9, and at line 2, column 12. Remove one.'
    )
    assert error.value.place == (2, 12)
