"""Findings as people are shown them: the place, the line, and what to look at in it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.cli.findings import MAX_LINE, placed, shown
from infra.local.cli.texts import Text, no_document, text_of
from workflow_engine.errors import MalformedDocumentError


def finding(pointer: str, code: str = "WFE-E103", **more: Any) -> dict[str, Any]:
    return {"code": code, "pointer": pointer, "detail": "Wrong.", **more}


def lines_of(text: str, *findings: dict[str, Any], name: str = "f.yaml") -> list[str]:
    return [line for f in placed(findings, {"": text_of(name, text.encode())}) for line in shown(f).splitlines()]


YAML = """\
# first
name: x
steps:
  - step_id: a
    config:
      deep: {b: [1, two]}
      long: |
        some
        lines
    empty:
"""


@pytest.mark.parametrize(
    ("pointer", "place", "marked"),
    [
        ("/name", "2:7", "x"),
        ("/steps/0/step_id", "4:14", "a"),
        ("/steps/0/config/deep/b/1", "6:21", "two"),
        ("/steps/0/config/deep/b", "6:14", "b"),  # a list is shown by its key
        ("/steps/0/config", "5:5", "config"),
        ("/steps/0/config/long", "7:7", "long"),
        ("/steps/0/empty", "10:5", "empty"),
        ("/steps/0", "4:5", "step_id: a"),
        ("/steps/0/missing", "4:5", "step_id: a"),  # what is not there is looked for where it should be
        ("/steps/7", "3:1", "steps"),
        ("/nothing/at/all", "2:1", "name: x"),
        ("", "2:1", "name: x"),
    ],
)
def test_a_finding_is_shown_at_its_value_or_key(pointer: str, place: str, marked: str) -> None:
    head, line, carets = lines_of(YAML, finding(pointer))
    assert head == f"f.yaml:{place}: error WFE-E103: Wrong."
    start = carets.index("^")
    assert line[start : start + carets.count("^")] == marked
    assert carets.endswith("^" * len(marked))


def test_a_finding_about_a_key_or_a_word_marks_just_that() -> None:
    fix = {"replace": "two", "replacement": "too", "target": "value"}
    assert lines_of(YAML, finding("/steps/0/config/deep/b/1", fix=fix))[0].startswith("f.yaml:6:21:")
    assert lines_of(YAML, finding("/steps/0/step_id", "WFE-E101"))[0].startswith("f.yaml:4:5:")
    word = lines_of("a: x.wrong.y\n", finding("/a", fix={**fix, "replace": "wrong"}))
    assert word == ["f.yaml:1:6: error WFE-E103: Wrong.", "  1 | a: x.wrong.y", "    |      ^^^^^"]


@pytest.mark.parametrize(
    ("text", "carets"),
    [
        ('{"a": "x"}', '      ^^^'),
        ('{\t"a":\t"x"}', "            ^^^"),  # tabs go to the next stop
        ('{"日本": "語"}', "         ^^^^"),  # wide characters take two columns
        ('{"e\u0301": "x"}', "      ^^^"),  # marks take none
        ('{"😀": "x"}', "       ^^^"),
        ('{"\u202e": "x"}', "           ^^^"),  # what would turn the line around is shown as an escape
    ],
)  # fmt: skip
def test_carets_stand_under_what_they_mean(text: str, carets: str) -> None:
    key = next(iter(text_of("f.json", text.encode()).value()))
    _, line, marks = lines_of(text, finding(f"/{key}"), name="f.json")
    assert marks == "    | " + carets
    assert "\t" not in line


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lines_are_counted_however_they_end(line_break: str) -> None:
    text = line_break.join(["a: 1", "", "b:", "  c: wrong", ""])
    assert lines_of(text, finding("/b/c")) == [
        "f.yaml:4:6: error WFE-E103: Wrong.",
        "  4 |   c: wrong",
        "    |      ^^^^^",
    ]


def test_a_byte_order_mark_is_no_column() -> None:
    text = text_of("f.yaml", b"\xef\xbb\xbfa: wrong\n")
    assert placed([finding("/a")], {"": text})[0].start == (1, 4)


def test_of_a_line_of_megabytes_little_is_looked_at() -> None:
    text = "{" + ", ".join(f'"k{i}": {i}' for i in range(200_000)) + "}"
    (found,) = placed([finding("/k150000")], {"": text_of("f.json", text.encode())})
    _, line, carets = shown(found).splitlines()
    start = carets.index("^")
    assert line[start : start + carets.count("^")] == "150000"
    assert len(line) <= MAX_LINE + len("  1 | …")


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    members = ", ".join(f'"k{i}": {i}' for i in range(200))
    _, line, carets = lines_of(f"{{{members}}}", finding("/k150"), name="f.json")
    assert len(line) <= MAX_LINE + len("  1 | …")
    start = carets.index("^")
    assert line[start : start + carets.count("^")] == "150"
    assert line.startswith("  1 | …")
    assert line.endswith("…")


def test_a_finding_belongs_to_the_text_that_its_pointer_leads_into() -> None:
    texts = {"": text_of("flow.yaml", b"name: x\n"), "/input": text_of("in.json", b'{"a": [true]}')}
    found = placed([finding("/input/a/0"), finding("/name"), finding("/inputs")], texts)
    assert [f.where for f in found] == ["in.json:1:8", "flow.yaml:1:7", "flow.yaml:1:1"]


def test_a_finding_without_a_text_has_its_pointer_for_a_place() -> None:
    (found,) = placed([finding("/a/b", "WFE-W410")], {})
    assert shown(found) == "/a/b: warning WFE-W410: Wrong."
    assert "line" in found.as_dict()
    assert found.as_dict()["line"] is None


def test_a_terminal_gets_colours_and_nothing_that_steers_it() -> None:
    (found,) = placed([finding("/a", detail="\x1b[2J gone")], {"": text_of("f.yaml", b'a: "x"\n')})
    told = shown(found, in_colour=True)
    assert "\x1b[31m\x1b[1merror" in told
    assert "\\x1b[2J gone" in told


@pytest.mark.parametrize(
    ("name", "content", "is_yaml"),
    [
        ("a.yaml", b'{"a": 1}', True),
        ("a.YML", b"a: 1", True),
        ("a.json", b"a: 1", False),
        ("standard input", b' \n{"a": 1}', False),
        ("standard input", b"# w\na: 1", True),
        ("flow.txt", b"[1]", False),
        ("flow", b"- 1", True),
    ],
)
def test_the_ending_says_what_a_file_is_else_how_it_begins(name: str, content: bytes, is_yaml: bool) -> None:
    assert text_of(name, content).is_yaml is is_yaml


def refusal(text: Text) -> list[str]:
    with pytest.raises(MalformedDocumentError) as error:
        text.value()
    return shown(placed([no_document(error.value)], {"": text})[0]).splitlines()


def test_a_text_without_a_value_is_shown_where_it_goes_wrong() -> None:
    assert refusal(text_of("f.yaml", b"a: 1\nb:\n\tc: 2\n")) == [
        "f.yaml:3:1: error malformed_yaml: A tab stands where the line is indented. Indent with spaces only.",
        "  3 |     c: 2",
        "    | ^",
    ]
    assert refusal(text_of("f.json", b'{"a": 1,\n "b": tru}'))[0].startswith(
        "f.json:2:7: error malformed_json: Not JSON"
    )
    assert refusal(text_of("f.json", b'{"a": "\xff"}')) == [
        "f.json:1:8: error malformed_json: Not UTF-8 text.",
        '  1 | {"a": "\ufffd"}',
        "    |        ^",
    ]
