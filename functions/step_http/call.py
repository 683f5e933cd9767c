"""One step to its endpoint and back: what is sent, how long it may take, and what the answer means."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any, Final

from functions.step_http.answers import output_of, shown
from functions.step_http.authorization import authorization
from workflow_engine.endpoint_errors import (
    HttpClientError,
    HttpServerError,
    HttpThrottledError,
    HttpTimeoutError,
)
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.outbound import AddressPolicy
from workflow_engine.outbound_headers import overlaid
from workflow_engine.outbound_http import Answer, Request, send
from workflow_engine.sdk import InvalidStepInput, StepContext

Object = Mapping[str, Any]

MAX_ANSWER_BYTES: Final = 5_000_000
"""Below the 6 MB that Lambda takes from a function (Lambda quotas, "Invocation payload")."""

MARGIN_SECONDS: Final = 5.0
"""Time that is kept to hand over what there is, at most a tenth of all."""

UNKNOWN_SECONDS: Final = 900.0
SHORTEST_PAUSE_SECONDS: Final = 1.0
"""Of an endpoint that asks to be asked again at once."""

CALL_FIELD: Final = "call"
"""Of the event, beside what the endpoint is sent: the endpoint, the step's time, and when its state was entered."""

USUAL_HEADERS: Final[Mapping[str, str]] = {
    "User-Agent": "workflow-engine",
    "Accept": "application/json, */*;q=0.5",
}

_XRAY: Final = re.compile(
    r"Root=1-(?P<time>[0-9a-f]{8})-(?P<rest>[0-9a-f]{24});Parent=(?P<parent>[0-9a-f]{16})(;Sampled=(?P<sampled>[01]))?"
)


@dataclass(frozen=True, slots=True)
class World:
    """What a call works with. `secret_of` gives a tenant's secret by name; it raises SecretNotSetError, SecretUnavailableError."""

    policy: AddressPolicy
    secret_of: Callable[[str, str], str]
    now: Callable[[], float] = time.monotonic
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    send: Callable[..., Answer] = send


def call_endpoint(event: Object, step: StepContext, world: World, trace: str = "") -> Any:
    """The output of a step: the JSON of a 2xx answer, or another content as text or base64 with its type.

    `trace` is X-Ray's header of this invocation. Raises InvalidStepInput for an event that names no endpoint, and the
    errors of `workflow_engine.endpoint_errors`.
    """
    call = event.get(CALL_FIELD)
    endpoint = call.get("endpoint") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(endpoint, Mapping):
        raise InvalidStepInput("The event names no endpoint. This function runs steps of execution_type http only.")
    time_ = Time.of(call, step, world)
    given = authorization(endpoint.get("auth"), lambda name: world.secret_of(step.tenant_id or "", name))
    request = Request(
        endpoint["method"],
        endpoint["url"],
        overlaid(
            USUAL_HEADERS,
            endpoint.get("headers") or {},
            {"Content-Type": "application/json", "Idempotency-Key": attempt_group_key(event, step)},
            trace_headers(trace),
        ),
        json.dumps({name: value for name, value in event.items() if name != CALL_FIELD}).encode(),
    )
    answer, _ = time_.answer(given.signed(request), float(endpoint["timeout_seconds"]), world)
    if not 200 <= answer.status < 300:
        raise refused(answer, given.hidden)
    output = output_of(answer, given.hidden, MAX_ANSWER_BYTES)
    if "output_schema" in endpoint:
        from workflow_engine.steps.output_schema import check_output

        check_output(output, endpoint["output_schema"])
    return output


def refused(answer: Answer, hidden: Iterable[str], who: str = "endpoint") -> Exception:
    """The error of an answer that is a failure, with the beginning of its body."""
    if answer.status == 429:
        return HttpThrottledError(f"The {who} answered 429 and does not say when it may be asked again.")
    error = HttpServerError if answer.status >= 500 else HttpClientError
    return error(f"The {who} answered {answer.status}: {shown(answer, hidden)}")


@dataclass(frozen=True, slots=True)
class Time:
    """The time that a step has, up to `end` of `World.now`."""

    end: float

    @classmethod
    def of(cls, call: Object, step: StepContext, world: World) -> Time:
        """As much as Lambda and the step's own limit leave, but for handing over the answer."""
        allowed = [s for s in (step.seconds_left, call.get("timeout_seconds")) if s is not None]
        seconds = float(min(allowed, default=UNKNOWN_SECONDS))
        return cls(world.now() + seconds - min(MARGIN_SECONDS, seconds / 10))

    def answer(
        self, request: Request, request_seconds: float, world: World, *, wanted: Container[int] = ()
    ) -> tuple[Answer, int]:
        """The answer to a request, which is sent again as often as the endpoint asks to wait and the step has time; and how
        often it was sent. An answer of a status that is `wanted` is taken as it is.
        """
        for sent in count(1):
            left = self.end - world.now()
            if left <= 0:
                raise HttpTimeoutError("The step's time was over before the endpoint could be asked.")
            seconds = min(request_seconds, left)
            answer = world.send(request, world.policy, seconds=seconds, max_bytes=MAX_ANSWER_BYTES, wanted=wanted)
            if answer.status != 429 or 429 in wanted:
                return answer, sent
            pause = _retry_after(answer.headers.get("retry-after", ""), world.utc_now())
            if pause is None:
                raise refused(answer, ())
            pause = max(pause, SHORTEST_PAUSE_SECONDS)
            if world.now() + pause >= self.end:
                raise HttpThrottledError(
                    f"The endpoint answered 429 and asks to wait {pause:.0f} seconds, which is more than the step has left."
                )
            world.sleep(pause)
        raise AssertionError("count ends")


def _retry_after(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait (RFC 9110, 10.2.3: a number of seconds or a date)."""
    if re.fullmatch(r"\d{1,9}", value.strip()):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now.timestamp())


def attempt_group_key(event: Object, step: StepContext) -> str:
    """What the endpoint knows repeated attempts of one step by: the same for all attempts, another for each element and each
    turn.

    It is the step's full place, where the machine tells it, the same over redrives. A machine that does not tells the step and the
    innermost index alone; there, when the state was entered and what is sent tell turns of a loop and elements of nested lists
    apart, so that a redriven step has another key.
    """
    if step.place:
        return f"{step.execution_id}:{step.place}"
    call = event.get(CALL_FIELD) or {}
    parts = [step.index, call.get("entered_at"), event.get("step_config"), event.get("input_data")]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    return f"{step.execution_id}:{step.step_id}:{digest}"


def trace_headers(trace: str) -> dict[str, str]:
    """X-Ray's header, and the same as W3C Trace Context has it (`traceparent`, version 00); none without a trace."""
    found = _XRAY.search(trace)
    if found is None:
        return {}
    flags = "01" if found["sampled"] == "1" else "00"
    return {
        "X-Amzn-Trace-Id": found[0],
        "traceparent": f"00-{found['time']}{found['rest']}-{found['parent']}-{flags}",
    }
