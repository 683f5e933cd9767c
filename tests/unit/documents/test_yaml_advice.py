"""What is said of a text that is no YAML: where, what its author did, and what to write instead."""

from __future__ import annotations

import pytest

from workflow_engine.documents.yaml_text import parse_yaml
from workflow_engine.errors import MalformedYamlError

TAB = "A tab stands where the line is indented."
COLON = "A text that has a colon and a space in it must stand in quotes"
TEMPLATE = "A text that begins with {{ must stand in quotes"
TAG = "Tags such as !a.b have no meaning here."
NO_LINE_FITS = "This line is indented by 3 spaces, as no line above is"


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("a:\n\tb: 1\n", (2, 1), TAB),
        ("a:\n  b: 1\n\tc: 2\n", (3, 1), TAB),
        ("a:\r\n  b: 1\r\n\tc: 2\r\n", (3, 1), TAB),
        ("a:\n-\tb: 1\n", (2, 2), TAB),
        ("a: |\n\tx\n", (2, 1), TAB),
        ("name: x\nversion:1\nsteps: []\n", (2, 1), "A space is missing after the colon: version: 1"),
        ("name: x\nversion:1\n", (2, 1), "A space is missing after the colon: version: 1"),
        ("name:x\nversion: 1\n", (1, 1), "A space is missing after the colon: name: x"),
        ("s:\n  - id:a\n    type: b\n", (2, 5), "A space is missing after the colon: id: a"),
        ('name:"x"\nv: 1\n', (1, 1), 'A space is missing after the colon: name: "x"'),
        ('name: "x\nsteps:\n  - a: 1\n', (1, 7), 'The quote " that is opened here is never closed.'),
        ("name: 'x\nsteps: []\n", (1, 7), "The quote ' that is opened here is never closed."),
        ('name: "x\nsteps: []\nfoo: "bar"\n', (1, 7), 'The quote " that is opened here is closed only by the next one'),
        ("name: 'it's me'\n", (1, 11), "The ' before this ends the text. Within ' it is written ''."),
        ('name: "say "hi" x"\n', (1, 13), 'The " before this ends the text. Within " it is written \\".'),
        ('when: "a" == b\n', (1, 7), 'The text goes on after its closing ". Put all of it into other quotes'),
        ("a:\n    b: 1\n   c: 2\n", (3, 4), NO_LINE_FITS),
        ("steps:\n  - a: 1\n    b: 2\n   - a: 3\n", (4, 4), NO_LINE_FITS),
        ("steps:\n  - a: 1\n   b: 2\n", (3, 4), NO_LINE_FITS),
        ("a: 1\n  b: 2\n", (2, 3), "This line is indented deeper than the one above it"),
        ("  a: 1\nb: 2\n", (2, 1), "This does not belong to what stands above it."),
        ("t: {{ a.b }}\n", (1, 4), TEMPLATE),
        ("t: {{ a.b }} and more\n", (1, 4), TEMPLATE),
        ("- {{a}}\n", (1, 3), TEMPLATE),
        ("t: {a: 1} x\n", (1, 11), "Nothing may follow a } on its line. A text that begins with { must stand in quotes."),
        ("t: {a.b}\n", (1, 5), "The key 'a.b' has no colon and no value."),
        ("t: {about: rows, sums}\n", (1, 18), "The key 'sums' has no colon and no value. Within { } a text with a comma must"),
        ("t: {a: 1, b}\n", (1, 11), "The key 'b' has no colon and no value."),
        ("? a\n? b\n", (1, 3), "The key 'a' has no colon and no value."),
        ("t: {% if a %}\n", (1, 4), 'A text that begins with {% must stand in quotes: "{% if a %}".'),
        ("t: %x\n", (1, 4), 'A text that begins with % must stand in quotes: "%x".'),
        ("t: @x\n", (1, 4), 'A text that begins with @ must stand in quotes: "@x".'),
        ("t: `x`\n", (1, 4), 'A text that begins with ` must stand in quotes: "`x`".'),
        ('t: @"x"\n', (1, 4), "A text that begins with @ must stand in quotes: '@\"x\"'."),
        ("t: *.json\n", (1, 4), 'A text that begins with * must stand in quotes: "*.json".'),
        ("cron: * * * * *\n", (1, 7), 'A text that begins with * must stand in quotes: "* * * * *".'),
        ("t: *foo\n", (1, 4), "*foo names nothing: no &foo stands before it."),
        ("t: & b\n", (1, 4), 'A text that begins with & must stand in quotes: "& b".'),
        ("when: !a.b\n", (1, 7), TAG),
        ("t: !{{ a }}\n", (1, 4), "A text that begins with ! must stand in quotes"),
        ("t: !a!b c\n", (1, 4), "A text that begins with ! must stand in quotes"),
        ("%x: 1\n", (1, 1), "A line that begins with % is a directive."),
        ("t: |text\n", (1, 4), 'A text that begins with | must stand in quotes: "|text".'),
        ("when: > 3\n", (1, 7), 'A text that begins with > must stand in quotes: "> 3".'),
        ("t: ,x\n", (1, 4), "A value is missing here."),
        ("t: [a,,b]\n", (1, 7), "A value is missing here."),
        ("a:\n  b: 1\n  - c\n", (3, 3), "Here is an element of a list, with a dash, among the keys of an object."),
        ("- a\nb: 1\n", (2, 1), "Here is a key among the elements of a list."),
        ("a: - b\n", (1, 4), "A list begins on a line of its own"),
        ("t: ? x\n", (1, 4), "A text that begins with a question mark and a space stands in quotes."),
        ("t: a: b\n", (1, 5), COLON),
        ("- t: Note: this\n", (1, 10), COLON),
        ('expression: $sum(a.{ "x": 1 })\n', (1, 25), COLON),
        ("name: x\nsteps\n  - a\n", (2, 1), "This line is no 'key: value'."),
        ("name x\nsteps:\n  - a\n", (1, 1), "This line is no 'key: value'."),
        ("a: [1, 2\nb: 3\n", (1, 4), "The [ that is opened here is not closed by a ]"),
        ("a: {x: 1\nb: 3\n", (1, 4), "The { that is opened here is not closed by a }"),
        ('a: [1 2, "x" "y"]\n', (1, 14), "A comma or the ] is missing before this."),
        ("a: [b.rows[0], c]\n", (1, 11), "A comma or the ] is missing before this."),
        ("a: [1, 2]]\n", (1, 10), "Nothing may follow a ] on its line."),
        ('a: "C:\\dir"\n', (1, 7), "In double quotes \\ begins an escape."),
        ('p: "C:\\Users\\x"\n', (1, 7), "In double quotes \\ begins an escape."),
        ("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> main\n", (2, 1), "A merge conflict stands here."),
        ("a:\n\u00a0\u00a0- b: 1\n", (2, 1), "The character U+00A0 is no space to YAML. Indent with spaces only."),
        ('a: "\\d+"\n', (1, 5), "In double quotes \\ begins an escape."),
        ('a: "\\ud83d\\ude00"\n', (1, 5), "Two halves of a surrogate pair are for JSON. Write the character itself, or"),
        (": x\n", (1, 1), "A key is missing before the colon."),
        ("k" * 2_000 + ": x\n", (1, 1), "A key may have 1,024 characters at the most"),
        ('"a" b\n', (1, 5), "The document has ended before this."),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_a_sentence_where_it_was_made(text: str, place: tuple[int, int], told: str) -> None:
    with pytest.raises(MalformedYamlError) as error:
        parse_yaml(text)
    assert error.value.place == place
    assert error.value.sentence.startswith(told)
