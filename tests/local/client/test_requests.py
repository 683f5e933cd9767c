"""What is sent: tokens, signatures, time limits."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys
import threading

import anyio
import pytest

from tests.local.client.support import ONCE, http, listening
from workflow_engine.client import (
    AsyncClient,
    BearerToken,
    Client,
    SigV4,
)
from workflow_engine.client.transport import Request

pytestmark = pytest.mark.xdist_group("client")


def test_a_method_shows_what_it_takes() -> None:
    assert [*inspect.signature(Client("http://127.0.0.1:9").runs.wait).parameters] == ["execution_id", "timeout"]


# In whose name


def test_a_token_is_sent_below_the_stage_of_the_api_and_asked_for_anew_each_time() -> None:
    tokens = iter(["first", "second"])
    answer = http("200 OK", b"{}", content_type="application/json")
    with (
        listening(answer) as port,
        Client(f"http://127.0.0.1:{port}/prod/", auth=BearerToken(lambda: next(tokens))) as client,
    ):
        for token in ("first", "second"):
            client.runs.get("e1")
            received: str = answer.received  # type: ignore[attr-defined]  # as above
            assert received.startswith("GET /prod/executions/e1 HTTP/1.1\r\n")
            assert f"authorization: Bearer {token}\r\n" in received.replace("Authorization", "authorization")


def test_a_short_timeout_is_not_that_of_what_was_asked_to_be_held_back(url: str) -> None:
    pause = {"steps": [{"step_id": "p", "step_type": "delay", "config": {"delay_seconds": 1.5}}]}
    # The starts themselves may take longer than half a second.
    with Client(url) as patient, Client(url, timeout=0.5, retries=ONCE) as client:
        execution_id = patient.runs.start(pause)["execution_id"]
        assert client.runs.wait(execution_id, timeout=60)["status"] == "completed"
        execution_id = patient.runs.start(pause)["execution_id"]
        assert list(client.runs.events(execution_id))[-1]["type"] == "run.completed"


def test_an_event_loop_goes_on_while_credentials_are_fetched(url: str) -> None:
    may_go_on = threading.Event()

    def token() -> str:
        assert may_go_on.wait(60)
        return "token"

    async def look() -> None:
        async with AsyncClient(url, auth=BearerToken(token)) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(client.runs.count)
            await anyio.sleep(0)
            may_go_on.set()

    anyio.run(look)


def test_requests_are_signed_as_the_gateway_checks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ACCESS_KEY_ID": "AKIDEXAMPLE",
        "SECRET_ACCESS_KEY": "secret",
        "SESSION_TOKEN": "t0k3n",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    url = "https://abc.execute-api.eu-west-1.amazonaws.com/prod"
    request = Request("GET", "/executions/e1", (("steps", "a b,c"),))
    headers = SigV4().headers(request.method, url + request.target, {"user-agent": "x"}, b"")
    assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in headers["authorization"]
    assert headers["x-amz-security-token"] == "t0k3n"


def test_nobody_else_is_told_who_asks() -> None:
    answer = http("200 OK", b"1", content_type="application/json")
    with listening(answer) as port, Client("http://127.0.0.1:9", auth=BearerToken("secret")) as client:
        client._transport.send(Request("GET", f"http://127.0.0.1:{port}/payloads/x"))
    assert "secret" not in answer.received  # type: ignore[attr-defined]  # as above


def test_addresses_that_hold_signatures_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with listening(http("200 OK", b"1")) as port, Client("http://127.0.0.1:9") as client:
        client._transport.send(Request("GET", f"http://127.0.0.1:{port}/x?X-Amz-Signature=s3cr3t"))
    assert "s3cr3t" not in caplog.text


def test_the_client_loads_nothing_of_the_engine_and_http_when_it_is_needed() -> None:
    program = """
import sys
from workflow_engine.client import Client
unwanted = ("boto3", "botocore", "pydantic", "aws_lambda_powertools", "httpx2", "jsonschema", "workflow_engine.usecases")
assert [name for name in unwanted if name in sys.modules] == []
Client("http://127.0.0.1:9")
assert [name for name in unwanted if name in sys.modules] == []
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
