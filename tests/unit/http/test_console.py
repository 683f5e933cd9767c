"""The console's page and files, as the function answers them."""

from __future__ import annotations

import base64
import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from functions.api_console import handler as console
from functions.api_console import settings
from infra.catalog import FUNCTIONS
from infra.local.gateway import Gateway, HttpRequest, HttpResponse
from workflow_engine.http.powertools import LambdaContext

INDEX = b"<!doctype html><title>Workflow console</title>"
SCRIPT = b"export {};" * 100


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings._packed.cache_clear()
    monkeypatch.setattr(settings, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def built(folder: Path) -> Path:
    for name, content in (("index.html", INDEX), ("index-1a2b.js", SCRIPT)):
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return folder


def get(path: str, query: str = "", **headers: str) -> HttpResponse:
    gateway = Gateway([f for f in FUNCTIONS if f.name == "api_console"])
    gateway._handlers["api_console"] = console.handler
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return gateway.handle(HttpRequest("GET", path, query, named))


def test_the_page_is_asked_for_anew_each_time_and_its_files_never_again(built: Path) -> None:
    page, script = get("/console/"), get("/console/index-1a2b.js")
    assert (page.status, page.body, page.headers["cache-control"]) == (200, INDEX, "no-cache")
    assert (script.status, script.body) == (200, SCRIPT)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in script.headers["cache-control"]


def test_a_client_that_takes_gzip_gets_what_was_packed(built: Path) -> None:
    answer = get("/console/index-1a2b.js", accept_encoding="gzip, br")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == SCRIPT


def test_without_a_slash_the_page_would_look_for_its_files_elsewhere(built: Path) -> None:
    answer = get("/console", "code=a&state=b")
    assert (answer.status, answer.headers["location"]) == (308, "console/?code=a&state=b")


def test_the_page_takes_what_a_provider_of_identities_sends_back(built: Path) -> None:
    assert get("/console/", "code=a&state=b&iss=https%3A%2F%2Fx").status == 200
    assert get("/console/", "surprise=1").status == 422


@pytest.mark.parametrize("name", ["index-9999.js", "..%2Fhandler.py", "settings.py", "index.html.gz", ".js"])
def test_what_is_no_file_of_the_console_is_not_found(built: Path, name: str) -> None:
    answer = get(f"/console/{name}")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_page_that_was_not_built_says_how_to(folder: Path) -> None:
    page = get("/console/")
    assert page.status == 200
    assert b"make console" in page.body


def test_what_is_built_anew_while_the_server_runs_is_served(built: Path) -> None:
    assert (get("/console/").body, get("/console/index-9z.js").status) == (INDEX, 404)
    (built / "index.html.gz").write_bytes(gzip.compress(b"<!doctype html>anew"))
    os.utime(built / "index.html.gz", ns=(0, 0))  # a clock may be too coarse to tell two builds of one test apart
    (built / "index-9z.js.gz").write_bytes(gzip.compress(SCRIPT))
    assert (get("/console/").body, get("/console/index-9z.js").body) == (b"<!doctype html>anew", SCRIPT)


def test_nothing_but_the_consoles_own_files_runs_in_its_page(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "CONSOLE_CONNECT_TO", "https://login.example.com/realm https://token.example.com http://evil.example.com"
    )
    policy = get("/console/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self' https://login.example.com https://token.example.com;" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(("mode", "auth"), [("local", "none"), ("iam", "iam"), ("jwt", "jwt")])
def test_the_page_is_told_how_to_sign_in(mode: str, auth: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", mode)
    monkeypatch.setenv("CONSOLE_ISSUER", "https://login.example.com")
    monkeypatch.setenv("CONSOLE_CLIENT_ID", "console")
    event = {
        "rawPath": "/console/config.json",
        "requestContext": {"http": {"method": "GET", "path": "/console/config.json"}, "stage": "$default"},
        "headers": {},
    }
    answer: dict[str, Any] = console.handler(event, LambdaContext())
    told = base64.b64decode(answer["body"]).decode() if answer.get("isBase64Encoded") else answer["body"]
    assert f'"auth":"{auth}"' in told
    assert ("login.example.com" in told) == (mode == "jwt")
