"""The backend on moto: table, bucket, role and an engine. Nothing runs there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any
from unittest import mock

from tests.support.aws_played import played_aws
from workflow_engine.settings import Settings
from workflow_engine.store.schema import table_definition
from workflow_engine.usecases.engine import Engine

REGION = "us-east-1"
SETTINGS = Settings(
    table_name="workflows",
    bucket_name="payloads",
    machine_role_arn="arn:aws:iam::123456789012:role/machines",
    stage="test",
    step_functions={"step_data": f"arn:aws:lambda:{REGION}:123456789012:function:workflow-step-data"},
)


@contextmanager
def backend(**settings: Any) -> Iterator[Engine]:
    """An engine on an empty moto, where executions stay as they are started."""
    import boto3
    from botocore.session import get_session

    with played_aws({"core": {"mock_credentials": True}, "stepfunctions": {"execute_state_machine": False}}):
        boto3.setup_default_session(region_name=REGION)
        boto3.client("dynamodb", region_name=REGION).create_table(**table_definition(SETTINGS.table_name))
        boto3.client("s3", region_name=REGION).create_bucket(Bucket=SETTINGS.bucket_name)
        engine = Engine(replace(SETTINGS, **settings), sleep=lambda _: None)
        session = get_session()
        session.set_config_variable("region", REGION)
        object.__setattr__(engine, "_session", session)
        yield engine


@contextmanager
def one_request_at_a_time() -> Iterator[None]:
    """moto answers threads one after the other: its conditional writes are not atomic, and its objects are closed while they are
    read. AWS's are not.
    """
    from moto.core.botocore_stubber import BotocoreStubber

    lock, answer = threading.RLock(), BotocoreStubber.__call__

    @wraps(answer)
    def alone(self: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return answer(self, *args, **kwargs)

    with mock.patch.object(BotocoreStubber, "__call__", alone):
        yield


@contextmanager
def counted(*clients: Any) -> Iterator[list[str]]:
    """The operations that these clients send meanwhile, by name, in order."""
    calls: list[str] = []

    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    for client in clients:
        client.meta.events.register("before-call", count)
    try:
        yield calls
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", count)
