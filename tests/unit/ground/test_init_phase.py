"""Lambda makes clients before the first request; any other import makes nothing and reads nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from infra.catalog import FUNCTIONS
from infra.function import Function
from infra.packaging import OPENAPI_FILE
from workflow_engine.init_phase import IN_LAMBDA, at_init, once
from workflow_engine.settings import InvalidSettingError, MissingSettingError, Settings

CLIENT_OF_GRANT: Final = {
    "table": "dynamodb",
    "tenant_index": "dynamodb",
    "workflow_index": "dynamodb",
    "arn_index": "dynamodb",
    "due_index": "dynamodb",
    "bucket_objects": "s3",
    "machines": "stepfunctions",
    "executions": "stepfunctions",
    "activities": "stepfunctions",
    "activity_relay": "lambda",
    "llm_secrets": "secretsmanager",
    "tenant_secrets": "secretsmanager",
    "client_functions": "lambda",
    "vector_indexes": "s3vectors",
}
"""What a function is granted is what it calls; roles that are passed and models of tenants need no client of ours."""

DEPLOYED: Final = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "s",
    "TABLE_NAME": "t",
    "BUCKET_NAME": "b",
    "MACHINE_ROLE_ARN": "arn:aws:iam::123456789012:role/m",
    "MACHINE_IDLE_DAYS": "30",
    "OPENAPI_FILE": str(OPENAPI_FILE),
    "LLM_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:llm",
    "LLM_TENANT_SECRET_PREFIX": "workflow-dev/llm/",
}

IMPORT: Final = """
import importlib, json, os, socket, sys
import botocore.session

OURS = ("functions", "workflow_engine", "llm_gateway", "agent_tools")
handler = sys.argv[1]
read, made = [], []

def note(name):
    # What libraries read while they are imported is theirs.
    frame = sys._getframe(2)
    while frame.f_globals["__name__"] in ("os", "collections.abc", "_collections_abc"):
        frame = frame.f_back
    if frame.f_globals["__name__"].partition(".")[0] in OURS:
        read.append(name)

def item(self, name):
    note(name)
    return get(self, name)

def names(self):
    note("all of them")
    return every(self)

def create_client(self, name, *args, **kwargs):
    made.append(name)
    return original(self, name, *args, **kwargs)

def refuse(*args, **kwargs):
    raise AssertionError("the network was used")

get, os._Environ.__getitem__ = os._Environ.__getitem__, item
every, os._Environ.__iter__ = os._Environ.__iter__, names
original, botocore.session.Session.create_client = botocore.session.Session.create_client, create_client
socket.socket.connect = socket.getaddrinfo = refuse
importlib.import_module(handler)
at_import = {"read": read[:], "at_import": made[:]}
made.clear()
settings = sys.modules.get(handler.replace(".handler", ".settings"))
if hasattr(settings, "clients"):
    settings.clients()
print(json.dumps({**at_import, "later": made}))
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, and what asking for all clients did afterwards."""

    read: set[str]
    at_import: list[str]
    later: list[str]
    logged: str


def imported(described: Function, environment: dict[str, str]) -> Imported:
    module = described.handler.rpartition(".")[0]
    command = [sys.executable, "-c", IMPORT, module]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return Imported(set(answer["read"]), sorted(answer["at_import"]), sorted(answer["later"]), done.stderr)


def clients_of(described: Function) -> list[str]:
    return sorted({CLIENT_OF_GRANT[g.resource] for g in described.grants if g.resource in CLIENT_OF_GRANT})


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_an_import_outside_lambda_reads_nothing_and_makes_no_client(described: Function) -> None:
    done = imported(described, DEPLOYED)
    assert done.read <= {IN_LAMBDA}
    assert done.at_import == []
    assert done.later == clients_of(described)


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_in_lambda_all_that_a_function_may_call_has_its_client_before_the_first_request(described: Function) -> None:
    done = imported(described, {**DEPLOYED, IN_LAMBDA: "f"})
    assert done.at_import == clients_of(described)
    assert ("TABLE_NAME" in done.read) == ("TABLE_NAME" in described.environment and bool(clients_of(described)))
    assert done.later == []
    assert done.logged == ""


def test_a_setting_that_is_missing_at_init_names_itself_and_the_import_goes_on() -> None:
    janitor = next(f for f in FUNCTIONS if f.name == "machine_janitor")
    environment = {name: value for name, value in DEPLOYED.items() if not name.startswith("M") and name != "TABLE_NAME"}
    command = [sys.executable, "-c", f"import {janitor.handler.rpartition('.')[0]}"]
    done = subprocess.run(command, env={**environment, IN_LAMBDA: "f"}, capture_output=True, text=True, check=True)
    assert "Not ready for requests: MissingSettingError: The environment variable TABLE_NAME is not set." in done.stderr
    assert "The environment variable MACHINE_IDLE_DAYS is not set." in done.stderr


def test_what_failed_at_init_is_tried_again_by_the_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []

    @once
    def make() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise MissingSettingError("TABLE_NAME")
        return len(tries)

    monkeypatch.setenv(IN_LAMBDA, "f")
    at_init(make, lambda: tries.append(10))
    assert "TABLE_NAME is not set" in caplog.text
    assert tries == [1, 10]
    assert [make(), make()] == [3, 3]


def test_nothing_is_called_outside_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(IN_LAMBDA, raising=False)
    at_init(lambda: pytest.fail("was called"))


def test_threads_that_ask_at_once_get_the_same_thing() -> None:
    made: list[object] = []

    @once
    def make() -> object:
        time.sleep(0.02)  # long enough for all to ask
        made.append(object())
        return made[-1]

    assert {id(thing) for thing in asked_at_once(make)} == {id(made[0])}
    assert len(made) == 1


def test_threads_that_ask_at_once_get_the_same_client(monkeypatch: pytest.MonkeyPatch) -> None:
    from workflow_engine.usecases.engine import Engine

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    engine = Engine(Settings("t", "b", "r"))
    assert len({id(client) for client in asked_at_once(lambda: engine.client("dynamodb"))}) == 1
    assert engine.dynamodb is engine.client("dynamodb")


def asked_at_once(make: Callable[[], object], threads: int = 8) -> list[object]:
    barrier, got = threading.Barrier(threads), list[object]()

    def ask() -> None:
        barrier.wait()
        got.append(make())

    running = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return got


@pytest.mark.parametrize("text", ["{", "[]", '"arn"'])
def test_a_setting_that_cannot_be_read_names_itself(text: str) -> None:
    environment = {"TABLE_NAME": "t", "BUCKET_NAME": "b", "MACHINE_ROLE_ARN": "r", "STEP_FUNCTIONS": text}
    with pytest.raises(InvalidSettingError, match="STEP_FUNCTIONS must be a JSON object"):
        Settings.from_environment(environment)
