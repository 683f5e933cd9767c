"""What the panel of a step tells of steps that are more than one piece of work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Route, expect

from tests.console.conftest import Console
from tests.console.test_runs import box, started
from tests.support.http_client import ApiClient

CARRIER = {"step_id": "ship", "step_type": "carrier", "config": {}}


def test_a_subflow_leads_to_the_run_that_failed_in_it(console: Console, api: ApiClient, switches: Path) -> None:
    child = {"name": "Delivery", "steps": [CARRIER]}
    assert api.call("PUT", "/workflows/delivery", child).status == 201
    subflow = {"step_id": "deliver", "step_type": "subflow", "config": {"workflow_id": "delivery"}, "input_mapping": {}}
    run = started(api, subflow, {**subflow, "step_id": "deliver_too", "critical": False})
    assert api.results(run)["status"] == "failed"
    page = console.open(f"runs/{run}?step=deliver")
    runs = page.get_by_role("group", name="Runs of this subflow")
    expect(runs.get_by_role("link", name="The run of Delivery")).to_have_count(1)
    expect(runs).to_contain_text("failed")
    console.check_accessible()
    runs.get_by_role("link", name="The run of Delivery").click()
    expect(page.get_by_role("region", name="Step ship")).to_contain_text("no truck")
    page.get_by_role("link", name="part of another run").click()
    expect(page).to_have_url(re.compile(run))


def test_a_run_that_took_too_long_opens_on_what_it_was_at(console: Console, api: ApiClient) -> None:
    quick = {"step_id": "quick", "step_type": "transform", "config": {"expression": "1"}}
    slow = {"step_id": "slow", "step_type": "delay", "config": {"delay_seconds": 3600}, "dependencies": ["quick"]}
    workflow = {"name": "Order", "execution_pattern": "parallel", "steps": [quick, slow], "timeout_seconds": 1}
    answer = api.post("/workflows/execute", {"workflow": workflow})
    run = answer.body["execution_id"]
    assert api.results(run)["status"] == "timed_out"
    page = console.open(f"runs/{run}")
    expect(page.get_by_role("region", name="Step slow")).to_contain_text("aborted")


def test_a_loop_inside_of_a_list_is_told_by_turns(console: Console, api: ApiClient) -> None:
    turn = {"step_id": "turn", "step_type": "transform", "config": {"expression": "1"}}
    loop = {
        "step_id": "poll",
        "step_type": "loop",
        "config": {"until": "index == 2", "max_iterations": 5, "steps": [turn]},
    }
    each = {"step_id": "each", "step_type": "map", "config": {"items": "input.rows", "steps": [loop]}}
    run = started(api, each, input={"rows": [1, 2]})
    assert api.results(run)["status"] == "completed"
    page = console.open(f"runs/{run}?step=each[1].poll")
    panel = page.get_by_role("region", name="Step each[1].poll")
    expect(panel).to_contain_text("3 turns")
    expect(panel.locator("dd").nth(1)).to_have_text(re.compile(r"^\d"))
    panel.get_by_label("Open turn").fill("2")
    panel.get_by_label("Open turn").press("Enter")
    expect(page.get_by_role("region", name="Step each[1].poll[2].turn")).to_be_visible()


def test_what_ran_since_the_run_failed_is_in_the_graph(console: Console, api: ApiClient) -> None:
    def one(step_id: str, **more: object) -> dict[str, object]:
        return {"step_id": step_id, "step_type": "transform", "config": {"expression": "1"}, **more}

    reserve = one("reserve", compensate=[one("release")])
    workflow = {"name": "Order", "steps": [reserve, CARRIER], "on_failure": [one("notify")]}
    run = api.post("/workflows/execute", {"workflow": workflow}).body["execution_id"]
    assert api.results(run)["status"] == "failed"
    page = console.open(f"runs/{run}?step=release")
    expect(box(console, "release")).to_contain_text("undoes reserve")
    expect(box(console, "release")).to_have_class(re.compile("ok"))
    expect(box(console, "notify")).to_contain_text("on failure")
    expect(page.locator(".react-flow__edge.on-failure")).to_have_count(1)
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator(".bar-row", has_text="◆")).to_contain_text(["ship"])
    console.check_accessible()


def test_a_list_tells_how_many_of_its_elements_failed_where_it_is_drawn(console: Console, api: ApiClient) -> None:
    checked: dict[str, Any] = {
        "step_id": "check",
        "step_type": "transform",
        "config": {"expression": "v = 3 ? $error('three') : v"},
    }
    checked |= {"input_mapping": {"v": "item"}, "critical": False}
    each = {"step_id": "each", "step_type": "map", "config": {"items": "input.rows", "steps": [checked]}}
    run = started(api, each, input={"rows": [1, 2, 3, 4]})
    assert api.results(run)["status"] == "completed"
    console.open(f"runs/{run}")
    expect(box(console, "each").locator(".kind").first).to_have_text("map · 3 ✓ · 1 ✕")
    console.check_accessible()


def test_each_time_that_a_step_ran_in_lists_inside_of_lists_is_reached(console: Console, api: ApiClient) -> None:
    leaf = {"step_id": "leaf", "step_type": "transform", "config": {"expression": "1"}}
    inner = {"step_id": "inner", "step_type": "map", "config": {"items": "input.rows", "steps": [leaf]}}
    outer = {"step_id": "outer", "step_type": "map", "config": {"items": "input.rows", "steps": [inner]}}
    run = started(api, outer, input={"rows": [1, 2]})
    assert api.results(run)["status"] == "completed"
    # Until the workflow is there nobody knows that the step is inside of another: its results can't be asked for.
    held: list[Route] = []
    console.page.route("**/executions/*/workflow", lambda route: held.append(route))
    page = console.open(f"runs/{run}?step=leaf")
    panel = page.get_by_role("region", name="Step leaf")
    expect(page.locator("h1 .status")).to_contain_text("completed")
    expect(panel).to_contain_text("Loading…")
    held.pop().continue_()
    expect(panel).to_contain_text("4 times")
    panel.get_by_label("Open time").fill("3")
    panel.get_by_label("Open time").press("Enter")
    expect(page.get_by_role("region", name="Step outer[1].inner[1].leaf")).to_be_visible()
