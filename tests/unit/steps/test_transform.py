"""`transform`: an author's JSONata over the inputs of a step."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.compiled import CATALOGUE, compiled, data, work
from tests.support.jsonata_node import Case, evaluate_all
from tests.unit.steps.evaluation import evaluate
from workflow_engine.compiler import compile_workflow
from workflow_engine.language import parse_workflow

DOCS = Path(__file__).parents[3] / "docs" / "transform.md"
EXAMPLES = [json.loads(text) for text in re.findall(r"```json transform\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)]

ORDERS = {
    "orders": [{"id": 1, "total": 5}, {"id": 2, "total": 50}],
    "limits": {"least": 10},
    "one": [{"x": 1}],
    "no": None,
    "a b": {"c d": "y"},
}


def transform(expression: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": "t", "step_type": "transform", "config": {"expression": expression}, **fields}


def case_of(expression: str, inputs: dict[str, Any]) -> Case:
    """What the step's Pass gives, with `inputs` as the run's input, each mapped to an entry of its name."""
    mapping: dict[str, Any] = {name: f"input[{json.dumps(name)}]" for name in inputs}
    machine = compiled(transform(expression, input_mapping=mapping)).machine
    (state,) = [s for s in machine["States"].values() if s["Type"] == "Pass"]
    context = {"Execution": {"Input": {"input": inputs}}, "State": {"EnteredTime": "2026-01-01T00:00:00Z"}}
    return Case(state["Output"]["t"][2:-2], {"states": {"context": context}})


def value_of(expression: str, inputs: dict[str, Any]) -> Any:
    case = case_of(expression, inputs)
    return evaluate(case.expression, case.bindings)


def findings(*steps: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = parse_workflow({"name": "w", "execution_pattern": "parallel", "steps": list(steps)}, CATALOGUE)
    return [(d.code, d.pointer, d.detail) for d in found.diagnostics]


def test_the_docs_have_six_examples() -> None:
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["expression"][:40])
def test_an_example_of_the_docs_gives_what_they_say(example: dict[str, Any]) -> None:
    assert value_of(example["expression"], example["input"]) == example["output"]


EXPRESSIONS: list[tuple[str, Any]] = [
    ("orders.total", [5, 50]),
    ("$sum(orders.total)", 55),
    ("$count(orders)", 2),
    ("one.x", 1),
    ("one.x[]", [1]),
    ("[orders[total > 100]]", []),
    ("orders[total > 100]", None),
    ("no", None),
    ("orders[total > $$.limits.least].id", 2),
    ("orders[total > $$.limits.least].id[]", [2]),
    ("$lookup($, 'limits').least", 10),
    ("$keys($$)", ["orders", "limits", "one", "no", "a b"]),
    ('"$$"', "$$"),
    ("\"$ref('x')\"", "$ref('x')"),
    ("($x := orders.total; $x)", [5, 50]),
    ("$o := 3", 3),
    ("($ref_ := limits; $ref_.least + $$.limits.least)", 20),
    ("/* all */ orders^(>total)[0].id", 2),
    ("orders{$string(id): total}", {"1": 5, "2": 50}),
    ("$map(orders, function($o) { $o.total > limits.least })", [False, True]),
    ("{'a': orders.id}", {"a": [1, 2]}),
    ("`a b`.`c d` & 'x'", "yx"),
    ("'orders'.id", [1, 2]),
]


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS)
def test_an_expression_gives_what_it_gives_over_a_document(expression: str, value: Any) -> None:
    assert value_of(expression, ORDERS) == value


def test_npm_jsonata_gives_the_same() -> None:
    wanted = [*EXPRESSIONS, *((e["expression"], e["output"]) for e in EXAMPLES)]
    inputs = [ORDERS] * len(EXPRESSIONS) + [e["input"] for e in EXAMPLES]
    cases = [case_of(expression, given) for (expression, _), given in zip(wanted, inputs, strict=True)]
    for (expression, value), answer in zip(wanted, evaluate_all(cases, measure=True), strict=True):
        assert (answer.value, answer.error, answer.undefined) == (value, None, False), expression
        assert answer.evaluation_depth < 60


def test_a_step_that_the_expression_names_by_ref_is_waited_for() -> None:
    compilation = compiled(
        data("a", {"x": 1}), work("w"), transform("$ref('w.n') + n", input_mapping={"n": "input.n"}), name="w"
    )
    assert list(compilation.machine["States"]) != []
    assert compilation.machine["States"]["w"]["Next"] == "t"


def test_a_transform_of_a_chain_is_fused_and_one_that_may_fail_stands_where_it_can_be_caught() -> None:
    assert [s["Type"] for s in compiled(transform("1")).machine["States"].values()] == ["Pass"]
    tolerated = compiled(transform("1", critical=False)).machine["States"]
    assert next(s["Type"] for s in tolerated.values()) == "Parallel"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("$eval('1')", "Step Functions has no $eval."),
        ("$states.input", "$states depends on how the workflow is compiled"),
        ("orders ?? 1", "has no '??'"),
        ("orders.total +", "does not parse"),
        ("$sume(orders)", "$sume is neither a function nor defined"),
        ("'%}'", "ends an expression of Step Functions"),
        ("(" * 41 + "1" + ")" * 41, "nested deeper than 40"),
        ("ordres.total", "'ordres' is no entry of the step's input. Did you mean 'orders'?"),
        ("$map(orders, function($o) { factor })", "'factor' is no entry of the step's input. It has 'orders'."),
    ],
)
def test_an_expression_that_could_not_run_is_refused_at_its_place(expression: str, said: str) -> None:
    ((code, pointer, detail),) = findings(transform(expression, input_mapping={"orders": "input.orders"}))
    assert (code, pointer) == ("WFE-E304", "/steps/0/config/expression")
    assert said in detail


def test_a_reference_that_resolves_to_nothing_is_refused() -> None:
    ((code, pointer, _),) = findings(transform("$ref('nobody.x')", input_mapping={"a": "input"}))
    assert (code, pointer) == ("WFE-E204", "/steps/0/config/expression")


def test_a_transform_without_an_input_is_told() -> None:
    assert [(code, pointer) for code, pointer, _ in findings(transform("1 + 1"))] == [("WFE-W215", "/steps/0")]


def test_workflows_that_differ_in_their_expression_have_machines_of_their_own() -> None:
    one, other = (compile_workflow(_parsed(text), CATALOGUE).machine for text in ("a", "$string(a)"))
    assert one != other


def _parsed(expression: str) -> Any:
    found = parse_workflow({"name": "w", "steps": [transform(expression, input_mapping={"a": "input"})]}, CATALOGUE)
    assert found.workflow is not None
    return found.workflow
