"""The deployed system: its API for clients of several kinds, and AWS's own APIs for the account's administrator."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import boto3
import pytest

from infra.openapi import document
from tests.e2e.harness.emulator import REGION, URL_VARIABLE, Emulator
from tests.support.http_client import ApiClient
from tests.support.openapi_check import assert_documented
from tests.support.sigv4_client import SignedApiClient


@pytest.fixture(scope="session")
def emulator() -> Emulator:
    """MiniStack, with clients that may do everything."""
    url = os.environ.get(URL_VARIABLE)
    if url is None:
        pytest.fail("Nothing is deployed. These tests are run by `make e2e`.")
    return Emulator(url, Path(os.devnull))


@pytest.fixture(scope="session")
def api(emulator: Emulator) -> ApiClient:
    """A client that may call the API, which also compares every answer with the OpenAPI document."""
    check = partial(assert_documented, document())
    return SignedApiClient(os.environ["WORKFLOW_API_URL"], check, boto3.Session().get_credentials(), REGION)


@pytest.fixture(scope="session")
def unsigned(emulator: Emulator) -> ApiClient:
    """A client without credentials."""
    return ApiClient(os.environ["WORKFLOW_API_URL"])
