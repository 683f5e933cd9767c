"""Health and documentation."""

from __future__ import annotations

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


def test_the_api_is_healthy(api: ApiClient) -> None:
    answer = api.get("/health")
    assert (answer.status, answer.body) == (200, {"status": "healthy", "service": "unified-workflow-execution-engine"})


def test_the_openapi_document_is_served(api: ApiClient) -> None:
    answer = api.get("/openapi.json")
    assert answer.status == 200
    assert answer.body["openapi"].startswith("3.1")
    assert "/workflows/execute" in answer.body["paths"]


def test_the_documentation_needs_no_other_host(api: ApiClient) -> None:
    page = api.get("/docs")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "http://" not in page.body
    assert "https://" not in page.body
    for asset in ("docs/swagger-ui.js", "docs/swagger-ui.css"):
        assert asset in page.body
        answer = api.get(f"/{asset}")
        assert answer.status == 200
        assert len(answer.body) > 100_000
