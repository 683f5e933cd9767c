"""How quick the console is on this machine: measured and printed, never asserted. `pytest -m benchmark tests/console -s`."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console
from tests.console.test_runs import started
from tests.support.http_client import ApiClient

FRAMES = """() => new Promise((done) => {
  const at = [];
  const tick = (now) => {
    at.push(now);
    if (now - at[0] < 4000) requestAnimationFrame(tick);
    else done({ fps: (at.length - 1) / ((at.at(-1) - at[0]) / 1000), longest: Math.max(...at.slice(1).map((t, i) => t - at[i])) });
  };
  requestAnimationFrame(tick);
})"""
MEASURED_SECONDS = 4.0
COLOURED = (
    "() => document.querySelector('.step-box.ok') !== null || document.querySelector('canvas[data-coloured]') !== null"
)


def graph_of(count: int, *, delay: bool = False) -> list[dict[str, Any]]:
    """Steps in layers of eight; each waits for up to two of the layer before it."""
    chance = random.Random(count)
    steps: list[dict[str, Any]] = []
    for n in range(count):
        layer = n // 8
        before = [f"s{b}" for b in range((layer - 1) * 8, layer * 8)] if layer else []
        body: dict[str, Any] = {"step_type": "transform", "config": {"expression": "1"}}
        if delay:
            body = {"step_type": "delay", "config": {"delay_seconds": 1}}
        steps.append({"step_id": f"s{n}", **body, "dependencies": chance.sample(before, min(2, len(before)))})
    return steps


@pytest.mark.benchmark
def test_first_paint(console: Console) -> None:
    page = console.open("runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    entries = page.evaluate("performance.getEntriesByType('paint').map((e) => [e.name, e.startTime])")
    print(f"\nruns page: {', '.join(f'{name} {at:.0f} ms' for name, at in entries)}")


@pytest.mark.benchmark
@pytest.mark.parametrize("count", [60, 1200])
def test_time_to_a_coloured_graph(console: Console, api: ApiClient, count: int) -> None:
    run = started(api, *graph_of(count))
    assert api.results(run)["status"] == "completed"
    console.page.set_default_timeout(60_000)
    began = time.monotonic()
    page = console.open(f"runs/{run}")
    page.wait_for_function(COLOURED, timeout=60_000)
    print(f"\n{count} steps coloured after {time.monotonic() - began:.2f} s, of a page that was never loaded")
    print(f"  frames per second when panned: {panned(page)}")


@pytest.mark.benchmark
def test_frames_while_a_run_of_200_steps_streams(console: Console, api: ApiClient) -> None:
    run = started(api, *graph_of(200, delay=True))
    page = console.open(f"runs/{run}")
    page.wait_for_function(COLOURED, timeout=60_000)
    told = page.evaluate(FRAMES)
    ended = api.get(f"/executions/{run}").body["completed_steps"]
    print(
        f"\n200 steps stream: {told['fps']:.0f} frames per second, longest frame {told['longest']:.0f} ms, {ended} done"
    )


def panned(page: Page) -> str:
    box = page.locator(".canvas").bounding_box()
    assert box is not None
    page.evaluate(f"() => {{ window.measured = ({FRAMES})(); }}")
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down(button="left")
    began, n = time.monotonic(), 0
    while time.monotonic() - began < MEASURED_SECONDS:
        n += 1
        page.mouse.move(box["x"] + 300 + 4 * (n % 40), box["y"] + 300 + 3 * (n % 30))
    page.mouse.up()
    told = page.evaluate("() => window.measured")
    return f"{told['fps']:.0f}, longest frame {told['longest']:.0f} ms"


@pytest.mark.benchmark
def test_a_run_of_many_elements(console: Console, api: ApiClient) -> None:
    count = 2_000  # with more the history of one execution is full
    one = {"step_id": "one", "step_type": "transform", "config": {"expression": "v"}, "input_mapping": {"v": "item"}}
    each = {"step_id": "each", "step_type": "map", "config": {"items": "input.rows", "steps": [one]}}
    run = started(api, each, input={"rows": list(range(count))})
    began = time.monotonic()
    page = console.open(f"runs/{run}?step=each")
    expect(page.locator(".canvas")).to_be_visible(timeout=60_000)
    live = page.evaluate(FRAMES)
    expect(page.locator("h1 .status")).to_contain_text("completed", timeout=240_000)
    expect(page.get_by_role("img", name=f"{count} elements")).to_be_visible(timeout=60_000)
    print(f"\n{count} elements: all shown {time.monotonic() - began:.1f} s after the start of the run")
    print(f"  while it streams {live['fps']:.0f} frames per second, longest frame {live['longest']:.0f} ms")
    page.get_by_role("tab", name="Timeline").click()
    told = page.evaluate(FRAMES)
    print(f"  timeline: {told['fps']:.0f} frames per second, longest frame {told['longest']:.0f} ms")
