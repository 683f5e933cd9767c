"""The generated JSONata on npm jsonata 2.0.6, the version Step Functions runs: the values of jlens, never an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.support.jsonata_node import Case, evaluate_all
from tests.unit.steps.evaluation import StepCase, evaluate

AWKWARD: Final[list[Any]] = [
    None, True, 0, 1e300, -1.5, "", "a😀", "{% $x %}", [], [[]], [None], [1], [[1], [2, 3]], ["x"], {}, {"a": []},
    {"a": 1, "b": "x"}, [{"a": 1}], [{"a": [1]}, {"a": 1}, {"b": None}], {"constructor": {"a": 1}}, {"content": [1]},
    {"messages": [{"content": "hi"}], "attachments": {}}, "2030-02-29T00:00:00Z", "2030-01-01T00:00:00.123456789-23:59",
]  # fmt: skip

STEPS: Final[list[tuple[str, dict[str, Any]]]] = [
    *(("data_processing", {"processing_type": name}) for name in ("identity", "count")),
    ("data_processing", {"processing_type": "filter", "options": {"filter_key": "a", "filter_value": [1]}}),
    ("data_processing", {"processing_type": "filter", "options": {"filter_key": "a", "metadata": [[1]]}}),
    *(("data_merge", {"merge_strategy": name}) for name in ("combine", "override", "list", "concatenate", "sum")),
    *(
        ("merge", {"mode": mode, "combine_mode": combine_mode})
        for mode in ("wait_all", "first_available")
        for combine_mode in ("object", "array", "first")
    ),
    ("output", {"label": "x"}),
    ("trigger", {"kind": "chat"}),
    ("input", {}),
    ("prompt", {"query_template": "x", "variables": {"a": [[1]]}, "temperature": 0.5}),
    ("data_input", {"input_type": "dynamic", "source": "a", "data": [[1]]}),
]


def shapes_of_input(value: Any, other: Any) -> Iterator[dict[str, Any]]:
    yield {"mapping": {"input": value}}
    yield {"mapping": {"x": value, "y": other}}
    yield {"dependencies": {"data": (value,), "other": None}}
    yield {"dependencies": {"a": (value,), "b": None, "c": (other,)}}


def cases() -> Iterator[Case]:
    for number, value in enumerate(AWKWARD):
        other = AWKWARD[(number * 7 + 3) % len(AWKWARD)]
        for step_type, config in STEPS:
            for inputs in shapes_of_input(value, other):
                step = StepCase(step_type, config, run_input=value, **inputs)
                yield Case(step.output_source(), step.bindings())
                # Config is data at run time too: no shape of it may break an expression.
                misshapen = {name: other if name.startswith("config_") else v for name, v in step.bindings().items()}
                yield Case(step.output_source(), misshapen)
        for key in ("delay_seconds", "until"):
            step = StepCase("delay", mapping={key: value})
            yield Case(step.seconds_source().replace("$millis()", "1767323045678"), step.bindings())
            output = step.output_source().replace("$millis()", "1767323049678").replace("$now()", '"later"')
            yield Case(output, step.bindings())


def test_npm_jsonata_gives_the_values_of_jlens_without_an_error() -> None:
    all_cases = list(cases())

    for case, answer in zip(all_cases, evaluate_all(all_cases), strict=True):
        assert (answer.error, answer.undefined) == (None, False), case
        assert answer.value == evaluate(case.expression, case.bindings), case


def test_no_expression_comes_near_the_depth_that_step_functions_allows() -> None:
    answers = evaluate_all(list(cases())[::10], measure=True)

    assert max(answer.syntax_depth for answer in answers) <= 40
    assert max(answer.evaluation_depth for answer in answers) <= 60
