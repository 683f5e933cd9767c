"""The grammar of references: what each form reads, and what is refused with a position."""

from __future__ import annotations

import pytest

from workflow_engine.language.references import MalformedTextError, parse_reference
from workflow_engine.language.syntax import Facet, ScopeReference, Segment, StepReference, Wildcard


@pytest.mark.parametrize(
    ("text", "facet", "path"),
    [
        ("a", "output", ()),
        ("a.output", "output", ()),
        ("a.data.x", "output", ("data", "x")),
        ("a.output.data.x", "output", ("data", "x")),
        ("a.output.status", "output", ("status",)),
        ("a.status", "status", ()),
        ('a["status"]', "status", ()),
        ("a.error", "error", ()),
        ("a.error.message", "error", ("message",)),
        ("a.data.status", "output", ("data", "status")),
        ("a[0]", "output", (0,)),
        ("a.0.x", "output", (0, "x")),
        ("a[-1]", "output", (-1,)),
        ("a[ 2 ]", "output", (2,)),
        ("a[*].x", "output", (Wildcard(), "x")),
        ('a["any key"].b', "output", ("any key", "b")),
        ("a['k']", "output", ("k",)),
        ('a["say \\"hi\\""]', "output", ('say "hi"',)),
        ('a["back\\\\slash\\n"]', "output", ("back\\slash\\n",)),
        ("a.2nd", "output", ("2nd",)),
        ("a.$oid.@id", "output", ("$oid", "@id")),
        ("a.größe", "output", ("größe",)),
        ("  a.x ", "output", ("x",)),
    ],
)
def test_a_reference_to_a_step_reads_output_status_or_error(text: str, facet: Facet, path: tuple[Segment, ...]) -> None:
    assert parse_reference(text) == StepReference("a", facet, path)


def test_a_step_id_may_have_hyphens_and_digits() -> None:
    assert parse_reference("my-step_2.x-y") == StepReference("my-step_2", "output", ("x-y",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input", ScopeReference("input")),
        ("input.status", ScopeReference("input", ("status",))),
        ("variables.limit", ScopeReference("variables", ("limit",))),
        ("item", ScopeReference("item")),
        ("item[0].x", ScopeReference("item", (0, "x"))),
        ("index", ScopeReference("index")),
        ("execution.started_at", ScopeReference("execution", ("started_at",))),
    ],
)
def test_scope_words_are_no_steps(text: str, expected: ScopeReference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1),
        ("a.", 3),
        ("a..b", 3),
        ("a.-1", 3),
        ("a[", 3),
        ("a[x]", 3),
        ("a[1", 3),
        ("a b", 2),
        ("12", 1),
        ("1e5.x", 1),
        ("1e-5", 1),
        ("a['x]", 3),
    ],
)
def test_a_malformed_reference_says_where(text: str, position: int) -> None:
    with pytest.raises(MalformedTextError, match=f"at character {position}:") as caught:
        parse_reference(text)
    assert caught.value.code == "WFE-E208"


@pytest.mark.parametrize(
    "text", ["execution", "execution.name", "index.x", "a.status.x", "a" + ".b" * 21, "a[12345678901]"]
)
def test_a_reference_that_can_mean_nothing_is_refused(text: str) -> None:
    with pytest.raises(MalformedTextError):
        parse_reference(text)
