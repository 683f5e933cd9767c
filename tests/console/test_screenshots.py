"""Pictures of the main pages for README and docs: `UPDATE_SCREENSHOTS=1 make e2e-console` makes them anew."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console
from tests.support.http_client import ApiClient

FOLDER: Final = Path(__file__).parents[2] / "docs" / "console"
pytestmark = pytest.mark.skipif("UPDATE_SCREENSHOTS" not in os.environ, reason="pictures are made on demand")


def transform(step_id: str, expression: str, *after: str, **more: Any) -> dict[str, Any]:
    config = {"expression": expression}
    return {"step_id": step_id, "step_type": "transform", "config": config, "dependencies": list(after), **more}


def wait(step_id: str, seconds: int, *after: str) -> dict[str, Any]:
    config = {"delay_seconds": seconds}
    return {"step_id": step_id, "step_type": "delay", "config": config, "dependencies": list(after)}


def order(n: int) -> dict[str, Any]:
    pack = transform(
        "pack", "v = 5 and bad ? $error('box 5 is damaged') : v", input_mapping={"v": "item", "bad": "input.bad"}
    )
    boxes = {"items": "input.boxes", "steps": [pack]}
    route = {
        "cases": [{"when": "input.express", "steps": [transform("by_air", "'flight'")]}],
        "default": [transform("by_road", "'truck'")],
    }
    return {
        "name": ("Order to parcel", "Nightly invoices", "Restock")[n % 3],
        "execution_pattern": "parallel",
        "steps": [
            transform("check_order", "{'id': 4711}"),
            wait("reserve_stock", 2, "check_order"),
            wait("charge_card", 1, "check_order"),
            transform("risk", "0.02", "check_order"),
            {"step_id": "route", "step_type": "switch", "config": route, "dependencies": ["risk"]},
            {"step_id": "boxes", "step_type": "map", "config": boxes, "dependencies": ["reserve_stock", "charge_card"]},
            wait("label", 1, "boxes"),
            transform("notify", "'sent'", "label", "route"),
        ],
    }


@pytest.fixture(scope="module")
def runs(url: str) -> list[str]:
    api = ApiClient(url)
    started = []
    for n in range(7):
        run_input = {"boxes": list(range(12)), "express": n % 2 == 0, "bad": n == 6}
        answer = api.post("/workflows/execute", {"workflow": order(n), "input": run_input, "tags": ["shop"]})
        assert answer.status == 202, answer.body
        started.append(str(answer.body["execution_id"]))
    ended = [api.results(run)["status"] for run in started]
    assert (ended[0], ended[-1]) == ("completed", "failed")
    return started


def taken(page: Page, name: str) -> None:
    page.set_viewport_size({"width": 1200, "height": 750})
    page.emulate_media(reduced_motion="reduce")
    time.sleep(1.0)  # what is drawn on canvases has no sign that it is done
    FOLDER.mkdir(exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png")


def test_the_run_that_failed(console: Console, runs: list[str]) -> None:
    page = console.open(f"runs/{runs[-1]}")
    expect(page.get_by_role("region")).to_contain_text("box 5 is damaged")
    taken(page, "run")


def test_the_timeline(console: Console, runs: list[str]) -> None:
    page = console.open(f"runs/{runs[0]}?view=timeline")
    expect(page.get_by_role("group", name="Timeline")).to_contain_text("charge_card")
    page.get_by_label("planned beside real").check()
    taken(page, "timeline")


def test_the_overview(console: Console, runs: list[str]) -> None:
    page = console.open("overview")
    expect(page.locator("canvas").first).to_be_visible()
    expect(page.get_by_role("link", name="failed 1")).to_be_visible()
    taken(page, "overview")
