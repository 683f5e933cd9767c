"""AWS on this machine: the embedded engine is its Step Functions, moto its other services; the functions of the catalogue are
called in this process.

No account, no credentials and no network are used: every AWS call of the process is answered here while the cloud lasts.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote

from infra.catalog import FUNCTIONS
from infra.local.gateway import ACCOUNT, REGION, Gateway, HttpRequest, LambdaContext, load_handler
from infra.local.steps import StepsDirectory, StepsDirectoryError
from llm_gateway.configuration import AWS_CREDENTIALS
from workflow_engine.http.caller import LOCAL_TENANT
from workflow_engine.usecases.engine import use_local_step_loader

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from infra.local.stepfunctions.journal import Head
    from infra.local.stepfunctions.lambdas import LambdaFunctions

TABLE: Final = "workflow-local"
BUCKET: Final = "workflow-local"
ROLE: Final = "workflow-machines"

_REAL_BEDROCK: Final = r"https://bedrock-runtime[.-]"
_REGIONS: Final = ("BEDROCK_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
_one_at_a_time: Final = threading.Lock()

OPENAPI_FILE: Final = Path(__file__).parents[1] / "openapi.json"


class LocalCloud:
    """The whole system on this machine, for as long as the context lasts; one at a time in a process.

    `gateway` answers HTTP requests as the deployed API would. Each start is a cold start: functions are imported
    afresh and the store is empty.
    """

    def __init__(self, *, steps_directory: Path | None = None, with_interpreter: bool = True) -> None:
        """`steps_directory` is what `--steps` gives (`infra.local.steps`). `with_interpreter=False` starts a second
        faster and cannot run machines, for those who only validate and compile.
        """
        self.gateway = Gateway(FUNCTIONS, self._object)
        self._steps = None if steps_directory is None else StepsDirectory(steps_directory.resolve())
        self._with_interpreter = with_interpreter
        self._functions: LambdaFunctions | None = None
        self._run_ended = threading.Event()
        self._s3: S3Client | None = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if not _one_at_a_time.acquire(blocking=False):
            raise RuntimeError("Another local cloud is open in this process; moto's services are those of the process.")
        with contextlib.ExitStack() as opening:
            opening.callback(_one_at_a_time.release)
            self._start(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request through the gateway; gives the status and the JSON answer, None when it has no body. Follows 303."""
        headers = (("content-type", "application/json"), ("host", "localhost"))
        content = b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        response = self.gateway.handle(HttpRequest(method, unquote(path), query, headers, content))
        if response.status == HTTPStatus.SEE_OTHER:
            return self.call("GET", response.headers["location"])
        return response.status, json.loads(response.body) if response.body else None

    def wait_for_an_end(self, seconds: float) -> bool:
        """Wait until some run has ended and was recorded since the last call. False when `seconds` passed without one."""
        ended = self._run_ended.wait(seconds)
        self._run_ended.clear()
        return ended

    def _start(self, opening: contextlib.ExitStack) -> None:
        from moto import mock_aws

        from infra.local import moto_dynamodb

        moto_dynamodb.apply()
        credentials = _developers_credentials()
        mock = mock_aws(
            config={
                # moto has no models: a developer who has credentials for Bedrock asks the real ones.
                "core": {"passthrough": {"urls": [_REAL_BEDROCK]}},
            }
        )
        mock.start()
        opening.callback(mock.stop)
        opening.enter_context(_environment(_settings() | {"LLM_VARIABLES": credentials}))
        opening.enter_context(_fresh_functions())
        if self._with_interpreter:
            from infra.local.machines import local_machines

            # Before the first session: it has what is there when it is made.
            machines = local_machines(region=REGION, account=ACCOUNT, on_end=self._record)
            self._functions = opening.enter_context(machines)
        self._s3 = _create_resources()
        if self._functions is not None:
            for function in FUNCTIONS:
                if function.kind == "step":
                    self._functions.register(function_arn(function.name), load_handler(function))
        if self._steps is not None:
            directory = self._steps
            # At the end, so that a file of the folder cannot take the place of a module of anybody else.
            sys.path.append(str(directory.path))
            opening.callback(sys.path.remove, str(directory.path))
            opening.callback(use_local_step_loader, None)
            use_local_step_loader(lambda _tenant, step_type, handler: self._load_step(directory, step_type, handler))
            self._register_all(directory)

    def _record(self, ended: Head) -> None:
        """What EventBridge and SQS do on AWS: hand the end of a run to the recorder."""
        recorder = next(f for f in FUNCTIONS if f.name == "execution_recorder")
        context = LambdaContext(recorder.name, uuid.uuid4().hex, time.monotonic() + recorder.timeout_seconds)
        load_handler(recorder)(queued_event(ended), context)
        self._run_ended.set()

    def _load_step(self, directory: StepsDirectory, step_type: str, handler: str) -> str:
        """The ARN under which machines call a Python function. Raises `StepsDirectoryError` for one that is not there."""
        function = directory.load(handler)
        arn = function_arn(f"step-local-{step_type}")
        if self._functions is not None:
            self._functions.register(arn, function)
        return arn

    def _object(self, key: str) -> bytes | None:
        """An object of the bucket, None when there is none of this key."""
        assert self._s3 is not None
        try:
            return self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None

    def _register_all(self, directory: StepsDirectory) -> None:
        for registration in directory.registrations():
            status, answer = self.call("POST", "/steps/register", registration)
            if status >= 400:
                reasons = " ".join(f"{e['pointer']} {e['detail']}".strip() for e in answer["errors"])
                raise StepsDirectoryError(f"Step type '{registration.get('step_type')}' is refused: {reasons}")


def function_arn(name: str) -> str:
    """ARN of a function of the catalogue."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:workflow-{name.replace('_', '-')}"


def queued_event(ended: Head) -> dict[str, Any]:
    """The batch of one that SQS sends for EventBridge's "Step Functions Execution Status Change" event.

    `ended` is the head of a run that has ended.
    """
    assert ended.stopped is not None
    stopped = int(ended.stopped * 1000)
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ended.stopped)),
        "region": REGION,
        "resources": [ended.arn],
        "detail": {
            "executionArn": ended.arn,
            "stateMachineArn": ended.machine,
            "name": ended.name,
            "status": ended.status,
            "startDate": int(ended.started * 1000),
            "stopDate": stopped,
            "input": ended.input,
            "output": ended.output,
            "inputDetails": {"included": True},
            "outputDetails": None if ended.output is None else {"included": True},
            "error": ended.error,
            "cause": ended.cause,
        },
    }
    body = json.dumps(event)
    message = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": uuid.uuid4().hex,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(stopped),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": str(stopped),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:workflow-executions",
        "awsRegion": REGION,
    }
    return {"Records": [message]}


def _settings() -> dict[str, str]:
    """The environment that the functions of the catalogue read."""
    return {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "TABLE_NAME": TABLE,
        "BUCKET_NAME": BUCKET,
        "MACHINE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        "MACHINE_PREFIX": "workflow",
        "STAGE": "local",
        "STEP_FUNCTIONS": json.dumps({f.name: function_arn(f.name) for f in FUNCTIONS if f.kind == "step"}),
        "ALLOW_LOCAL_STEPS": "1",
        "PAYLOAD_BASE_URL": "/",
        "AUTH_MODE": "local",
        "LLM_OWNER_TENANT": LOCAL_TENANT,
        "OPENAPI_FILE": str(OPENAPI_FILE),
    }


def _developers_credentials() -> str:
    """What the developer has for Bedrock, as `LLM_VARIABLES` takes it. While moto lasts, the environment has its own made-up
    credentials, which would make Bedrock look configured.
    """
    found = {name: os.environ.get(name) for name in AWS_CREDENTIALS}
    region = next((r for name in _REGIONS if (r := os.environ.get(name))), None)
    return json.dumps(found | ({"BEDROCK_REGION": region} if region else {}))


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _fresh_functions() -> Iterator[None]:
    """Functions keep clients and settings for as long as they are warm; none of them may outlive this cloud or the last."""

    def forget() -> None:
        for module in [m for m in sys.modules if m.startswith("functions.")]:
            del sys.modules[module]

    forget()
    try:
        yield
    finally:
        forget()


def _create_resources() -> S3Client:
    """Table, bucket and role; gives a client of the bucket."""
    import boto3

    from workflow_engine.store.schema import table_definition

    boto3.client("dynamodb").create_table(**table_definition(TABLE))
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    boto3.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    return s3
