"""The tree of JSONata: what it reads, how it binds, what it is called elsewhere."""

from __future__ import annotations

import pytest

from workflow_engine.compiler.asl.expressions import expression, rendered
from workflow_engine.compiler.asl.fusing import fused
from workflow_engine.compiler.ir import Value
from workflow_engine.compiler.jsonata.fragments import (
    NO_FIELDS,
    Array,
    Call,
    Conditional,
    Fragment,
    Group,
    Infix,
    Object,
    Read,
    Text,
    bind,
    call,
    function,
    item,
)

A, B, C = Text("$a"), Text("$b"), Text("$c")
OUTPUT, STATUS = Read("s0_x", ("output",)), Read("s0_x", ("status",))
EVERY_KIND = [
    Call("$merge", (Text("1"), OUTPUT)),
    Infix("+", (Text("1"), OUTPUT)),
    Conditional((Text("true"), OUTPUT, Text("1"))),
    Object(("k", "x"), (Text("1"), OUTPUT)),
    Array((Text("1"), OUTPUT)),
    item(OUTPUT, -1),
    bind("v", OUTPUT),
    Group((bind("v", Text("1")), OUTPUT)),
    function("v", OUTPUT),
]


@pytest.mark.parametrize("fragment", EVERY_KIND, ids=lambda fragment: fragment.source()[0])
def test_what_is_read_and_renamed_inside_of_any_fragment(fragment: Fragment) -> None:
    assert fragment.reads == {("s0_x", False), ("s0_x", True)}
    renamed = fragment.renamed({"s0_x": "now_s0_x"})
    assert renamed.source()[0] == fragment.source()[0].replace("$s0_x", "$now_s0_x")
    assert fragment.renamed({"s0_y": "now_s0_y"}) is fragment


def test_a_status_is_read_apart_from_the_rest_of_a_record() -> None:
    assert STATUS.reads == {("s0_x", False)}
    assert Read("s0_x").reads == {("s0_x", False), ("s0_x", True)}
    assert Read("s0_x", ("output", "status")).source()[0] == "$s0_x.output.status"


def test_text_reads_nothing_whatever_it_looks_like() -> None:
    text = Array((Text('"$s0_x.output"'), Group((Text("$s0_x:=1;$s0_x"),))))
    assert text.reads == frozenset()
    assert text.renamed({"s0_x": "now_s0_x"}).source()[0] == text.source()[0]


@pytest.mark.parametrize(
    ("fragment", "source"),
    [
        (Infix(" and ", (Infix(" or ", (A, B)), C)), "($a or $b) and $c"),
        (Infix(" or ", (Infix(" and ", (A, B)), C)), "$a and $b or $c"),
        (Infix("-", (A, Infix("-", (B, C)))), "$a-($b-$c)"),
        (Infix("-", (Infix("-", (A, B)), C)), "$a-$b-$c"),
        (Infix("=", (Conditional((A, B, C)), Text("1"))), "($a?$b:$c)=1"),
        (Infix(" and ", (Infix("=", (A, B)), Infix(" in", (C, Array((A,)))))), "$a=$b and $c in[$a]"),
        (Conditional((Conditional((A, B, C)), A, Conditional((A, B, C)))), "($a?$b:$c)?$a:$a?$b:$c"),
    ],
)
def test_brackets_stand_where_an_operand_binds_less_tightly(fragment: Fragment, source: str) -> None:
    assert fragment.source()[0] == source


def test_names_that_are_no_identifiers_are_quoted() -> None:
    read = Read("s0_x", ("output", "in", "a b", "ok_1"))
    assert read.source()[0] == "$s0_x.output.`in`.`a b`.ok_1"
    assert NO_FIELDS.source()[0] == "{}"


def test_a_helper_is_defined_in_front_with_what_it_calls_itself() -> None:
    text = expression(Array((call("f", A), call("f", B), Call("$count", (C,)))))
    assert text.startswith("{% ($f:=function")
    assert text.count("$t:=") == text.count("$f:=") == 1
    assert text.endswith(";[$f($a),$f($b),$count($c)]) %}")


def test_in_a_template_only_fragments_become_expressions() -> None:
    assert rendered({"a": [Text("1"), "$x", 1, None], "b": {}}) == {"a": ["{% 1 %}", "$x", 1, None], "b": {}}


def value(step_id: str, output: Fragment) -> Value:
    return Value(step_id, output, f"s0_{step_id}", kept=True, keeps_output=True, size_bound=10)


def test_of_fused_values_each_binds_only_those_that_it_reads_directly_or_not() -> None:
    chain = (value("a", Text("1")), value("b", Read("s0_a", ("output",))), value("c", Text("2")))
    values = fused((*chain, value("d", Array((Read("s0_b", ("output",)), Read("s0_z", ("output",)))))))
    assert values.output(2) == Text("2")
    assert values.output(3).source()[0] == (
        '($now_s0_a:={"status":"completed","output":1};'
        '$now_s0_b:={"status":"completed","output":$now_s0_a.output};[$now_s0_b.output,$s0_z.output])'
    )


def test_a_variable_of_the_authors_keeps_its_name_in_a_fused_state() -> None:
    own = Group((bind("ref0", Read("s0_a", ("output",))), Text("($s0_a:=3;$s0_a+$ref0)")))
    source = fused((value("a", Text("1")), value("b", own))).output(1).source()[0]
    assert source.endswith("($ref0:=$now_s0_a.output;($s0_a:=3;$s0_a+$ref0)))")
