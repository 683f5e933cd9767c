"""The pages beside runs and workflows: what there is, and what can be done with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.console.conftest import SECONDS, Console
from tests.console.test_runs import started
from tests.support.http_client import ApiClient


def test_the_overview_tells_how_many_runs_failed_and_links_to_them(console: Console, api: ApiClient) -> None:
    before = api.get("/stats").body["total"]["counts"]["failed"]
    page = console.open("overview")
    expect(page.get_by_text("p50 / p95 / p99")).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    # A run counts when its figures are folded, some time after its end: a page that is open goes on reading until then.
    api.results(started(api, {"step_id": "a", "step_type": "fail", "config": {"error": "Odd", "message": "odd"}}))
    failed = page.locator("main").get_by_role("link", name=re.compile("failed"))
    link = failed.filter(has_not_text=re.compile(rf"\b{before}$"))
    expect(link).to_be_visible(timeout=3 * SECONDS)
    for span, bucket in (("month", "day"), ("week", "hour"), ("day", "hour")):
        with page.expect_response(re.compile(rf"/stats\?.*bucket={bucket}")) as told:
            page.get_by_label("Of the last").select_option(span)
        assert told.value.ok
    expect(link).to_be_visible()
    console.check_accessible()
    link.click()
    expect(page).to_have_url(re.compile("status=failed"))


def test_the_charts_of_the_overview_tell_moments_like_any_page(console: Console) -> None:
    page = console.open("overview")
    page.locator(".u-over").first.hover()
    expect(page.locator(".u-legend").first).to_contain_text(re.compile(r"From:? *\d\d-\d\d \d\d:\d\d"))
    page.get_by_label("Colours").select_option("dark")
    expect(page.locator(".u-legend .u-marker").nth(1)).to_have_css("border-color", "rgb(125, 178, 255)")
    console.check_accessible()


def test_a_chart_that_is_drawn_anew_goes_on_telling_what_is_under_the_pointer(console: Console) -> None:
    runs = 0

    def growing(route: Route) -> None:
        nonlocal runs
        runs += 1
        answer = route.fetch()
        told = answer.json()
        told["total"]["runs"] = runs
        for bucket in told["buckets"]:
            bucket["runs"] = runs
        route.fulfill(response=answer, json=told)

    console.page.route(re.compile(r"//[^/]+/stats\?"), growing)
    page = console.open("overview")
    page.locator(".u-over").first.hover()
    value = page.locator(".u-legend").first.locator(".u-value").nth(1)
    expect(value).to_have_text(re.compile(r"^\d+$"))
    before = int(value.inner_text())
    expect(value).not_to_have_text(str(before))
    expect(value).to_have_text(re.compile(r"^\d+$"))
    assert int(value.inner_text()) > before
    console.page.unroute_all(behavior="ignoreErrors")


def test_a_decision_is_made_in_the_inbox(console: Console, api: ApiClient) -> None:
    ask = {
        "step_id": "ask",
        "step_type": "human_approval",
        "config": {"prompt": "Ship order 77?", "require_comment": True},
    }
    run = started(api, ask)
    page = console.open("approvals")
    entry = page.get_by_role("article", name="Ship order 77?")
    expect(entry.get_by_role("button", name="Approve")).to_be_disabled()
    console.check_accessible()
    entry.get_by_label("Comment").fill("fine")
    entry.get_by_role("button", name="Deny").click()
    expect(entry).to_have_count(0)
    decided = api.results(run)["step_results"]["ask"]["output_data"]
    assert (decided["decision"], decided["comment"]) == ("denied", "fine")


def test_a_step_type_is_found_and_tried(console: Console) -> None:
    page = console.open("steps")
    page.get_by_label("Search").fill("jsonata")
    page.get_by_role("link", name="transform", exact=True).click()
    panel = page.get_by_role("region", name="Step type transform")
    expect(panel).to_contain_text("expression")
    console.check_accessible()
    panel.get_by_label("Configuration, in JSON").fill('{"expression": 1')
    panel.get_by_role("button", name="Run this step").click()
    expect(panel.get_by_role("alert")).to_contain_text("The configuration is not JSON")
    panel.get_by_label("Configuration, in JSON").fill('{"expression": "n + 1"}')
    panel.get_by_label("Input, in JSON").fill('{"n": 41}')
    panel.get_by_role("button", name="Run this step").click()
    expect(page.locator("h1 .status")).to_contain_text("completed")
    page.get_by_role("tab", name="Output").first.click()
    expect(page.get_by_label("Output of the run", exact=True)).to_contain_text("42")


def test_an_agent_is_asked_and_a_prompt_filled_in(console: Console, api: ApiClient) -> None:
    agent = {"agent_id": "analyst", "agent_name": "Analyst", "model": "gpt-4o-mini"}
    assert api.post("/agents", agent).status == 201
    prompt = {
        "prompt_id": "greet",
        "name": "Greeting",
        "query_template": "Hello {name}",
        "variables": [{"name": "name"}],
    }
    assert api.post("/prompts", prompt).status == 201
    page = console.open("agents/analyst")
    console.check_accessible()
    page.get_by_label("Question").fill("How are you?")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("log")).to_contain_text("The query was: How are you?")
    page = console.open("prompts/greet")
    page.get_by_label("Variables, in JSON").fill('{"name": "Ann"}')
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("As the agent gets it", exact=True)).to_contain_text("Hello Ann")
    console.check_accessible()


def test_a_file_is_added_and_deleted(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("a,b\n1,2\n")
    page = console.open("files")
    page.get_by_label("Add a file").set_input_files(file)
    row = page.get_by_role("row").filter(has_text="orders.csv")
    expect(row).to_be_visible()
    console.check_accessible()
    row.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete it").click()
    expect(row).to_have_count(0)


@pytest.mark.parametrize("place", ["overview", "runs", "steps", "agents", "prompts", "approvals", "files"])
def test_a_page_has_no_serious_fault_for_who_does_not_see_it(console: Console, place: str) -> None:
    page = console.open(place)
    page.get_by_role("heading", level=1).wait_for()
    console.check_accessible()


def test_an_older_version_of_an_agent_is_looked_at_and_asked_and_the_newest_again(
    console: Console, api: ApiClient
) -> None:
    agent = {"agent_id": "poet", "agent_name": "Poet", "model": "gpt-4o-mini", "system_prompt": "In rhymes."}
    assert api.post("/agents", agent).status == 201
    assert api.call("PUT", "/agents/poet", {**agent, "system_prompt": "In prose."}).status == 200
    page = console.open("agents/poet")
    panel = page.get_by_role("region", name="Agent poet")
    version = panel.get_by_label("Version")
    expect(version).to_have_value("2")
    version.select_option("1")
    expect(panel).to_contain_text("In rhymes.")
    expect(version.locator("option")).to_have_text(["2", "1"])
    sent: list[object] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if "/execute" in request.url else None)
    panel.get_by_label("Question").fill("How are you?")
    panel.get_by_role("button", name="Ask").click()
    expect(panel.get_by_role("log")).to_contain_text("version 1")
    assert sent == [{"query": "How are you?", "version": 1}]


def test_a_version_of_an_agent_that_is_not_to_be_had_leads_back_to_the_newest(console: Console, api: ApiClient) -> None:
    console.expected += ["404"]
    agent = {"agent_id": "clerk", "agent_name": "Clerk", "model": "gpt-4o-mini"}
    assert api.post("/agents", agent).status == 201
    assert api.call("PUT", "/agents/clerk", {**agent, "system_prompt": "In prose."}).status == 200
    page = console.open("agents/clerk")
    body = json.dumps({"title": "Not Found", "status": 404, "code": "not_found", "detail": "There is no version 1."})
    page.route("**/agents/clerk?version=1", lambda route: route.fulfill(status=404, body=body))
    page.get_by_label("Version").select_option("1")
    expect(page.get_by_role("alert")).to_contain_text("There is no version 1.")
    page.get_by_role("button", name="The newest version").click()
    expect(page.get_by_label("Version")).to_have_value("2")
    expect(page.get_by_role("form", name="Ask the agent")).to_be_visible()
