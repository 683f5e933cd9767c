"""What a handler returns and raises, as AWS's Python runtime would send it."""

from __future__ import annotations

import decimal
import json
from collections import namedtuple
from typing import Any, NamedTuple

import pytest

from infra.local.stepfunctions.lambdas import LambdaFunctions, marshalled
from tests.local.stepfunctions.support import ACCOUNT, REGION


class Point(NamedTuple):
    x: int
    y: int


Old = namedtuple("Old", "a")


class Name(str):
    pass


ITEM = {"price": decimal.Decimal("19.99"), "tags": ["a"], "id": decimal.Decimal(7)}
KEYS = {1: "a", 2.5: "b", None: "c", False: "d", b"e": "f", Name("g"): Name("h")}


@pytest.mark.parametrize(
    ("returned", "sent"),
    [
        ([decimal.Decimal("1"), decimal.Decimal("1.5"), decimal.Decimal("1E+2")], [1, 1.5, 100]),
        ({"Item": ITEM}, {"Item": {"price": 19.99, "tags": ["a"], "id": 7}}),
        (Point(1, 2), {"x": 1, "y": 2}),
        ([Old({"b": b"text"})], [{"a": {"b": "text"}}]),
        ((1, (2,)), [1, [2]]),
        (b'{"raw":true}', {"raw": True}),
        (KEYS, {"1": "a", "2.5": "b", "null": "c", "false": "d", "e": "f", "g": "h"}),
        ("é 😀", "é 😀"),
        (None, None),
        (2**70, 2**70),
    ],
)
def test_a_result_is_sent_as_the_runtime_sends_it(returned: Any, sent: Any) -> None:
    value, text = marshalled(returned)
    assert value == sent
    assert json.loads(text) == sent


def test_a_value_may_occur_twice_but_not_in_itself() -> None:
    shared: dict[str, Any] = {"a": 1}
    assert marshalled([shared, shared])[0] == [{"a": 1}, {"a": 1}]
    shared["self"] = [shared]
    with pytest.raises(ValueError, match="Circular reference"):
        marshalled(shared)


def invoke(handler: Any, event: str = "{}") -> tuple[str | None, Any]:
    functions = LambdaFunctions(region=REGION, account=ACCOUNT, handlers={"f": handler})
    answer = functions.invoke("f", event)
    return answer.error, answer.payload if answer.cause is None else json.loads(answer.cause)


@pytest.mark.parametrize(
    "returned",
    [
        object(),
        {"x": {1, 2}},
        float("nan"),
        [float("-inf")],
        decimal.Decimal("NaN"),
        {"x": "\ud800"},
        b"\xff",
        b"no json",
        {("a",): 1},
    ],
    ids=["object", "set", "nan", "infinity", "decimal", "surrogate", "bytes", "text", "key"],
)
def test_what_cannot_be_sent_is_an_error_of_the_runtime(returned: Any) -> None:
    error, cause = invoke(lambda event, context: returned)
    assert error == "Runtime.MarshalError"
    assert cause["errorMessage"].startswith("Unable to marshal response: ")


def test_a_deep_result_is_an_error_of_the_runtime() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert invoke(lambda event, context: deep)[0] == "Runtime.MarshalError"


def test_a_message_that_has_no_utf_8_form_is_passed_on() -> None:
    def handler(event: Any, context: Any) -> None:
        raise ValueError("\ud800 bad")

    error, cause = invoke(handler)
    assert (error, cause["errorMessage"]) == ("ValueError", "? bad")


def test_an_exception_that_cannot_be_told_is_told_by_its_name() -> None:
    class ShyError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def handler(event: Any, context: Any) -> None:
        raise ShyError

    error, cause = invoke(handler)
    assert (error, cause["errorMessage"]) == ("ShyError", "")


def test_an_event_is_a_fresh_value_for_each_call() -> None:
    events: list[Any] = []
    functions = LambdaFunctions(
        region=REGION, account=ACCOUNT, handlers={"f": lambda event, context: events.append(event)}
    )
    for _ in range(2):
        functions.invoke("f", '{"a":[]}')
    assert events[0] == events[1]
    assert events[0] is not events[1]


def test_an_event_over_six_megabytes_is_refused() -> None:
    functions = LambdaFunctions(region=REGION, account=ACCOUNT, handlers={"f": lambda event, context: None})
    assert functions.invoke("f", json.dumps("x" * 6_300_000)).error == "Lambda.RequestTooLargeException"
