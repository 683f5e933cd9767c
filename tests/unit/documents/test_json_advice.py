"""What is said of a text that is no JSON: what its author did, and what to write instead."""

from __future__ import annotations

import pytest

from workflow_engine.documents.json_text import parse_json
from workflow_engine.errors import MalformedJsonError


def said(text: str) -> str:
    """What follows the place of the error."""
    with pytest.raises(MalformedJsonError) as error:
        parse_json(text)
    _, place, advice = error.value.detail.partition(" column ")
    assert place
    return advice.partition(".")[2].strip()


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('{"a": 1, // one\n "b": 2}', "JSON has no comments. Remove it."),
        ('{"a": 1} /* done */', "JSON has no comments. Remove it."),
        ('# one\n{"a": 1}', "JSON has no comments. Remove it."),
        ('{"a": 1,}', "Remove the comma before the closing bracket."),
        ('{"a": [1, 2, ]}', "Remove the comma before the closing bracket."),
        ('{"a": 1,\n<<<<<<< HEAD\n"b": 2}', "A merge conflict stands here. Decide what stays, and remove its marks."),
        ("{'a': 1}", 'Texts and names stand in double quotes: ".'),
        ("{\u201ca\u201d: 1}", 'Use straight quotes: ".'),
        ('{"a": \u2018x\u2019}', 'Use straight quotes: ".'),
        ('{"a": True}', "Write true."),
        ('{"a": [None]}', "Write null."),
        ("{a: 1}", 'Names and texts stand in double quotes: "a".'),
        ('{"a": hello}', 'Names and texts stand in double quotes: "hello".'),
        ('{"a": 1 "b": 2}', 'A comma is missing before it, or a " in a text is not written \\".'),
        ('{"a": "say "', "The document ends too early: a closing } or ] is missing."),
        ('{"a": "say', 'A text ends on its line with a "; a line break in it is written \\n.'),
        ('{"a": "x\ny"}', 'A text ends on its line with a "; a line break in it is written \\n.'),
        ('{"a": "C:\\dir"}', "A backslash in a text is written \\\\."),
        ('{"a": 1}}', "The document has ended before this. Remove what follows, or the bracket too many."),
        ('{"a": {"b": 1}', "The document ends too early: a closing } or ] is missing."),
        ("name: X\nsteps: []\n", "This looks like YAML: name the file .yaml, or send it as application/yaml."),
        ("---\n- a\n", "This looks like YAML: name the file .yaml, or send it as application/yaml."),
        ("# w\nname: X", "This looks like YAML: name the file .yaml, or send it as application/yaml."),
        ("{", "The document ends too early: a closing } or ] is missing."),
        ("{%", ""),
    ],
)
def test_the_author_is_told_what_to_write_instead(text: str, advice: str) -> None:
    assert said(text) == advice
