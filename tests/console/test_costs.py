"""What a user sees of where a run's money went: the layer of costs on the graph, the list of steps, the panel of one."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from tests.console.conftest import Console
from tests.console.test_runs import box, gate, started
from tests.support.http_client import ApiClient


def step(step_id: str, step_type: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": step_type, "config": {}} | fields


def run_of_all_kinds(api: ApiClient) -> str:
    """A step that is retried, one that asks a model, one whose price is not known, a list, and one that is skipped."""
    return started(
        api,
        step("charge", "flaky", max_retries=2, retry_delay_seconds=1),
        step("ask", "oracle", config={"dollars": 0.002}),
        step("guess", "oracle", config={"dollars": None}),
        step("notify", "oracle", for_each="input.people", config={"dollars": 0}),
        step("refund", "oracle", conditions="input.refund", config={"dollars": 0}),
        input={"people": ["Ann", "Bob"], "refund": False},
    )


def test_the_layer_of_costs_tells_planned_and_spent_of_each_step(console: Console, api: ApiClient) -> None:
    run = run_of_all_kinds(api)
    assert api.results(run)["status"] == "completed"
    page = console.open(f"runs/{run}")
    page.get_by_label("cost: planned against spent").check()
    expect(page).to_have_url(re.compile("cost=yes"))
    expect(box(console, "charge")).to_contain_text("▲ $0.00005 of $0.000025")
    expect(box(console, "charge")).to_have_class(re.compile("waiting"))
    told = "charge, completed, more than planned, planned $0.000025, spent $0.00005"
    expect(box(console, "charge")).to_have_attribute("aria-label", told)
    expect(box(console, "ask")).to_contain_text("◆ $0.002025 of $0.000025")
    expect(box(console, "guess")).to_contain_text("? not known of $0.000025")
    expect(box(console, "notify")).to_contain_text("= $0.000075 of $0.000075")
    expect(box(console, "notify")).to_contain_text("$0.0000375 each")
    expect(box(console, "refund")).to_contain_text("▼ $0.000025 of $0.00005")
    legend = page.get_by_role("list", name="What the layer of costs shows")
    for words in ("more than planned", "models besides", "not known", "as planned", "less than planned"):
        expect(legend).to_contain_text(words)
    console.check_accessible()
    page.get_by_role("tab", name="As compiled").click()
    expect(box(console, "charge")).to_contain_text("▲ $0.00005 of $0.000025")
    box(console, "charge").click()
    expect(page.get_by_role("region", name="Step charge")).to_contain_text("$0.00005, planned $0.000025")
    page.reload()
    expect(box(console, "charge")).to_contain_text("▲ $0.00005")
    page.get_by_label("planned against real, with slack").check()
    expect(box(console, "charge")).to_contain_text("slack")


def test_the_list_of_steps_has_the_same_numbers_as_words(console: Console, api: ApiClient) -> None:
    run = run_of_all_kinds(api)
    api.results(run)
    page = console.open(f"runs/{run}?view=steps")
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name="charge"))
    expect(row).to_contain_text("$0.000025")
    expect(row).to_contain_text("▲ $0.00005 more than planned")
    console.check_accessible()


def test_costs_grow_while_the_run_goes_on(console: Console, api: ApiClient, switches: Any) -> None:
    run = started(api, gate("costly"), gate("later", "costly"), input={})
    console.open(f"runs/{run}?cost=yes")
    expect(box(console, "costly")).to_contain_text("… $0.000025 of $0.000025")
    expect(box(console, "later")).to_contain_text("○ — of $0.000025")
    (switches / "costly").touch()
    expect(box(console, "costly")).to_contain_text("= $0.000025 of $0.000025")
    expect(box(console, "later")).to_contain_text("… $0.000025")
    (switches / "later").touch()
    expect(box(console, "later")).to_contain_text("= $0.000025")


def test_a_subflow_says_that_its_run_tells_what_it_cost_and_leads_to_it(console: Console, api: ApiClient) -> None:
    child = {"name": "Packing", "steps": [step("pack", "oracle", config={"dollars": 0.5})]}
    assert api.call("PUT", "/workflows/packing", child).status in (200, 201)
    run = started(api, step("boxes", "subflow", config={"workflow_id": "packing"}))
    assert api.results(run)["status"] == "completed"
    page = console.open(f"runs/{run}?step=boxes")
    panel = page.get_by_role("region", name="Step boxes")
    expect(panel).to_contain_text("What the run that it started cost is told by the results of that run.")
    panel.get_by_role("link", name="those that this run has started").click()
    expect(page).to_have_url(re.compile(f"parent_id={run}"))
    page.get_by_role("link", name="sub-").first.click()
    expect(page.get_by_text("models $0.500000")).to_be_visible()
