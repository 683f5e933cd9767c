"""Where the journeys lead: to the API at `WORKFLOW_API_URL`, else to a local server that lasts as long as they do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from infra.openapi import document
from tests.support.http_client import ApiClient
from tests.support.openapi_check import assert_documented

LOCAL_STEPS = Path(__file__).parent / "local_steps"


@pytest.fixture(scope="package")
def api() -> Iterator[ApiClient]:
    """A client of the API under test, which also compares every answer with the OpenAPI document."""
    check = partial(assert_documented, document())
    if deployed := os.environ.get("WORKFLOW_API_URL"):
        yield ApiClient(deployed, check)
        return
    from infra.local.cloud import LocalCloud
    from infra.local.server import running_server

    with LocalCloud(steps_directory=LOCAL_STEPS) as cloud, running_server(cloud.gateway) as url:
        yield ApiClient(url, check)


@pytest.fixture
def local_steps() -> None:
    """For journeys whose steps are Python functions in the server's process."""
    if os.environ.get("WORKFLOW_API_URL"):
        pytest.skip("a deployed API runs Lambda functions only")
