"""What a handler returns and raises, as AWS's Python runtime would send it."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import uuid
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from typing import Any, NamedTuple

import pytest

from infra.local.stepfunctions.lambdas import LambdaFunctions, response_text
from tests.local.stepfunctions.support import ACCOUNT, REGION


class Point(NamedTuple):
    x: int
    y: int


Old = namedtuple("Old", "a")


class Name(str):
    pass


class Level(enum.IntEnum):
    HIGH = 3


class Color(enum.Enum):
    RED = 1


class Loud(int):
    def __str__(self) -> str:
        return "LOUD"


class Record:
    def _asdict(self) -> dict[str, int]:
        return {"a": 1}


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
        ([decimal.Decimal("-0"), decimal.Decimal("1E-7"), decimal.Decimal("1.0")], [0, 1e-7, 1.0]),
        ([Level.HIGH, Loud(7), Name("n"), True], [3, 7, "n", True]),
        ({Level.HIGH: 1, Loud(7): 2, True: 3, 1e22: 4}, {"3": 1, "7": 2, "true": 3, "1e+22": 4}),
        ({1: "first", "1": "second"}, {"1": "second"}),
        (
            [Record(), OrderedDict(b=1), defaultdict(list, c=[2]), Counter("aab")],
            [{"a": 1}, {"b": 1}, {"c": [2]}, {"a": 2, "b": 1}],
        ),
        ("\u2028", "\u2028"),
    ],
)
def test_a_result_is_sent_as_the_runtime_sends_it(returned: Any, sent: Any) -> None:
    """What awslambdaric 4.2.2 on simplejson 4.3.0 sent in the environment of Python 3.13, read back."""
    assert invoke(lambda event, context: returned) == (None, sent)


def test_a_value_may_occur_twice_but_not_in_itself() -> None:
    shared: dict[str, Any] = {"a": 1}
    assert response_text([shared, shared]) == '[{"a":1},{"a":1}]'
    shared["self"] = [shared]
    with pytest.raises(ValueError, match="Circular reference"):
        response_text(shared)


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
        {decimal.Decimal(1): 1},
        {b"\xff": 1},
        (item for item in [1]),
        range(3),
        {}.keys(),
        Color.RED,
        datetime.datetime(2020, 1, 1),
        uuid.UUID(int=1),
        deque([1]),
        bytearray(b"a"),
        1j,
        decimal.Decimal("sNaN"),
        decimal.Decimal("-Infinity"),
        10**5000,
    ],
    ids=lambda returned: type(returned).__name__,
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


class LateError(BaseException):
    pass


@pytest.mark.parametrize(
    ("raised", "how"),
    [
        (SystemExit(), "without providing a reason"),
        (SystemExit(0), "without providing a reason"),
        (SystemExit(3), "with error: exit status 3"),
        (SystemExit(-1), "with error: exit status 255"),
        (SystemExit("no"), "with error: exit status 1"),
        (KeyboardInterrupt(), "with error: signal: interrupt"),
        (GeneratorExit(), "with error: exit status 1"),
        (LateError("late"), "with error: exit status 1"),
    ],
)
def test_what_ends_the_runtime_is_told_as_its_exit(raised: BaseException, how: str) -> None:
    def handler(event: Any, context: Any) -> None:
        ids.append(context.aws_request_id)
        raise raised

    ids: list[str] = []
    error, cause = invoke(handler)
    assert error == "Runtime.ExitError"
    assert cause == {"errorType": error, "errorMessage": f"RequestId: {ids[0]} Error: Runtime exited {how}"}


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
