"""What these tests are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.client_transport import GatewayTransport
from infra.local.cloud import LocalCloud
from tests.support.local_server import running_server
from workflow_engine.client import (
    Client,
)


@pytest.fixture(scope="package")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as opened:
        yield opened


@pytest.fixture(scope="package")
def url(cloud: LocalCloud) -> Iterator[str]:
    with running_server(cloud.gateway) as address:
        yield address


@pytest.fixture(scope="package", params=["in process", "http"])
def client(request: pytest.FixtureRequest, cloud: LocalCloud, url: str) -> Iterator[Client]:
    """One client over each transport: nobody can tell them apart."""
    with Client(GatewayTransport(cloud) if request.param == "in process" else url) as opened:
        yield opened
