"""Several tabs of one browser: what they need of its six connections to a server, and how one goes on for another."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.console.conftest import SECONDS, Console
from tests.console.proxy import Provider, running_proxy
from tests.console.test_runs import box, gate, started
from tests.support.http_client import ApiClient

TABS = 8
CLAIMS: Final = base64.urlsafe_b64encode(b'{"iss": "https://id.test", "sub": "Zoe"}').decode().rstrip("=")


class OnePerson(Provider):
    """Each token is of the same person; as everywhere only the last one is taken."""

    def takes(self, authorization: str | None) -> bool:
        return authorization == f"Bearer header.{CLAIMS}.{self.tokens}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        status, told = super().token(form)
        return status, {**told, "access_token": f"header.{CLAIMS}.{self.tokens}"}


class OpenStreams:
    """The streams of a browser that are open now, and how many were at once."""

    def __init__(self, context: BrowserContext) -> None:
        self.open: set[Request] = set()
        self.most = self.count = 0
        context.on("request", self._opened)
        context.on("requestfinished", self._closed)
        context.on("requestfailed", self._closed)

    def _opened(self, request: Request) -> None:
        if request.url.endswith("/stream"):
            self.open.add(request)
            self.count += 1
            self.most = max(self.most, len(self.open))

    def _closed(self, request: Request) -> None:
        self.open.discard(request)

    def come_to(self, number: int, page: Page) -> None:
        """So many are open, once the browser has told of each that it ended."""
        for _ in range(SECONDS // 50):
            if len(self.open) == number:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"{len(self.open)} streams are open, not {number}.")

    def forget(self, page: Page) -> None:
        """Those of a page that is closed end without a word."""
        self.open -= {request for request in self.open if request.frame.page == page}


def step_of(page: Page, step: str, status: str) -> None:
    expect(page.locator(f'.step-box[data-step="{step}"]')).to_have_class(re.compile(status), timeout=SECONDS)


def test_eight_tabs_on_eight_runs_have_one_stream_and_go_on_when_the_one_that_holds_it_is_closed(
    console: Console, api: ApiClient, switches: Path
) -> None:
    streams = OpenStreams(console.page.context)
    runs = [started(api, gate(f"tab{n}"), gate(f"then{n}", f"tab{n}"), input={}) for n in range(TABS)]
    pages = [console.page, *(console.page.context.new_page() for _ in runs[1:])]
    for page, run in zip(pages, runs, strict=True):
        page.goto(f"{console.url}/console/#/runs/{run}")
    for n, page in enumerate(pages):
        step_of(page, f"tab{n}", "active")
        (switches / f"tab{n}").touch()
    for n, page in enumerate(pages):
        step_of(page, f"tab{n}", "ok")
        step_of(page, f"then{n}", "active")
    streams.come_to(1, pages[0])
    streams.forget(pages[0])
    pages[0].close()  # it came first and leads
    for n, page in enumerate(pages[1:], 1):
        (switches / f"then{n}").touch()
        step_of(page, f"then{n}", "ok")
        expect(page.locator("h1 .status")).to_contain_text("completed", timeout=SECONDS)
    (switches / "then0").touch()
    assert streams.count > 1
    # Of one that ends beside another that begins the browser may tell in any order.
    assert streams.most <= 2


def test_two_tabs_of_a_run_share_one_stream(console: Console, api: ApiClient, switches: Path) -> None:
    run = started(api, gate("shared"), input={})
    page = console.open(f"runs/{run}")
    expect(box(console, "shared")).to_have_class(re.compile("active"))
    streams: list[str] = []
    other = page.context.new_page()
    other.on("request", lambda request: streams.append(request.url) if request.url.endswith("/stream") else None)
    other.goto(page.url)
    step_of(other, "shared", "active")
    assert streams == []
    with other.expect_request(re.compile("/stream$")):  # the other one goes on by itself
        page.close()
    (switches / "shared").touch()
    step_of(other, "shared", "ok")


def test_a_tab_whose_session_is_over_lets_another_lead(
    console: Console, api: ApiClient, url: str, switches: Path
) -> None:
    console.expected += ["401"]
    run = started(api, gate("led"), input={})
    page = console.page
    with running_proxy(url, OnePerson(gives_refresh=False)) as address:
        page.goto(f"{address}/console/#/runs/{run}")
        step_of(page, "led", "active")
        other = page.context.new_page()
        with other.expect_request(re.compile("/stream$")):
            other.goto(page.url)  # signs in anew: the token of the first one is taken no longer
            step_of(other, "led", "active")
            expect(page.get_by_text("Your session is over.")).to_be_visible()
        (switches / "led").touch()
        step_of(other, "led", "ok")
        other.close()
        page.get_by_role("button", name="Sign in").click()
        step_of(page, "led", "ok")
        page.goto("about:blank")


def test_a_tab_that_was_opened_behind_another_holds_no_connection_until_it_is_seen(
    console: Console, api: ApiClient
) -> None:
    hidden = "Object.defineProperty(document, 'visibilityState', {get: () => window.seen ? 'visible' : 'hidden'})"
    streams = OpenStreams(console.page.context)
    console.page.add_init_script(hidden)
    pause = {"step_id": "behind", "step_type": "delay", "config": {"delay_seconds": 3600}}
    page = console.open(f"runs/{started(api, pause)}")
    expect(page.locator('.step-box[data-step="behind"]')).to_be_visible()
    assert streams.count == 0
    page.evaluate("() => { window.seen = true; document.dispatchEvent(new Event('visibilitychange')); }")
    step_of(page, "behind", "waiting")
    assert streams.count == 1


def test_lists_and_other_pages_hold_no_connection(console: Console, api: ApiClient) -> None:
    streams = OpenStreams(console.page.context)
    page = console.open(
        f"runs/{started(api, {'step_id': 'pause', 'step_type': 'delay', 'config': {'delay_seconds': 3600}})}"
    )
    step_of(page, "pause", "waiting")
    streams.come_to(1, page)
    page.get_by_role("link", name="Runs", exact=True).first.click()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    streams.come_to(0, page)
