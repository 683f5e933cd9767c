"""What AWS answers, or fails to answer, as the engine's errors; and how long a call may take."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from botocore import exceptions
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.parsers import ResponseParserError
from botocore.session import get_session

from infra.catalog import FUNCTIONS, function
from workflow_engine import aws
from workflow_engine.errors import MisconfiguredError, ThrottledError, UnavailableError
from workflow_engine.http.problem import problem_of
from workflow_engine.machines import registry
from workflow_engine.settings import Settings
from workflow_engine.usecases.engine import Engine

ROOT: Final = Path(__file__).parents[3]
HOST: Final = "https://aws.example"

CALLS: Final[dict[str, Callable[[Any], Any]]] = {
    "dynamodb": lambda c: c.get_item(TableName="t", Key={"pk": {"S": "a"}}),
    "s3": lambda c: c.get_object(Bucket="b", Key="k"),
    "stepfunctions": lambda c: c.stop_execution(executionArn="arn"),
}


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content


def client_of(service: str) -> Any:
    """The client of an engine."""
    engine = Engine(Settings("table", "bucket", "arn:role"))
    session = get_session()
    session.set_credentials("id", "secret")
    session.set_config_variable("region", "eu-west-1")
    object.__setattr__(engine, "_session", session)
    return getattr(engine, service)


def client_that_gets(service: str, answer: Callable[[Any], Any]) -> tuple[Any, list[str]]:
    """A client of the engine with an answer (or an exception) in place of the network, and the attempts it makes."""
    made, attempts = client_of(service), list[str]()

    def send(request: Any, **_: Any) -> Any:
        attempts.append(request.url)
        return answer(request)

    made.meta.events.register("before-send", send)
    return made, attempts


def refusal(service: str, status: int, code: str) -> Callable[[Any], AWSResponse]:
    json_body = f'{{"__type": "com.amazonaws#{code}", "message": "no"}}'
    xml_body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    content = (xml_body if service == "s3" else json_body).encode()
    return lambda request: AWSResponse(request.url, status, HTTPHeaders(), _Body(content))


def error_of(service: str, answer: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> Exception:
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore's pauses
    made, attempts = client_that_gets(service, answer)
    with pytest.raises(Exception) as raised:  # noqa: PT011  # which one is what tests look at
        CALLS[service](made)
    assert len(attempts) <= aws.LIMITS[service].attempts
    return raised.value


@pytest.mark.parametrize(
    ("service", "status", "code", "wanted"),
    [
        ("dynamodb", 400, "ProvisionedThroughputExceededException", ThrottledError),
        ("dynamodb", 400, "TransactionConflictException", ThrottledError),
        ("dynamodb", 500, "InternalServerError", UnavailableError),
        ("dynamodb", 503, "ServiceUnavailable", UnavailableError),
        ("dynamodb", 400, "AccessDeniedException", MisconfiguredError),
        ("dynamodb", 400, "ResourceNotFoundException", MisconfiguredError),
        ("s3", 503, "SlowDown", ThrottledError),
        ("s3", 503, "ServiceUnavailable", ThrottledError),
        ("s3", 500, "InternalError", UnavailableError),
        ("s3", 400, "RequestTimeout", UnavailableError),
        ("s3", 403, "AccessDenied", MisconfiguredError),
        ("s3", 400, "KMS.DisabledException", MisconfiguredError),
        ("s3", 404, "NoSuchKey", MisconfiguredError),
        ("stepfunctions", 400, "ThrottlingException", ThrottledError),
        ("stepfunctions", 400, "KmsThrottlingException", ThrottledError),
        ("stepfunctions", 400, "InvalidArn", MisconfiguredError),
        ("stepfunctions", 502, "BadGateway", UnavailableError),
    ],
)
def test_a_refusal_of_aws_has_its_kind_wherever_it_is_met(
    service: str, status: int, code: str, wanted: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = error_of(service, refusal(service, status, code), monkeypatch)
    assert type(error) is wanted
    assert aws.code_of(error.__cause__) == code  # type: ignore[arg-type]  # there is one, or the comparison fails


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize(
    "lost",
    [
        exceptions.ReadTimeoutError(endpoint_url=HOST),
        exceptions.ConnectTimeoutError(endpoint_url=HOST),
        exceptions.EndpointConnectionError(endpoint_url=HOST),
        exceptions.ConnectionClosedError(endpoint_url=HOST),
        exceptions.SSLError(endpoint_url=HOST, error=OSError("cut off")),
        ResponseParserError("<html>"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_no_answer_is_an_answer_that_says_so(service: str, lost: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(_request: Any) -> None:
        raise lost

    error = error_of(service, lose, monkeypatch)
    assert type(error) is UnavailableError
    problem = problem_of(error)
    assert (problem.status, problem.code, problem.headers["Retry-After"]) == (503, "unavailable", "1")


@pytest.mark.parametrize(
    ("service", "status", "code"),
    [
        ("dynamodb", 400, "ConditionalCheckFailedException"),
        ("stepfunctions", 400, "ExecutionDoesNotExist"),
        ("s3", 412, "PreconditionFailed"),
    ],
)
def test_what_only_the_caller_can_tell_is_left_to_the_caller(
    service: str, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = error_of(service, refusal(service, status, code), monkeypatch)
    assert isinstance(error, exceptions.ClientError)
    assert aws.code_of(error) == code


def test_a_start_is_left_to_who_keeps_a_record_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CALLS, "stepfunctions", lambda c: c.start_execution(stateMachineArn="a", name="n", input="{}"))
    refused = error_of("stepfunctions", refusal("stepfunctions", 400, "ThrottlingException"), monkeypatch)
    assert isinstance(refused, exceptions.ClientError)
    assert problem_of(refused).status == 429

    def lose(_request: Any) -> None:
        raise exceptions.ReadTimeoutError(endpoint_url=HOST)

    lost = error_of("stepfunctions", lose, monkeypatch)
    assert isinstance(lost, exceptions.ReadTimeoutError)
    assert problem_of(lost).status == 503


def test_a_transaction_that_was_throttled_is_throttling_and_one_with_a_failed_condition_is_not() -> None:
    def cancelled(*reasons: str) -> exceptions.ClientError:
        response: Any = {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": reason} for reason in reasons],
        }
        return exceptions.ClientError(response, "TransactWriteItems")

    assert aws.kind_of(cancelled("None", "ThrottlingError")) == "throttled"
    assert aws.kind_of(cancelled("ConditionalCheckFailed", "ThrottlingError")) == "client"


def test_an_error_of_aws_that_nobody_translated_is_no_bare_500() -> None:
    response: Any = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    assert problem_of(exceptions.ClientError(response, "ListFunctions")).status == 429
    assert problem_of(exceptions.ReadTimeoutError(endpoint_url=HOST)).status == 503
    assert problem_of(KeyError("a")).status == 500


def test_ops_read_the_cause_in_the_log_and_clients_do_not(caplog: pytest.LogCaptureFixture) -> None:
    arn = "arn:aws:iam::123456789012:role/engine is not authorized"
    response: Any = {"Error": {"Code": "AccessDeniedException", "Message": arn}}
    problem = problem_of(exceptions.ClientError(response, "CreateStateMachine"))
    assert (problem.status, problem.code) == (503, "service_misconfigured")
    assert "AccessDeniedException" in problem.detail
    assert arn not in str(problem.as_dict())
    (record,) = caplog.records
    assert (record.levelname, vars(record)["aws_message"]) == ("ERROR", arn)


def test_errors_of_others_stay_as_they_are() -> None:
    assert aws.translated(ValueError("a")) is None
    assert aws.translated(ThrottledError("busy")) is None
    assert aws.translated(exceptions.ParamValidationError(report="a mistake of ours")) is None


def longest(config: Any) -> float:
    """Seconds that a call with this configuration takes when nobody answers: attempts, and pauses of 1, 2, 4... s."""
    attempts = config.retries["total_max_attempts"]
    pauses = sum(min(2**n, 20) for n in range(attempts - 1))
    return float(attempts * (config.connect_timeout + config.read_timeout) + pauses)


def test_a_call_of_the_engine_ends_within_the_shortest_function_that_makes_it() -> None:
    shortest = min(f.timeout_seconds for f in FUNCTIONS if "TABLE_NAME" in f.environment)
    for service in CALLS:
        assert longest(client_of(service).meta.config) < shortest, service


def test_creating_a_machine_with_its_own_retries_ends_within_the_request() -> None:
    shortest = min(
        f.timeout_seconds for f in FUNCTIONS if any("states:CreateStateMachine" in g.actions for g in f.grants)
    )
    assert registry.RETRY_FOR_SECONDS + longest(client_of("stepfunctions").meta.config) < shortest


def test_calls_for_secrets_and_of_functions_end_within_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.step_agent import settings

    made: dict[str, Any] = {}

    def remember(service: str, config: Any = None) -> None:
        made[service] = config or aws.config(service)

    class Remembering:
        client = staticmethod(remember)

    monkeypatch.setattr(settings, "engine", Remembering)
    settings._lambda()
    settings._secrets_manager()
    readers = [f for f in FUNCTIONS if any(g.resource == "llm_secrets" for g in f.grants)]
    assert longest(made["secretsmanager"]) < min(f.timeout_seconds for f in readers)
    assert longest(made["lambda"]) < function("step_agent").timeout_seconds


MAKERS: Final = {
    "layers/engine/python/workflow_engine/usecases/engine.py": "dynamodb, s3, stepfunctions: translated; others as they are",
    "layers/engine/python/workflow_engine/tenant_secrets.py": "secrets manager, whose errors are those of a step",
    "layers/llm/python/llm_gateway/providers/bedrock/clients.py": "bedrock, which has errors of its own",
}


def makes_clients(path: Path) -> bool:
    """Whether a module imports boto3 or sessions of botocore and calls `.client(...)` or its like."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    modules = {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    modules |= {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    called = [n.func for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    makes = any(f.attr in ("client", "resource", "create_client") for f in called)
    return makes and any(module.split(".")[0] == "boto3" or module == "botocore.session" for module in modules)


def test_nobody_else_makes_clients_whose_errors_nobody_translates() -> None:
    paths = [path for folder in ("functions", "layers") for path in (ROOT / folder).rglob("*.py")]
    assert {path.relative_to(ROOT).as_posix() for path in paths if makes_clients(path)} == set(MAKERS)
