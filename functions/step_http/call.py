"""One step to its endpoint and back: what is sent, how long it may take, and what the answer means."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from functions.step_http.answers import output_of, shown
from workflow_engine.endpoint_errors import (
    HttpClientError,
    HttpServerError,
    HttpThrottledError,
    HttpTimeoutError,
    SecretNotSetError,
)
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.outbound import AddressPolicy
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

_XRAY: Final = re.compile(
    r"Root=1-(?P<time>[0-9a-f]{8})-(?P<rest>[0-9a-f]{24});Parent=(?P<parent>[0-9a-f]{16})(;Sampled=(?P<sampled>[01]))?"
)
_FIT_FOR_HEADER: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


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
    allowed = [s for s in (step.seconds_left, call.get("timeout_seconds")) if s is not None]
    seconds = float(min(allowed, default=UNKNOWN_SECONDS))
    end = world.now() + seconds - min(MARGIN_SECONDS, seconds / 10)
    authorization, hidden = _authorization(endpoint.get("auth"), step.tenant_id or "", world)
    request = Request(
        endpoint["method"],
        endpoint["url"],
        {
            "User-Agent": "workflow-engine",
            "Accept": "application/json, */*;q=0.5",
            **(endpoint.get("headers") or {}),
            "Content-Type": "application/json",
            "Idempotency-Key": attempt_group_key(event, step),
            **trace_headers(trace),
            **authorization,
        },
        json.dumps({name: value for name, value in event.items() if name != CALL_FIELD}).encode(),
    )
    answer = _answer_in_time(request, float(endpoint["timeout_seconds"]), end, world)
    if 200 <= answer.status < 300:
        return output_of(answer, hidden, MAX_ANSWER_BYTES)
    error = HttpServerError if answer.status >= 500 else HttpClientError
    raise error(f"The endpoint answered {answer.status}: {shown(answer, hidden)}")


def _answer_in_time(request: Request, request_seconds: float, end: float, world: World) -> Answer:
    """The answer to a request, which is sent again as often as the endpoint asks to wait and the step has time. `end`
    is of `world.now`.
    """
    while True:
        left = end - world.now()
        if left <= 0:
            raise HttpTimeoutError("The step's time was over before the endpoint could be asked.")
        answer = world.send(request, world.policy, seconds=min(request_seconds, left), max_bytes=MAX_ANSWER_BYTES)
        if answer.status != 429:
            return answer
        pause = _retry_after(answer.headers.get("retry-after", ""), world.utc_now())
        if pause is None:
            raise HttpThrottledError("The endpoint answered 429 and does not say when it may be asked again.")
        pause = max(pause, SHORTEST_PAUSE_SECONDS)
        if world.now() + pause >= end:
            raise HttpThrottledError(
                f"The endpoint answered 429 and asks to wait {pause:.0f} seconds, which is more than the step has left."
            )
        world.sleep(pause)


def _retry_after(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait (RFC 9110, 10.2.3: a number of seconds or a date)."""
    if re.fullmatch(r"\d{1,9}", value.strip()):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now.timestamp())


def attempt_group_key(event: Object, step: StepContext) -> str:
    """What the endpoint knows repeated attempts of one step by: the same for all attempts of a state that was entered once,
    another for each element and each turn.

    The place is the step and the innermost index; when the state was entered, and what is sent, tell turns of a loop and
    elements of nested lists apart. So a redriven step has another key.
    """
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


def _authorization(auth: Object | None, tenant_id: str, world: World) -> tuple[dict[str, str], tuple[str, ...]]:
    """The header that carries the tenant's secret, and the texts that may not be seen anywhere."""
    if not auth:
        return {}, ()
    secret = world.secret_of(tenant_id, auth["secret"]).strip()
    if auth["type"] == "basic":
        pair = base64.b64encode(f"{auth['username']}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}, (secret, pair)
    if not _FIT_FOR_HEADER.fullmatch(secret):
        raise SecretNotSetError(f"The secret {auth['secret']} holds characters that no header can carry.")
    if auth["type"] == "bearer":
        return {"Authorization": f"Bearer {secret}"}, (secret,)
    return {auth["header"]: secret}, (secret,)
