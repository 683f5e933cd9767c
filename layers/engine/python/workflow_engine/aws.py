"""Calls of AWS: how long one may take, and what its errors mean. The one place where an error of AWS gets its kind.

The engine's clients (`translating`) raise errors of `workflow_engine.errors` by themselves for whatever may happen to any
call: throttling, no answer, a deployment that is not as it should be. Callers handle only what has a meaning of its own
there, such as a failed condition or an execution that is gone; that stays botocore's `ClientError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from workflow_engine.errors import MisconfiguredError, ThrottledError, UnavailableError, WorkflowEngineError
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from botocore.config import Config

Kind = Literal["throttled", "unavailable", "ops", "client"]
"""`throttled` passes: AWS refused, nothing was done. `unavailable` passes too, but what was done is not known. `ops`: it
goes on until the deployment or the account is changed. `client`: the caller knows what it means.
"""

_THROTTLED: Final = (
    # What botocore takes for throttling (`retries.standard.ThrottledRetryableChecker`).
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
    # DynamoDB: another transaction, or a write in another region, has the item.
    "ReplicatedWriteConflictException",
    "TransactionConflictException",
    # Step Functions.
    "ConflictException",
    "ExecutionLimitExceeded",
    "KmsThrottlingException",
    # S3: another write of the same object is under way.
    "ConditionalRequestConflict",
    "OperationAborted",
)
_UNAVAILABLE: Final = ("RequestTimeout", "RequestTimeoutException")
_OPS: Final = (
    # Credentials, policies, keys ("Common errors" of the API references).
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "KmsAccessDeniedException",
    "KmsInvalidStateException",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    # Step Functions: how machines are made, and how many.
    "InvalidArn",
    "InvalidEncryptionConfiguration",
    "InvalidLoggingConfiguration",
    "InvalidName",
    "InvalidTracingConfiguration",
    "StateMachineLimitExceeded",
    "StateMachineTypeNotSupported",
    "TooManyTags",
    # Table, bucket, or a document that a record names.
    "AllAccessDisabled",
    "InvalidObjectState",
    "NoSuchBucket",
    "NoSuchKey",
    "PermanentRedirect",
    "ResourceNotFoundException",
)
KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(_THROTTLED, "throttled"),
    **dict.fromkeys(_UNAVAILABLE, "unavailable"),
    **dict.fromkeys(_OPS, "ops"),
}
"""By AWS's error code; of one that is not here the HTTP status decides."""

_REASONS_THAT_PASS: Final = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
"""Codes of TransactWriteItems' `CancellationReasons`; botocore does not retry a cancelled transaction."""

_NAMES: Final[Mapping[str, str]] = {
    "dynamodb": "The table",
    "s3": "The bucket",
    "s3vectors": "The store of vectors",
    "sfn": "Step Functions",
}
"""By service id, as botocore's events have it."""

_EXPLAINED: Final[Mapping[str, str]] = {
    "StateMachineLimitExceeded": "The account holds as many state machines as its quota allows.",
}


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How often a call is tried, and how long each try waits for a connection and for each part of the answer."""

    attempts: int
    connect_seconds: float = 2
    read_seconds: float = 5

    def config(self) -> Config:
        """The configuration of a client that keeps these limits."""
        from botocore.config import Config

        return Config(
            connect_timeout=self.connect_seconds,
            read_timeout=self.read_seconds,
            # Not `max_attempts`, which counts the retries.
            retries={"mode": "standard", "total_max_attempts": self.attempts},
        )


LIMITS: Final[Mapping[str, CallLimits]] = {
    "dynamodb": CallLimits(attempts=3),
    "s3": CallLimits(attempts=3),
    "s3vectors": CallLimits(attempts=3, read_seconds=15),  # for steps only
    "secretsmanager": CallLimits(attempts=3),
    "lambda": CallLimits(attempts=2),
    "logs": CallLimits(attempts=2),
    # CreateStateMachine is tried again by `machines.registry` too, for which time must be left.
    "stepfunctions": CallLimits(attempts=2),
}
"""By boto3's name of the service. A call never outlives the request that it is made for (29 s)."""

LEFT_TO_THE_CALLER: Final = frozenset({"StartExecution"})
"""Operations whose errors no client translates: `machines.step_functions` must tell from each sending whether a run may have
started.
"""


def config(service: str) -> Config:
    """The configuration of a client of a service, by boto3's name of it: how long its calls may take."""
    return LIMITS[service].config()


def translating(made: Any) -> Any:
    """A client of DynamoDB, S3, S3 Vectors or Step Functions that from now on raises ThrottledError, UnavailableError and
    MisconfiguredError by itself; those of other services stay as they are.
    """
    if made.meta.service_model.service_id.hyphenize() in _NAMES:
        made.meta.events.register_last("after-call", _after_call)
        made.meta.events.register_last("after-call-error", _after_call_error)
    return made


def _after_call(http_response: Any, parsed: Any, model: Any, event_name: str, **_: Any) -> None:
    """botocore's event for an answer, also of an error, after its own retries and before it raises."""
    if http_response.status_code < 300 or model.name in LEFT_TO_THE_CALLER:
        return
    from botocore.exceptions import ClientError

    refused = ClientError(parsed, model.name)
    error = translated(refused, event_name.split(".")[1])
    if error is not None:
        raise error from refused


def _after_call_error(exception: Exception, event_name: str, **_: Any) -> None:
    """botocore's event for a call that got no answer, after its own retries."""
    service, operation = event_name.split(".")[1:]
    error = None if operation in LEFT_TO_THE_CALLER else translated(exception, service)
    if error is not None:
        raise error from exception


@contextmanager
def errors_translated(service: str) -> Iterator[None]:
    """Raise errors of botocore as `translated` has them; for what no client's events see, as the body of an object."""
    try:
        yield
    except Exception as error:
        known = translated(error, service)
        if known is None:
            raise
        raise known from error


def translated(error: Exception, service: str = "") -> WorkflowEngineError | None:
    """What an error of botocore is to whoever asked; None for what only the caller can tell, and for other errors.

    `service` is botocore's service id: dynamodb, s3, sfn.
    """
    if not any(kind.__module__.startswith("botocore.") for kind in type(error).__mro__):
        return None
    from botocore.exceptions import ClientError

    name = _NAMES.get(service, "AWS")
    if not isinstance(error, ClientError):
        return _of_no_answer(error, name)
    code, message = code_of(error), str(error.response.get("Error", {}).get("Message", ""))
    match kind_of(error, service):
        case "throttled":
            return ThrottledError(f"{name} is busy. Try again in a second.")
        case "unavailable":
            return _unavailable(name)
        case "ops":
            return _misconfigured(code, message or str(error))
    return None


def code_of(error: Exception) -> str:
    """AWS's error code in a ClientError, "" in any other error."""
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def kind_of(error: Exception, service: str = "") -> Kind:
    """The kind of a ClientError."""
    response: Any = getattr(error, "response", {})
    code = code_of(error)
    if code in KINDS:
        return KINDS[code]
    reasons = {r.get("Code", "None") for r in response.get("CancellationReasons", ())} - {"None"}
    if reasons and reasons <= _REASONS_THAT_PASS:
        return "throttled"
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if status == 503 and service == "s3":
        return "throttled"  # S3's way to say so ("Error responses": ServiceUnavailable, SlowDown)
    if status >= 500:
        return "unavailable"
    if code.startswith("KMS."):  # S3's codes for a key that cannot be used
        return "ops"
    return "client"


def _of_no_answer(error: Exception, name: str) -> WorkflowEngineError | None:
    from botocore import exceptions, parsers

    no_answer = (
        exceptions.HTTPClientError,
        exceptions.ConnectionError,
        exceptions.IncompleteReadError,
        exceptions.FlexibleChecksumError,
        parsers.ResponseParserError,  # bytes that are no answer of AWS's, as of a proxy
    )
    if isinstance(error, no_answer):
        return _unavailable(name)
    not_set_up = (
        exceptions.CredentialRetrievalError,
        exceptions.NoCredentialsError,
        exceptions.NoRegionError,
        exceptions.PartialCredentialsError,
    )
    if isinstance(error, not_set_up):
        return _misconfigured(type(error).__name__, str(error))
    return None


def _unavailable(name: str) -> UnavailableError:
    return UnavailableError(
        f"{name} did not answer, so it is not known what was done. Try again; with an Idempotency-Key nothing is done twice."
    )


def _misconfigured(code: str, message: str) -> MisconfiguredError:
    why = _EXPLAINED.get(code, f"AWS answers {code}, which goes on until the deployment is mended.")
    return MisconfiguredError(why, aws_code=code, aws_message=message)
