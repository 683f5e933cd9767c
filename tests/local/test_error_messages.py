"""What a run reads as the message of a failed step: the same as its results tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.stepfunctions.jsonata import evaluate
from tests.support.compiled import WORK, compiled, work
from tests.support.embedded_machines import EmbeddedMachines, embedded_machines
from tests.support.jsonata_node import Case, evaluate_all
from tests.support.run_report import report
from workflow_engine.compiler import execution_input
from workflow_engine.compiler.asl.expressions import expression
from workflow_engine.compiler.jsonata.fragments import Text, call

ARN = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-work"
RUN = {"execution_id": "x", "workflow_id": "w", "workflow_version": 1, "tenant_id": "t"}
MESSAGES = ["boom", 'a "q" \\ \n é 😀', "", "x" * 30_000, "line\n" * 3_000, '","errorType":"', "{}"]
_MESSAGE_OF = expression(call("m", Text("$cause")))[3:-3]


def of_function(message: str) -> Iterator[str]:
    """Causes of failures with this message, as runtimes of Lambda write them."""
    yield json.dumps({"errorMessage": message, "errorType": "E", "stackTrace": ["x"]})
    yield json.dumps({"errorType": "E", "errorMessage": message}, ensure_ascii=False, separators=(",", ":"))


def message_of(cause: str) -> Any:
    """By the laptop's evaluator and by JSONata 2.0.6."""
    local = evaluate(_MESSAGE_OF, {"cause": cause})
    (answer,) = evaluate_all([Case(_MESSAGE_OF, {"cause": cause})])
    assert (answer.error, answer.value) == (None, local)
    return local


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_the_message_of_a_function_is_taken_out_of_the_cause(message: str) -> None:
    assert [message_of(cause) for cause in of_function(message)] == [message] * 2


@pytest.mark.parametrize(
    "cause",
    [
        "plain",
        "",
        '{"errorMessage":null,"errorType":"E"}',
        '{"errorMessage":"bad \\q"}',
        '{"errorMessage":"cut',
        '{"errorMessage":"cut\\',
        '{"errorMessage":"a\nb"}',
        '{"errorMessage":"\\u12"}',
        '{"errorMessage":{"a":1}}',
        'no object "errorMessage":"x"',
    ],
)
def test_any_other_cause_is_the_message(cause: str) -> None:
    assert message_of(cause) == cause


def fail(_event: dict[str, Any], _context: object) -> Any:
    raise ValueError('no "such" thing\n')


@pytest.fixture(scope="module")
def machines() -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: fail}) as made:
        yield made


def test_a_run_reads_the_message_that_its_results_tell(machines: EmbeddedMachines) -> None:
    compilation = compiled(work("a", critical=False), output={"message": "a.error.message", "type": "a.error.type"})
    value = execution_input(compilation.bindings, input={}, functions={WORK: ARN}, run=RUN)
    ended = machines.run(dict(compilation.machine), value)
    result = report(ended.events, compilation.outline).step_results["a"]
    assert ended.output == {"message": 'no "such" thing\n', "type": "ValueError", "_failed": ["a"]}
    assert result["error_message"] == ended.output["message"]
