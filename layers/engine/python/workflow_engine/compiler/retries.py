"""How a Task is retried: the faults of Lambda always, then as the step says, or what passes by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import TaskLowering
from workflow_engine.data_limit import DATA_LIMIT_EXCEEDED
from workflow_engine.errors import StepTransientError
from workflow_engine.language.syntax import RetryPolicy, Step

SERVICE_FAULTS: Final[Mapping[str, Any]] = {
    # Developer guide, "Handle transient Lambda service exceptions", and throttling.
    "ErrorEquals": [
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
    # Not Lambda.Unknown, Sandbox.Timedout, Runtime.ExitError: the same page counts a function that ran out of time or memory
    # as an unhandled error. That is the step's own failure, for its max_retries to deal with.
    # One second at first and a rate of 2 are the defaults, and left out: every Task has these bytes.
    "MaxAttempts": 6,
    "JitterStrategy": "FULL",
}
NOT_STARTED: Final[Mapping[str, Any]] = {
    # Of StartExecution's errors those of a busy account, for which surely no child was started ("StartExecution", Errors).
    "ErrorEquals": ["StepFunctions.ExecutionLimitExceededException", "StepFunctions.ThrottlingException"],
    "MaxAttempts": 6,
    "JitterStrategy": "FULL",
}
TRANSIENT_ATTEMPTS: Final = 2
TRANSIENT_FAULTS: Final[Mapping[str, Any]] = {
    # After seconds, since the function has tried again within the first ones itself.
    "IntervalSeconds": 5,
    "MaxAttempts": TRANSIENT_ATTEMPTS,
    "BackoffRate": 3,
    "JitterStrategy": "FULL",
}
_RARE: Final = frozenset({StepTransientError.__name__})


def policy_of(step: Step, lowering: TaskLowering) -> RetryPolicy | None:
    """What the step says of retries, else its type, unless it says that there are none."""
    return step.retry or (None if step.never_retried else lowering.retry)


def own_retriers(policy: RetryPolicy, final_errors: Iterable[str] = ()) -> tuple[Mapping[str, Any], ...]:
    """The step's own retry policy as ASL: first what is not tried again, then the rest. MaxDelaySeconds is given only
    where it limits.

    `States.ALL` stands alone and last, and the first Retrier that names an error decides (ASL specification, "Retrier").
    What is too large is so the next time too. AWS's page says that States.ALL leaves it out; a public recording of 2024 has
    it matched, so it is named.
    """
    final = {"ErrorEquals": [*final_errors, DATA_LIMIT_EXCEEDED], "MaxAttempts": 0}
    grows = policy.strategy == "exponential_backoff" and policy.delay_seconds < policy.max_delay_seconds
    retrier: dict[str, Any] = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": min(policy.delay_seconds, policy.max_delay_seconds),
        "MaxAttempts": policy.max_retries,
        "BackoffRate": 2 if grows else 1,
    }
    if grows:
        retrier["MaxDelaySeconds"] = policy.max_delay_seconds
    return (final, retrier)


def retriers(lowering: TaskLowering, policy: RetryPolicy | None) -> tuple[Mapping[str, Any], ...]:
    """How a Task is retried: service faults always; then as the step says, or what passes by itself where it says nothing."""
    service: tuple[Mapping[str, Any], ...] = () if lowering.activity else (SERVICE_FAULTS,)
    if lowering.starts_child:
        service = (NOT_STARTED,)
    if policy is not None:
        return (*service, *own_retriers(policy, lowering.final_errors))
    if lowering.transient_errors:
        return (*service, {"ErrorEquals": list(lowering.transient_errors), **TRANSIENT_FAULTS})
    return service


def is_tried_again(lowering: TaskLowering, policy: RetryPolicy | None, error: str, retries: int) -> bool:
    """Whether a Task is retried that has failed with this error after so many retries."""
    named = {error, "States.ALL"}
    deciding = next((one for one in retriers(lowering, policy) if not named.isdisjoint(one["ErrorEquals"])), None)
    return deciding is not None and retries < deciding["MaxAttempts"]


def counted_retries(lowering: TaskLowering, policy: RetryPolicy | None) -> int:
    """The retries that a plan reckons with: not those of service faults, nor of what a step of anybody's may raise."""
    if policy is not None:
        return policy.max_retries
    return TRANSIENT_ATTEMPTS if set(lowering.transient_errors) - _RARE else 0
