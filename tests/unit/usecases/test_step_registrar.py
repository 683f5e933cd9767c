"""The custom resource that registers steps, as CloudFormation calls it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from functions.step_registrar import handler as registrar
from tests.support.backend_cloud import backend
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.steps import read_steps, register_step

TENANT = Caller("123456789012")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-ocr"


class Answers:
    """CloudFormation's side: an address that takes one PUT for each request."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        answers = self

        class Receiver(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answers.received.append(json.loads(body))
                answers.content_types.append(self.headers["Content-Type"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self.server.server_port}/answer?signature=x"


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    with backend() as made:
        monkeypatch.setattr(registrar, "engine", lambda: made)
        yield made


def ask(answers: Answers, kind: str, *, physical_id: str | None = None, **registration: Any) -> dict[str, Any]:
    body = {"step_type": "ocr", "function_arn": ARN, **registration}
    event = {
        "RequestType": kind,
        "ResponseURL": answers.url,
        "StackId": "arn:stack",
        "RequestId": "r-1",
        "LogicalResourceId": "OcrRegistration",
        "ResourceProperties": {"TenantId": TENANT.tenant_id, "Registration": json.dumps(body)},
    }
    registrar.handler(event | ({"PhysicalResourceId": physical_id} if physical_id else {}), None)
    return answers.received[-1]


def test_a_step_is_registered_changed_and_removed(engine: Engine, answers: Answers) -> None:
    created = ask(answers, "Create")
    assert created == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "123456789012/ocr",
        "StackId": "arn:stack",
        "RequestId": "r-1",
        "LogicalResourceId": "OcrRegistration",
    }
    updated = ask(answers, "Update", physical_id=created["PhysicalResourceId"], timeout_seconds=90)
    assert updated["PhysicalResourceId"] == created["PhysicalResourceId"]
    assert read_steps.get(engine, TENANT, "ocr")["timeout_seconds"] == 90
    assert ask(answers, "Delete", physical_id=created["PhysicalResourceId"])["Status"] == "SUCCESS"
    assert engine.steps.find(TENANT.tenant_id, "ocr") is None
    assert answers.content_types == ["", "", ""]  # another type would break the signature of CloudFormation's URL


def test_a_refusal_fails_the_deployment_with_its_reason(engine: Engine, answers: Answers) -> None:
    refused = ask(answers, "Create", function_arn=ARN.replace("workflow-step-ocr", "payroll"))
    assert refused["Status"] == "FAILED"
    assert "may invoke only functions that match" in refused["Reason"]
    assert refused["PhysicalResourceId"] == registrar.NEVER_REGISTERED


def test_taking_back_a_failed_creation_leaves_other_registrations_alone(engine: Engine, answers: Answers) -> None:
    register_step.register(engine, TENANT, {"step_type": "ocr", "function_arn": ARN})
    refused = ask(answers, "Create", timeout_seconds=-1)
    assert refused["Status"] == "FAILED"
    assert ask(answers, "Delete", physical_id=refused["PhysicalResourceId"])["Status"] == "SUCCESS"
    assert engine.steps.find(TENANT.tenant_id, "ocr") is not None


def test_a_step_that_is_gone_already_is_removed(engine: Engine, answers: Answers) -> None:
    assert ask(answers, "Delete", physical_id="123456789012/ocr")["Status"] == "SUCCESS"


def test_a_step_of_another_name_is_another_resource(engine: Engine, answers: Answers) -> None:
    ask(answers, "Create")
    assert ask(answers, "Update", physical_id="123456789012/ocr", step_type="ocr2")["PhysicalResourceId"] == (
        "123456789012/ocr2"
    )


def test_whatever_breaks_is_answered(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Engine:
        raise KeyError("TABLE_NAME")

    monkeypatch.setattr(registrar, "engine", broken)
    assert ask(answers, "Create")["Reason"] == "KeyError: 'TABLE_NAME'"
