"""Where the journeys lead: to the API at `WORKFLOW_API_URL`, else to a local server that lasts as long as they do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra import openapi
from tests.support.http_client import Answer, ApiClient
from tests.support.llm.vendor_server import VendorServer
from tests.support.openapi_check import assert_documented

LOCAL_STEPS = Path(__file__).parent / "local_steps"


@pytest.fixture(scope="package")
def openapi_document() -> dict[str, Any]:
    """The OpenAPI document."""
    return openapi.document()


@pytest.fixture(scope="package")
def api(openapi_document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    """A client of the API under test, which also compares every answer with the OpenAPI document."""
    check = partial(assert_documented, openapi_document)
    if deployed := os.environ.get("WORKFLOW_API_URL"):
        yield _client_of(deployed, check)
        return
    from infra.local.cloud import LocalCloud
    from infra.local.data import DataFolder
    from tests.support.local_server import running_server

    with pytest.MonkeyPatch.context() as environment:
        # Endpoints of steps that are registered stand on this machine.
        environment.setenv("STEP_HTTP_ALLOWED_HOSTS", "127.0.0.1")
        data = DataFolder(tmp_path_factory.mktemp("data"))
        with LocalCloud(steps_directory=LOCAL_STEPS, data=data) as cloud, running_server(cloud.gateway) as url:
            yield ApiClient(url, check)


def _client_of(url: str, check: Callable[[str, str, Answer], None]) -> ApiClient:
    """The client of a deployed API; with `WORKFLOW_API_AUTH=sigv4` it signs with the AWS credentials of the environment."""
    if os.environ.get("WORKFLOW_API_AUTH") != "sigv4":
        return ApiClient(url, check)
    import boto3

    from tests.support.sigv4_client import SignedApiClient

    session = boto3.Session()
    return SignedApiClient(url, check, session.get_credentials(), session.region_name or "us-east-1")


@pytest.fixture
def local_steps() -> None:
    """For journeys whose steps are Python functions in the server's process."""
    if os.environ.get("WORKFLOW_API_URL"):
        pytest.skip("a deployed API runs Lambda functions only")


@pytest.fixture
def without_keys() -> None:
    """For journeys whose agents are to be answered by the simulation of the usual model."""
    if os.environ.get("WORKFLOW_API_URL"):
        pytest.skip("a deployed API asks the models that it has keys for")


@pytest.fixture
def peer(request: pytest.FixtureRequest) -> Iterator[VendorServer]:
    """A server on this machine that steps ask; the module's `answer` says what it gives."""
    deployed = os.environ.get("WORKFLOW_API_URL")
    if deployed and urlsplit(deployed).hostname not in ("127.0.0.1", "localhost"):
        pytest.skip("a system elsewhere does not reach this machine")
    with VendorServer(answer=request.module.answer) as server:
        yield server
