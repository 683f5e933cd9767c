"""The console in a browser: Debian's Chromium, driven by Playwright, on a local server with real runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from infra.local.cloud import LocalCloud
from tests.support.http_client import ApiClient
from tests.support.local_server import running_server

STEPS = Path(__file__).parent / "steps"
SECONDS = 20_000
"""Milliseconds that an element may take to come: only what never comes takes as long."""
SERIOUS = ("serious", "critical")
expect.set_options(timeout=SECONDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("benchmark") is None:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program is not None, "Chromium is missing: `make e2e-console` installs it."
    with sync_playwright() as playwright:
        # Chromium has no sandbox where it is root, as in containers.
        arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def switches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which tests make a file to let a step go on."""
    folder = tmp_path_factory.mktemp("switches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONSOLE_TEST_FOLDER", str(folder))
        yield folder


@pytest.fixture(scope="session")
def url(switches: Path) -> Iterator[str]:
    with LocalCloud(steps_directory=STEPS) as cloud, running_server(cloud.gateway) as address:
        yield address


@pytest.fixture
def api(url: str) -> ApiClient:
    return ApiClient(url)


class Console:
    """A page of the console. What the browser complains of fails the test."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        self.expected: list[str] = []
        page.set_default_timeout(SECONDS)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in self.expected):
            self.complaints.append(message.text)

    def open(self, place: str) -> Page:
        """Go to a place: `runs?status=failed`."""
        self.page.goto(f"{self.url}/console/#/{place}")
        return self.page

    def check_accessible(self) -> None:
        """No serious finding of axe's on what is shown."""
        found = Axe().run(self.page).response["violations"]
        told = [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in SERIOUS]
        assert told == []


@pytest.fixture
def console(browser: Browser, url: str) -> Iterator[Console]:
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    opened = Console(context.new_page(), url)
    yield opened
    context.close()
    assert opened.complaints == []
