"""A view of a run has the room that the window leaves it, and shows the graph in that."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console
from tests.console.test_runs import box, started
from tests.support.http_client import ApiClient

LONG_WINDED = {"step_id": "ship", "step_type": "fail", "config": {"error": "Odd", "message": "\n".join("abcdefgh")}}
VIEWS = {
    "graph": ".canvas",
    "compiled": ".canvas",
    "timeline": ".timeline",
    "logs": "pre[aria-label=Log]",
}
IS_SEEN = "css => document.querySelector(css)?.getBoundingClientRect().bottom <= innerHeight"
IS_IN_THE_MIDDLE = """step => {
  const [a, b] = [".canvas", `[data-step="${step}"]`].map((css) => document.querySelector(css)?.getBoundingClientRect());
  return a && b && Math.abs(a.left + a.width / 2 - b.left - b.width / 2) < 3;
}"""


def failed(api: ApiClient) -> str:
    run = started(api, LONG_WINDED)
    assert api.results(run)["status"] == "failed"
    return run


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_ends_with_the_window_whatever_stands_above_it(console: Console, api: ApiClient, view: str) -> None:
    page = console.open(f"runs/{failed(api)}?step=ship&view={view}")
    expect(page.get_by_text("failed: Odd")).to_be_visible()
    expect(page.locator(VIEWS[view])).to_be_visible()
    page.wait_for_function(IS_SEEN, arg=VIEWS[view])
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    console.check_accessible()


def test_a_view_in_a_low_window_is_large_enough_to_be_used(console: Console, api: ApiClient) -> None:
    console.page.set_viewport_size({"width": 1400, "height": 400})
    page = console.open(f"runs/{failed(api)}")
    page.wait_for_function("() => document.querySelector('.canvas')?.clientHeight >= 300")


def middle_of(page: Page, step: str) -> None:
    page.wait_for_function(IS_IN_THE_MIDDLE, arg=step)


def test_the_graph_is_fitted_anew_when_a_panel_takes_room_from_it(console: Console, api: ApiClient) -> None:
    page = console.open(f"runs/{failed(api)}")
    expect(page.get_by_role("region", name="Step ship")).to_be_visible()
    middle_of(page, "ship")
    page.get_by_role("button", name="Close the step").click()
    middle_of(page, "ship")


def test_who_has_zoomed_keeps_what_is_looked_at_when_a_panel_opens(console: Console, api: ApiClient) -> None:
    run = started(api, {"step_id": "a", "step_type": "transform", "config": {"expression": "1"}})
    api.results(run)
    page = console.open(f"runs/{run}")
    middle_of(page, "a")
    for _ in range(3):
        page.get_by_role("button", name="Zoom In").click()
    is_large = "() => document.querySelector('[data-step=a]')?.getBoundingClientRect().width > 300"
    page.wait_for_function(is_large)
    box(console, "a").click()
    expect(page.get_by_role("region", name="Step a")).to_be_visible()
    middle_of(page, "a")
    assert page.evaluate(is_large)


def test_a_selection_whose_box_is_not_there_is_accessible(console: Console, api: ApiClient) -> None:
    console.expected += ["422"]  # of a step that the run does not have
    step: dict[str, Any] = {"step_id": "a", "step_type": "transform", "config": {"expression": "1"}}
    run = started(api, step)
    api.results(run)
    page = console.open(f"runs/{run}?step=each[7].nowhere")
    expect(box(console, "a")).to_have_class(re.compile("ok"))
    console.check_accessible()
    box(console, "a").click()
    graph = page.get_by_role("application", name=re.compile("arrow keys"))
    expect(graph).to_have_attribute("aria-activedescendant", "selected-step")
    expect(page.locator("#selected-step")).to_have_accessible_name("a, completed")


def test_a_timeline_names_its_moments_and_hatches_what_is_folded(console: Console, api: ApiClient) -> None:
    wait = {"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 12}}
    run = started(api, wait, {"step_id": "ask", "step_type": "flaky", "config": {}, "max_retries": 1})
    assert api.results(run)["status"] == "completed"
    page = console.open(f"runs/{run}?view=timeline")
    expect(page.get_by_text("1 idle time folded")).to_be_visible()
    moments = page.locator(".moments span")
    expect(moments.first).to_have_text("0")
    assert moments.count() >= 3
    fold, bar = page.locator(".fold").bounding_box(), page.locator(".bar-row", has_text="wait").locator("rect")
    shown = bar.bounding_box()
    assert fold is not None
    assert shown is not None
    assert fold["width"] >= 20
    assert fold["x"] + fold["width"] == pytest.approx(shown["x"] + shown["width"], abs=3)
    console.check_accessible()
