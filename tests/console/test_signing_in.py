"""Signing in at a provider of identities, and the console below a prefix."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Console
from tests.console.proxy import PREFIX, Provider, running_proxy
from tests.console.test_runs import box, started
from tests.support.http_client import ApiClient
from tests.support.processes import address_of, command

ONE = {"step_id": "a", "step_type": "transform", "config": {"expression": "1"}}
STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}])"


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def deployed(console: Console, url: str, provider: Provider) -> Iterator[Console]:
    """The console behind a provider."""
    with running_proxy(url, provider) as address:
        console.url = address
        yield console
        assert provider.problems == []
        console.page.goto("about:blank")


def test_the_console_works_below_a_prefix(console: Console, api: ApiClient, url: str) -> None:
    run = started(api, ONE)
    api.results(run)
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(request.url))
    with running_proxy(url) as address:
        console.url = address
        console.page.goto(address + "/console")
        console.page.get_by_role("link", name=run).click()
        expect(box(console, "a")).to_have_class(re.compile("ok"))
        assert [each for each in asked if PREFIX not in each] == []
        console.page.goto("about:blank")


def test_one_is_signed_in_and_comes_back_to_where_one_wanted_to_go(
    deployed: Console, api: ApiClient, provider: Provider
) -> None:
    run = started(api, ONE)
    api.results(run)
    page = deployed.open(f"runs/{run}?view=steps&step=a")
    expect(page.get_by_role("region", name="Step a")).to_contain_text("completed")
    assert page.url == f"{deployed.url}/console/#/runs/{run}?view=steps&step=a"
    assert provider.grants == ["authorization_code"]
    assert "payload" not in page.evaluate(STORED)
    assert "refresh-" not in page.evaluate(STORED)


def test_a_token_that_is_not_taken_any_more_is_renewed_without_a_word(deployed: Console, provider: Provider) -> None:
    deployed.expected += ["401"]
    page = deployed.open("runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    provider.revoked = provider.tokens
    with page.expect_response(lambda answer: answer.url.partition("?")[0].endswith("/files") and answer.ok):
        page.get_by_role("link", name="Files").click()
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
    assert provider.grants == ["authorization_code", "refresh_token"]
    expect(page.get_by_role("button", name="Sign in")).to_have_count(0)


def test_where_a_session_is_over_one_signs_in_beside_and_nothing_is_lost(deployed: Console, provider: Provider) -> None:
    deployed.expected += ["401"]
    provider.gives_refresh = False
    page = deployed.open("steps/transform")
    text = page.get_by_label("Configuration, in JSON")
    text.fill('{"expression": "1 + 1"}')
    provider.revoked = provider.tokens
    page.get_by_role("button", name="Run this step").click()
    expect(page.get_by_text("Your session is over.")).to_be_visible()
    deployed.check_accessible()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Your session is over.")).to_have_count(0)
    expect(page.locator("h1 .status")).to_contain_text("completed")  # what was asked meanwhile was done
    assert provider.grants == ["authorization_code", "authorization_code"]


def test_who_is_refused_is_told_why_and_not_sent_round_and_round(deployed: Console, provider: Provider) -> None:
    provider.refuses = True
    page = deployed.open("runs")
    expect(page.get_by_role("alert")).to_contain_text("You are not one of us.")
    assert provider.grants == []
    provider.refuses = False
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()


def test_the_command_serves_the_console_of_another_server(console: Console, api: ApiClient, url: str) -> None:
    run = started(api, ONE)
    api.results(run)
    with command("console", "--port", "0", "--api", url) as process:
        console.url = address_of(process)
        page = console.open(f"runs/{run}")
        expect(box(console, "a")).to_have_class(re.compile("ok"))
        page.goto("about:blank")
