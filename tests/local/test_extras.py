"""What a step says that needs a package which the wheel alone does not bring."""

from __future__ import annotations

import sys

import pytest

from infra.local.client_transport import GatewayTransport
from infra.local.cloud import LocalCloud
from workflow_engine.client import Client


def test_a_step_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "semantic_text_splitter", None)  # as if it were not installed
    with LocalCloud() as cloud:
        client = Client(GatewayTransport(cloud))
        started = client.steps.test("text_chunking", config={"chunk_size": 50}, input_data={"text": "Hello. " * 30})
        client.runs.wait(started["execution_id"], 30)
        error = client.runs.results(started["execution_id"])["error"]
    assert error is not None
    assert error["type"] == "MissingPackageError"
    assert error["message"] == (
        "This needs the package 'semantic_text_splitter', which is not installed here. Install it with the extra `files`: "
        "pip install 'workflow-engine[files]'."
    )
