"""References are checked against what is known before the run: schemas, literals, statuses, the outputs of containers."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue

ORDER = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "state": {"enum": ["open", "paid", None]},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "buyer": {"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]},
        "payment": {"oneOf": [{"$ref": "#/$defs/card"}, {"$ref": "#/$defs/transfer"}]},
        "extra": {},
    },
    "additionalProperties": False,
    "$defs": {
        "line": {"type": "object", "properties": {"sku": {"type": "string"}, "parent": {"$ref": "#/$defs/line"}}},
        "person": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False},
        "card": {"type": "object", "properties": {"number": {}}, "additionalProperties": False},
        "transfer": {"type": "object", "properties": {"iban": {}}, "additionalProperties": False},
    },
}
CATALOGUE = builtin_catalogue().with_registered(
    [{"step_type": "order", "output_schema": ORDER}, {"step_type": "opaque"}]
)

SOURCE = {"step_id": "s", "step_type": "data_input", "config": {"data": {"n": 1, "rows": [{"v": 1}, {"v": 2, "w": 3}]}}}
ORDERED = {"step_id": "o", "step_type": "order"}
OPAQUE = {"step_id": "q", "step_type": "opaque"}


def said(*steps: dict[str, Any], **fields: Any) -> list[tuple[str, str, str]]:
    """Code, pointer and sentence of every finding in a workflow of these steps after `s`, `o` and `q`."""
    document = {"name": "w", "steps": [SOURCE, ORDERED, OPAQUE, *steps], **fields}
    return [(d.code, d.pointer, d.detail) for d in parse_workflow(document, CATALOGUE).diagnostics]


def reading(reference: str, **fields: Any) -> list[tuple[str, str]]:
    """Code and sentence of the findings where the workflow's output is this reference."""
    return [(code, detail) for code, _, detail in said(output={"x": reference}, **fields)]


@pytest.mark.parametrize(
    "reference",
    [
        "s", "s.data", "s.output.data.n", "s.data.rows.v", "s.data.rows[*].w", "s.data.rows[-1].v", "s.error.message", "s.status",
        "o.total", "o.lines.sku", "o.lines[0].parent.parent.sku", "o.buyer.name", "o.payment.iban", "o.payment.number",
        "o.extra.anything", "o.state", "q.a.b.c", "q[0].x", "input.a.b", "variables", "execution.id",
    ],
)  # fmt: skip
def test_what_may_be_there_gets_no_finding(reference: str) -> None:
    assert reading(reference) == []


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("s.dta", "'s.dta' is always null: the output of step 's' has no 'dta'. Did you mean 's.data'?"),
        ("s.n", "'s.n' is always null: the output of step 's' has no 'n'. Did you mean 's.data.n'?"),
        ("s.data.m", "'s.data.m' is always null: 's.data' has no 'm'. It has 'n', 'rows'."),
        ("s.data.rows.vv", "'s.data.rows.vv' is always null: 's.data.rows' has no 'vv'. Did you mean 's.data.rows.v'?"),
        ("s.timestamp.year", "'s.timestamp.year' is always null: 's.timestamp' is a text and has no fields."),
        (
            "s.data.n[0]",
            "'s.data.n[0]' is always null: 's.data.n' is a number, not a list, so 's.data.n[0]' reads nothing.",
        ),
        ("s.error.code", "'s.error.code' is always null: 's.error' has no 'code'. It has 'type', 'message'."),
        ("o.totl", "'o.totl' is always null: the output of step 'o' has no 'totl'. Did you mean 'o.total'?"),
        ("o.buyer.nme", "'o.buyer.nme' is always null: 'o.buyer' has no 'nme'. Did you mean 'o.buyer.name'?"),
        ("o.payment.cvc", "'o.payment.cvc' is always null: 'o.payment' has no 'cvc'. It has 'number', 'iban'."),
    ],
)
def test_what_a_closed_shape_cannot_have_is_an_error(reference: str, sentence: str) -> None:
    assert reading(reference) == [("WFE-E210", sentence)]


def test_what_an_open_schema_does_not_name_is_a_warning() -> None:
    assert reading("o.lines.skku") == [
        (
            "WFE-W211",
            "'o.lines.skku' may always be null: the schema of 'o.lines' names no 'skku'. Did you mean 'o.lines.sku'? "
            "If it is right, name it in the schema.",
        )
    ]


@pytest.mark.parametrize(("closed", "code"), [(False, "WFE-E210"), (None, "WFE-W211"), (True, None)])
def test_the_input_is_checked_as_far_as_its_schema_closes_it(closed: bool | None, code: str | None) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"amount": {"type": "number"}}}
    if closed is not None:
        schema["additionalProperties"] = closed
    found = reading("input.amout", input_schema=schema)
    assert [c for c, _ in found] == ([code] if code else [])
    assert all("Did you mean 'input.amount'?" in sentence for _, sentence in found)


STEP = {"step_id": "t", "step_type": "opaque"}
INNER = {"step_id": "i", "step_type": "opaque"}


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"input_mapping": {"a": "s.dta"}}, "/input_mapping/a"),
        ({"input_mapping": {"a": {"template": "{{ s.dta }}"}}}, "/input_mapping/a/template"),
        ({"input_mapping": {"a": {"expression": "$ref('s.dta')"}}}, "/input_mapping/a/expression"),
        ({"conditions": "s.dta == 1 and s.data"}, "/conditions"),
        ({"conditions": [{"left_operand": "s.dta", "operator": "exists"}]}, "/conditions/0/left_operand"),
        ({"conditions": {"left_operand": "s.data", "operator": "==", "right_operand": "s.dta"}}, "/conditions/right_operand"),
        ({"for_each": "s.dta"}, "/for_each"),
        ({"step_type": "agent_execution", "config": {"model": "gpt-4o", "query": "{{ s.dta }}"}}, "/config/query"),
        ({"step_type": "map", "config": {"items": "s.dta", "steps": [INNER]}}, "/config/items"),
        ({"step_type": "loop", "config": {"until": "s.dta", "max_iterations": 2, "steps": [INNER]}}, "/config/until"),
        ({"step_type": "loop", "config": {"while": "s.dta", "max_iterations": 2, "steps": [INNER]}}, "/config/while"),
        ({"step_type": "switch", "config": {"cases": [{"when": "s.dta", "steps": [INNER]}]}}, "/config/cases/0/when"),
        (
            {"step_type": "map", "config": {"items": "s.data.rows", "steps": [INNER], "output": {"x": "s.dta"}}},
            "/config/output/x",
        ),
        (
            {"step_type": "map", "config": {"items": "s.data.rows", "steps": [{**INNER, "input_mapping": {"x": "item.vv"}}]}},
            "/config/steps/0/input_mapping/x",
        ),
    ],
)  # fmt: skip
def test_a_path_is_checked_wherever_a_reference_may_stand(fields: dict[str, Any], place: str) -> None:
    assert [(code, where) for code, where, _ in said({**STEP, **fields})] == [("WFE-E210", f"/steps/3{place}")]


# --- containers and lists ---

UPPER = {"step_id": "up", "step_type": "data_processing", "input_mapping": {"input": "item"}}
LAST = {"step_id": "last", "step_type": "order", "dependencies": ["up"]}
MAP: dict[str, Any] = {"step_id": "m", "step_type": "map", "config": {"items": "s.data.rows", "steps": [UPPER, LAST]}}


def reading_after(step: dict[str, Any], reference: str) -> list[str]:
    return [f"{code} {detail}" for code, _, detail in said(step, output={"x": reference})]


def test_a_map_gives_a_list_of_what_its_last_steps_give() -> None:
    assert reading_after(MAP, "m.last.total") == []
    assert reading_after(MAP, "m[0].last.lines[0].sku") == []
    assert reading_after(MAP, "m.last.totl") == [
        "WFE-E210 'm.last.totl' is always null: 'm.last' has no 'totl'. Did you mean 'm.last.total'?"
    ]


def test_a_step_that_another_one_waits_for_is_not_in_the_output_of_its_container() -> None:
    assert reading_after(MAP, "m.up.result") == [
        "WFE-E210 'm.up.result' is always null: the output of step 'm' has no 'up'. The output of a container has the steps that "
        "no other one waits for: add 'up' to its 'output'."
    ]


def test_a_container_with_an_output_gives_exactly_that() -> None:
    output = {"result": "up.result", "row": "item", "word": {"value": {"a": 1}}, "text": {"template": "{{ index }}"}}
    mapped = {**MAP, "config": {**MAP["config"], "output": output}}
    assert reading_after(mapped, "m.result.anything") == []
    assert reading_after(mapped, "m.row.v") == []
    assert reading_after(mapped, "m.word.a") == []
    assert [c[:8] for r in ("m.last", "m.row.u", "m.word.b", "m.text.x") for c in reading_after(mapped, r)] == [
        "WFE-E210"
    ] * 4


def test_a_switch_gives_the_output_of_any_of_its_branches() -> None:
    cases = [{"when": "input.a", "steps": [{"step_id": "c1", "step_type": "order"}]}]
    switch = {
        "step_id": "w",
        "step_type": "switch",
        "config": {"cases": cases, "default": [{**LAST, "dependencies": []}]},
    }
    assert reading_after(switch, "w.c1.total") == reading_after(switch, "w.last.total") == []
    assert len(reading_after(switch, "w.c2")) == len(reading_after(switch, "w.c1.nothing")) == 1


def test_a_loop_is_read_from_inside_as_from_outside() -> None:
    inner = {"step_id": "c", "step_type": "order", "input_mapping": {"last": "l.c.totl", "good": "l.c.total"}}
    loop = {
        "step_id": "l",
        "step_type": "loop",
        "config": {"until": "c.total > 1", "max_iterations": 2, "steps": [inner]},
    }
    assert [(code, place) for code, place, _ in said(loop)] == [
        ("WFE-E210", "/steps/3/config/steps/0/input_mapping/last")
    ]


def test_for_each_gives_a_list_of_outputs_and_its_item_is_an_element() -> None:
    each = {"step_id": "e", "step_type": "order", "for_each": "o.lines", "input_mapping": {"sku": "item.sku"}}
    assert reading_after(each, "e.total") == reading_after(each, "e[0].total") == []
    assert [c[:8] for c in reading_after(each, "e[0].totl")] == ["WFE-E210"]
    wrong = {**each, "input_mapping": {"sku": "item.skku"}}
    assert [code for code, _, _ in said(wrong)] == ["WFE-W211"]


def test_lists_handed_on_from_map_to_map_end_somewhere() -> None:
    maps = [
        {
            "step_id": f"m{i}",
            "step_type": "map",
            "config": {
                "items": f"m{i - 1}.v" if i else "s.data.rows",
                "steps": [{"step_id": f"x{i}", "step_type": "opaque"}],
                "output": {"v": "item"},
            },
        }
        for i in range(200)
    ]
    assert said(*maps, output={"x": "m199.v"}) == []
    assert [code for code, _, _ in said(*maps, output={"x": "m3.w"})] == ["WFE-E210"]


@pytest.mark.parametrize("items", ["s.data", "s.data.n", "o.total", "s.status", "index"])
def test_a_list_that_is_none_is_refused_before_the_step_fails(items: str) -> None:
    steps = [{**STEP, "for_each": items}]
    codes = [code for code, _, _ in said(*steps)]
    assert codes == (["WFE-E206"] if items == "index" else ["WFE-E212"])


def test_the_list_that_was_meant_is_named() -> None:
    assert said({**STEP, "for_each": "s.data"}) == [
        (
            "WFE-E212",
            "/steps/3/for_each",
            "'s.data' is an object, not a list, so the step would fail. Did you mean 's.data.rows'?",
        )
    ]


# --- data that is handed on ---


def test_data_taken_from_the_input_has_the_shape_of_the_input() -> None:
    schema = {
        "type": "object",
        "properties": {"user": {"type": "object", "properties": {"name": {}}, "additionalProperties": False}},
    }
    step: dict[str, Any] = {
        "step_id": "d",
        "step_type": "data_input",
        "config": {"input_type": "dynamic", "source": "user"},
    }
    assert reading_after_with(step, "d.data.name", schema) == []
    assert reading_after_with(step, "d.data.nme", schema) == ["WFE-E210"]
    with_default = {**step, "config": {**step["config"], "data": {"nick": 1}}}
    assert reading_after_with(with_default, "d.data.nick", schema) == []


def reading_after_with(step: dict[str, Any], reference: str, schema: dict[str, Any]) -> list[str]:
    return [code for code, _, _ in said(step, output={"x": reference}, input_schema=schema)]


# --- comparisons ---


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ("s.status == 'sucess'", "completed"),
        ("s.status != 'Failed'", "failed"),
        ("s.status in ['completed', 'errored']", "failed"),
        ("'skiped' == s.status", "skipped"),
        ("not (s.status == 'ok')", "completed"),
        ("o.state == 'payed'", "paid"),
        ("s.input_type == 'statik'", "static"),
    ],
)
def test_a_text_that_a_value_can_never_be_is_refused_with_the_one_that_was_meant(condition: str, meant: str) -> None:
    ((code, place, sentence),) = said({**STEP, "conditions": condition})
    assert (code, place) == ("WFE-E213", "/steps/3/conditions")
    assert sentence.endswith(f" Did you mean '{meant}'?")


@pytest.mark.parametrize(
    "condition",
    [
        "s.status == 'completed'", "s.status in ['failed', 'skipped']", "s.status == q.x", "o.state == 'paid'", "o.state == null",
        "s.data.n == 'x'", "variables.mode == 'fast'", "s.status starts_with 'fail'", "o.total == '1'", "q.status_text == 'ok'",
        "s.output.data == 'x'",
    ],
)  # fmt: skip
def test_a_text_that_a_value_may_be_is_taken(condition: str) -> None:
    assert said({**STEP, "conditions": condition}, variables={"mode": "slow"}) == []


# --- texts that look like references ---


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"n": "s.data.n", "m": 1}, "/n"),
        (["a", "s.data.n"], "/1"),
        ({"deep": [{"n": "o.total * 2"}]}, "/deep/0/n"),
        ({"n": "total {{ o.total }}"}, "/n"),
        ([{"n": "at {{ current_date }}"}], "/0/n"),
    ],
)
def test_a_reference_inside_of_a_literal_is_a_warning(value: Any, place: str) -> None:
    found = said({**STEP, "input_mapping": {"x": value}})
    assert [(code, where) for code, where, _ in found] == [("WFE-W214", f"/steps/3/input_mapping/x{place}")]


@pytest.mark.parametrize(
    "value",
    [
        {"value": {"n": "s.data.n"}}, {"value": ["{{ s.data.n }}"]}, ["s", "q. Then", "q.x is text", "s.png", "x.data", "1.5"],
        {"n": "{{ name }}"}, {"n": "{{{ s.data }}}"}, ["t.self"],
    ],
)  # fmt: skip
def test_a_text_that_is_meant_as_one_gets_no_warning(value: Any) -> None:
    assert said({**STEP, "input_mapping": {"x": value}}) == []


def test_a_template_in_a_field_that_takes_none_names_the_way() -> None:
    step = {"step_id": "t", "step_type": "output", "dependencies": ["s"], "config": {"label": "n = {{ s.data.n }}"}}
    ((code, place, sentence),) = said(step)
    assert (code, place) == ("WFE-W214", "/steps/3/config/label")
    assert sentence == (
        "{{ s.data.n }} is not filled in: 'label' of step type 'output' takes no templates. Give it to the step as input: "
        '"input_mapping": {"label": {"template": "..."}}.'
    )


# --- what has an error elsewhere ---


def test_an_error_elsewhere_is_not_told_again_as_a_path_that_leads_nowhere() -> None:
    inner = {"step_id": "i", "step_type": "opaque"}
    broken = {
        "step_id": "m",
        "step_type": "map",
        "config": {"items": "s.data.rows", "steps": [inner], "output": {"x": "nope.x"}},
    }
    found = said(broken, output={"a": "m.x.y", "b": "variables.v", "c": "s.dta"}, variables=1)
    assert sorted((code, place) for code, place, _ in found) == [
        ("WFE-E103", "/variables"),
        ("WFE-E204", "/steps/3/config/output/x"),
        ("WFE-E210", "/output/c"),
    ]


@pytest.mark.parametrize("text", ["n = {s.data.n}", "n = ${s.data.n}!", "{ variables.limit } {{ s.data.n }}"])
def test_single_braces_in_a_template_are_a_warning(text: str) -> None:
    found = said({**STEP, "input_mapping": {"x": {"template": text}}}, variables={"limit": 1})
    assert [(code, place) for code, place, _ in found] == [("WFE-W214", "/steps/3/input_mapping/x/template")]


@pytest.mark.parametrize("text", ["{s}", '{"n": {{ s.data.n }}}', "{name}", "{x.y}", "{{{ s.data.n }}}", "{1.5}"])
def test_other_braces_in_a_template_are_text(text: str) -> None:
    assert said({**STEP, "input_mapping": {"x": {"template": text}}}) == []


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ("q.x == '{{ s.data.n }}'", "/steps/3/conditions"),
        (
            {"left_operand": "q.x", "operator": "==", "right_operand": "{{ s.data.n }}"},
            "/steps/3/conditions/right_operand",
        ),
    ],
)
def test_a_template_in_a_condition_is_a_warning(condition: Any, place: str) -> None:
    assert [(code, where) for code, where, _ in said({**STEP, "conditions": condition})] == [("WFE-W214", place)]


@pytest.mark.parametrize(
    ("processing_type", "path", "sentence"),
    [
        ("count", "cuont", "'d.result' has no 'cuont'. Did you mean 'd.result.count'?"),
        ("count", "count.x", "'d.result.count' is a number and has no fields."),
        ("word_count", "words", "'d.result' has no 'words'."),
        ("sentiment_analysis", "sentiment.score", "'d.result.sentiment' is a text and has no fields."),
    ],
)
def test_a_result_has_the_shape_of_its_processing_type(processing_type: str, path: str, sentence: str) -> None:
    config = {"processing_type": processing_type}
    counted = {"step_id": "d", "step_type": "data_processing", "config": config, "input_mapping": {"x": "input.x"}}
    [found] = reading_after(counted, f"d.result.{path}")
    assert sentence in found


@pytest.mark.parametrize("config", [{}, {"processing_type": "uppercase"}, {"processing_type": "transform"}])
def test_a_result_that_is_what_came_in_may_have_any_shape(config: dict[str, Any]) -> None:
    counted = {"step_id": "d", "step_type": "data_processing", "config": config, "input_mapping": {"x": "input.x"}}
    assert reading_after(counted, "d.result.cuont") == []
    counted["config"] = {"processing_type": "word_count"}
    assert reading_after(counted, "d.result.original_data.cuont") == []
