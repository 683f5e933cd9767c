"""What an error usually comes from, and what to do, where a run and a step tell it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.console.conftest import Console
from tests.console.test_runs import started
from tests.support.http_client import ApiClient


def test_an_error_says_at_its_step_and_at_its_run_what_to_do_about_it(console: Console, api: ApiClient) -> None:
    total = {
        "step_id": "total",
        "step_type": "transform",
        "input_mapping": {"n": "input.n"},
        "config": {"expression": "n + 1"},
    }
    run = started(api, total, input={"n": "three"})
    assert api.results(run)["status"] == "failed"
    page = console.open(f"runs/{run}")
    panel = page.get_by_role("region", name="Step total")
    expect(panel).to_contain_text("A side of an arithmetic operator is no number")
    expect(panel).to_contain_text("workflow explain WFE-W211")
    console.check_accessible()
    panel.get_by_role("button", name="Close the step").click()
    expect(panel).to_have_count(0)
    expect(page.get_by_text("A side of an arithmetic operator is no number")).to_be_visible()
    page.get_by_text("What to do about it").click()
    expect(page.get_by_text("A side of an arithmetic operator is no number")).not_to_be_visible()


def test_an_exception_of_a_steps_own_code_has_no_advice(console: Console, api: ApiClient) -> None:
    run = started(api, {"step_id": "ship", "step_type": "carrier", "config": {}})
    assert api.results(run)["status"] == "failed"
    page = console.open(f"runs/{run}")
    expect(page.get_by_role("region", name="Step ship")).to_contain_text("no truck")
    expect(page.get_by_text("What to do about it")).to_have_count(0)
