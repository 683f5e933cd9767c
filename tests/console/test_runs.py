"""What a user does with runs: watches one, finds why one failed, and goes on from there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, expect

from tests.console.conftest import Console
from tests.support.http_client import ApiClient


def started(api: ApiClient, *steps: dict[str, Any], **fields: Any) -> str:
    workflow = {"name": "Order", "execution_pattern": "parallel", "steps": list(steps)}
    answer = api.post("/workflows/execute", {"workflow": workflow, **fields})
    assert answer.status == 202, answer.body
    return str(answer.body["execution_id"])


def gate(step_id: str, *dependencies: str) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "gate", "config": {"name": step_id}, "dependencies": list(dependencies)}


def box(console: Console, step: str) -> Locator:
    return console.page.locator(f'.step-box[data-step="{step}"]')


def test_a_run_is_watched_as_it_goes_through(console: Console, api: ApiClient, switches: Path) -> None:
    run = started(api, gate("first"), gate("second", "first"), input={})
    console.open(f"runs/{run}")
    expect(box(console, "first")).to_have_class(re.compile("active"))
    expect(box(console, "second")).to_have_class(re.compile("idle"))
    (switches / "first").touch()
    expect(box(console, "first")).to_have_class(re.compile("ok"))
    expect(box(console, "second")).to_have_class(re.compile("active"))
    (switches / "second").touch()
    expect(box(console, "second")).to_have_class(re.compile("ok"))
    expect(console.page.locator("h1 .status")).to_contain_text("completed")
    console.check_accessible()


def test_a_failed_run_opens_on_why_it_failed_and_is_redriven(console: Console, api: ApiClient, switches: Path) -> None:
    run = started(api, {"step_id": "ship", "step_type": "carrier", "config": {}})
    assert api.results(run)["status"] == "failed"
    page = console.open(f"runs/{run}")
    panel = page.get_by_role("region", name="Step ship")
    expect(panel).to_contain_text("no truck")
    expect(panel.get_by_label("Stack trace", exact=True)).to_contain_text("carrier")
    panel.get_by_role("tab", name="Logs").click()
    expect(panel).to_contain_text("looking for a truck")
    console.check_accessible()
    (switches / "truck").touch()
    page.get_by_role("button", name="Redrive…").click()
    page.get_by_role("button", name="Redrive", exact=True).click()
    expect(page.locator("h1 .status")).to_contain_text("completed")
    expect(panel.locator(".status").first).to_contain_text("completed")
    (switches / "truck").unlink()


def test_a_run_is_run_again_from_a_step_with_what_was_done_before(
    console: Console, api: ApiClient, switches: Path
) -> None:
    (switches / "truck").touch()
    stored = {"step_id": "reserve", "step_type": "transform", "config": {"expression": "{'id': 7}"}}
    run = started(api, stored, {"step_id": "ship", "step_type": "carrier", "config": {}, "dependencies": ["reserve"]})
    assert api.results(run)["status"] == "completed"
    page = console.open(f"runs/{run}?step=ship")
    page.get_by_role("button", name="Rerun…").click()
    expect(page.get_by_label("From the step")).to_have_value("ship")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("repeats another run from ship")).to_be_visible()
    expect(page.locator("main")).to_be_focused()  # what had the focus has gone with the page
    expect(page.locator("h1 .status")).to_contain_text("completed")
    box(console, "reserve").click()
    expect(page.get_by_role("region", name="Step reserve")).to_contain_text("the run that this one repeats")
    (switches / "truck").unlink()


def test_an_approval_is_decided_where_the_run_waits_for_it(console: Console, api: ApiClient) -> None:
    run = started(api, {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Ship it?"}})
    page = console.open(f"runs/{run}?step=ask")
    expect(page.get_by_role("region", name="Step ask")).to_contain_text("waiting")
    page.get_by_label("Comment").fill("go on")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("h1 .status")).to_contain_text("completed")


def test_a_run_is_cancelled_with_why(console: Console, api: ApiClient) -> None:
    run = started(api, {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 3600}})
    page = console.open(f"runs/{run}")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_label("Why, for whoever looks at it later").fill("a test")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator("h1 .status")).to_contain_text("cancelled")
    assert api.get(f"/executions/{run}").body["cancel_cause"] == "a test"


def test_a_list_shows_how_its_parts_are_and_opens_the_one_that_failed(console: Console, api: ApiClient) -> None:
    checked = {
        "step_id": "check",
        "step_type": "transform",
        "config": {"expression": "v = 3 ? $error('three') : v"},
        "input_mapping": {"v": "item"},
    }
    each = {
        "step_id": "each",
        "step_type": "map",
        "config": {"items": "input.rows", "steps": [checked]},
        "critical": False,
    }
    run = started(api, each, input={"rows": [1, 2, 3, 4]})
    api.results(run)
    page = console.open(f"runs/{run}?step=each")
    panel = page.get_by_role("region", name="Step each")
    expect(panel.get_by_role("img").last).to_have_accessible_name(re.compile("4 elements, 1 failed"))
    console.check_accessible()
    panel.get_by_role("button", name="✕ 2").click()
    expect(page).to_have_url(re.compile(r"step=each%5B2%5D.check"))
    page.goto(f"{console.url}/console/#/runs/{run}?step=each")
    expect(panel.get_by_role("img").last).to_have_accessible_name(re.compile("4 elements, 1 failed"))
    strip = panel.locator("canvas")
    box_of_strip = strip.bounding_box()
    assert box_of_strip is not None
    strip.click(position={"x": box_of_strip["width"] * 0.9, "y": 5})
    expect(page).to_have_url(re.compile(r"step=each%5B3%5D.check"))


def test_a_run_opens_on_the_element_that_failed_and_a_step_inside_tells_of_all(
    console: Console, api: ApiClient
) -> None:
    inner = {"step_id": "inner", "step_type": "transform", "config": {"expression": "v = 3 ? $error('three') : v"}}
    inner["input_mapping"] = {"v": "item"}
    each = {"step_id": "each", "step_type": "map", "config": {"items": "input.rows", "steps": [inner]}}
    run = started(api, each, input={"rows": [1, 2, 3, 4]})
    assert api.results(run)["status"] == "failed"
    page = console.open(f"runs/{run}")
    expect(page.get_by_role("region", name="Step each[2].inner")).to_contain_text("three")
    expect(box(console, "inner")).to_have_class(re.compile("selected"))
    box(console, "inner").click()
    panel = page.get_by_role("region", name="Step inner")
    expect(panel.get_by_role("img")).to_have_accessible_name(re.compile("times, 1 failed"))
    panel.get_by_label("Open time").fill("2")
    panel.get_by_label("Open time").press("Enter")
    expect(page.get_by_role("region", name="Step each[2].inner")).to_be_visible()


def test_a_case_that_a_switch_did_not_take_is_dimmed(console: Console, api: ApiClient) -> None:
    def one(name: str) -> list[dict[str, Any]]:
        return [{"step_id": name, "step_type": "transform", "config": {"expression": "1"}}]

    cases = [{"when": "input.n > 1", "steps": one("large")}]
    run = started(
        api,
        {"step_id": "choose", "step_type": "switch", "config": {"cases": cases, "default": one("small")}},
        input={"n": 0},
    )
    assert api.results(run)["status"] == "completed"
    console.open(f"runs/{run}")
    expect(box(console, "small")).to_have_class(re.compile("ok"))
    expect(box(console, "large")).to_have_class(re.compile("not-taken"))
    expect(box(console, "large")).to_contain_text("not taken")
    console.check_accessible()
    box(console, "small").click()
    expect(console.page.get_by_role("region", name="Step choose.small")).to_contain_text("completed")


def test_the_graph_is_gone_through_by_arrow_keys(console: Console, api: ApiClient) -> None:
    def one(name: str, *after: str) -> dict[str, Any]:
        return {"step_id": name, "step_type": "transform", "config": {"expression": "1"}, "dependencies": list(after)}

    run = started(api, one("top"), one("left", "top"), one("right", "top"))
    api.results(run)
    page = console.open(f"runs/{run}?planned=yes")
    spent = api.results(run)["cost_usd"]["total"]
    expect(page.get_by_text(f"cost ${spent:.6f} (states ${spent:.6f}, planned $")).to_be_visible()
    expect(box(console, "top")).to_contain_text("slack 0 ms")
    page.locator(".canvas").focus()
    for key, step in (("Down", "top"), ("Down", "(left|right)"), ("Up", "top")):
        page.keyboard.press(f"Arrow{key}")
        expect(page).to_have_url(re.compile(f"step={step}"))
    console.check_accessible()
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("step="))
    console.expected += ["422"]
    console.open(f"runs/{run}?step=nobody")
    expect(page.get_by_role("region", name="Step nobody").get_by_role("alert")).to_contain_text("no step 'nobody'")
    expect(page.locator(".canvas")).not_to_have_attribute("aria-activedescendant", re.compile(""))
    console.check_accessible()


def test_the_list_of_runs_is_live_and_its_filters_stand_in_the_address(console: Console, api: ApiClient) -> None:
    console.expected += ["422"]
    page = console.open("runs")
    run = started(
        api, {"step_id": "a", "step_type": "fail", "config": {"error": "Odd", "message": "quite odd"}}, tags=["odd"]
    )
    expect(page.get_by_role("link", name=run)).to_be_visible()
    page.get_by_role("button", name="More filters").click()
    page.get_by_label("Tag").fill("odd")
    expect(page).to_have_url(re.compile("tag=odd"))
    expect(page.get_by_role("row").nth(1)).to_contain_text("quite odd")
    expect(page.get_by_role("row")).to_have_count(2)
    console.check_accessible()
    page.reload()
    expect(page.get_by_label("Tag")).to_have_value("odd")
    page.get_by_label("From", exact=True).fill("yesterday")
    expect(page.get_by_role("alert")).to_contain_text("from")


def test_the_keyboard_goes_on_in_the_page_that_a_link_leads_to(console: Console, api: ApiClient) -> None:
    run = started(api, {"step_id": "a", "step_type": "transform", "config": {"expression": "1"}})
    api.results(run)
    page = console.open("runs")
    page.get_by_role("link", name=run).press("Enter")
    expect(box(console, "a")).to_be_visible()
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="Runs", exact=True).press("Enter")
    expect(page.get_by_role("link", name=run)).to_be_visible()
    expect(page.get_by_role("link", name="Runs", exact=True)).to_be_focused()


def test_views_of_a_run_share_one_selection(console: Console, api: ApiClient) -> None:
    steps = [{"step_id": name, "step_type": "transform", "config": {"expression": "1"}} for name in "ab"]
    run = started(api, *steps)
    api.results(run)
    page = console.open(f"runs/{run}?step=b")
    for view in ("As compiled", "Timeline", "Steps"):
        page.get_by_role("tab", name=view).click()
        expect(page.get_by_role("region", name="Step b")).to_be_visible()
        console.check_accessible()
        if view == "Timeline":
            page.get_by_label("planned beside real").check()
            expect(page.get_by_role("group", name="Timeline")).to_contain_text("slack 0 ms")
    page.get_by_role("tab", name="Output").last.click()
    expect(page.get_by_role("region", name="Step b")).to_be_visible()


def test_each_element_of_a_list_is_decided_by_itself(console: Console, api: ApiClient) -> None:
    ask = {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Ship it?"}}
    each = {"step_id": "each", "step_type": "map", "config": {"items": "input.rows", "steps": [ask]}}
    run = started(api, each, input={"rows": [1, 2]})
    page = console.open(f"runs/{run}?step=each[1].ask")
    expect(page.get_by_role("region", name="Step each[1].ask")).to_contain_text("Ship it?")
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("region", name="Step each[1].ask").locator(".status").first).to_contain_text("completed")
    page = console.open("approvals")
    entry = page.get_by_role("article").filter(has_text="each[0].ask")
    expect(page.get_by_role("article").filter(has_text="each[1].ask")).to_have_count(0)
    entry.get_by_role("button", name="Approve").click()
    expect(entry).to_have_count(0)
    results = api.results(run)["step_results"]
    decided = [results[f"each[{i}].ask"]["output_data"]["decision"] for i in (0, 1)]
    assert decided == ["approved", "denied"]


def test_the_input_of_a_run_stands_in_the_dialog_that_repeats_it(console: Console, api: ApiClient) -> None:
    step = {"step_id": "a", "step_type": "transform", "config": {"expression": "n"}, "input_mapping": {"n": "input.n"}}
    run = started(api, step, input={"n": 1})
    api.results(run)
    page = console.open(f"runs/{run}")
    opener = page.get_by_role("button", name="Rerun…")
    opener.click()
    text = page.get_by_label("Input, in JSON")
    expect(text).to_have_value('{\n  "n": 1\n}')
    page.get_by_role("button", name="Leave it").click()
    expect(opener).to_be_focused()
    opener.click()
    text.fill('{"n": ')
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("The input is not JSON")
    text.fill('{"n": 2}')
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("repeats another run")).to_be_visible()
    expect(page.locator("h1 .status")).to_contain_text("completed")
    again = page.url.rsplit("/", 1)[-1].partition("?")[0]
    assert again != run
    first, *_ = api.get(f"/executions/{again}/history?limit=1").body["items"]
    assert first["details"]["input"] == {"n": 2}


def test_views_are_gone_through_by_arrow_keys_with_one_stop_of_tab(console: Console, api: ApiClient) -> None:
    run = started(api, {"step_id": "a", "step_type": "transform", "config": {"expression": "1"}})
    api.results(run)
    page = console.open(f"runs/{run}")
    views = page.get_by_role("tablist", name="Views of the run")
    views.get_by_role("tab", name="Graph").focus()
    page.keyboard.press("ArrowLeft")
    expect(views.get_by_role("tab", name="Output")).to_be_focused()
    expect(page.get_by_label("Output of the run", exact=True)).to_be_visible()
    page.keyboard.press("Home")
    expect(views.get_by_role("tab", name="Graph")).to_have_attribute("aria-selected", "true")
    assert views.locator("[tabindex='0']").count() == 1


def test_a_long_log_is_followed_to_its_end(console: Console, api: ApiClient, switches: Path) -> None:
    run = started(api, {"step_id": "talk", "step_type": "chatter", "config": {"lines": 250, "name": "talked"}})
    page = console.open(f"runs/{run}?step=talk&tab=Logs")
    log = page.get_by_label("Log", exact=True)
    expect(log).to_contain_text("line 249")
    expect(log).not_to_contain_text("the last line")
    (switches / "talked").touch()
    expect(log).to_contain_text("the last line")


def test_a_large_output_of_a_run_can_be_shown(console: Console, api: ApiClient) -> None:
    # No step may give more than 256 KiB; the run gives what all of them gave.
    run = started(api, *({"step_id": f"s{n}", "step_type": "bulk", "config": {"rows": 200}} for n in range(6)))
    results = api.results(run)
    assert results["status"] == "completed", results["error"]
    page = console.open(f"runs/{run}?view=output")
    page.get_by_role("button", name="Show it").click()
    expect(page.get_by_label("Output of the run", exact=True)).to_contain_text("s5")


def test_the_timeline_that_is_opened_first_is_as_wide_as_its_place(console: Console, api: ApiClient) -> None:
    run = started(api, {"step_id": "a", "step_type": "delay", "config": {"delay_seconds": 1}})
    api.results(run)
    console.page.set_viewport_size({"width": 700, "height": 900})
    page = console.open(f"runs/{run}?view=timeline")
    expect(page.locator(".bar-row rect").first).to_be_visible()
    right = "(css) => document.querySelector(css).getBoundingClientRect().right"
    page.wait_for_function(
        f"""() => ({right})(".bar-row rect") <= ({right})('[role="group"][aria-label="Timeline"]')"""
    )


def test_long_lists_are_folded_and_what_failed_in_them_is_found(console: Console, api: ApiClient) -> None:
    one = {"step_id": "one", "step_type": "transform", "input_mapping": {"v": "item"}}
    one["config"] = {"expression": "v = 77 ? $error('damaged') : v"}
    each = {"step_id": "each", "step_type": "map", "config": {"items": "input.rows", "steps": [one]}, "critical": False}
    run = started(api, each, input={"rows": list(range(100))})
    assert api.results(run)["status"] == "completed"
    page = console.open(f"runs/{run}?view=timeline")
    rows = page.get_by_role("group", name="Timeline").get_by_role("button")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("each[77].one")
    folded = page.get_by_label("show the 100 steps in each")
    folded.check()
    expect(rows.filter(has_text="each[0].one")).to_be_visible()
    folded.uncheck()
    expect(rows).to_have_count(2)
    page.get_by_role("tab", name="Steps").click()
    table = page.get_by_role("table", name="Steps")
    for place, key in enumerate(("each", "one", "each[0].one", "each[1].one"), start=1):
        expect(table.get_by_role("row").nth(place)).to_contain_text(key)
    page.get_by_label("only what failed").check()
    page.get_by_label("Find").fill("each[")
    expect(table.get_by_role("row")).to_have_count(2)
    expect(table).to_contain_text("each[77].one")
    console.check_accessible()
    page.reload()
    expect(table.get_by_role("row")).to_have_count(2)


def test_a_run_that_is_gone_while_it_is_looked_at_says_so(console: Console, api: ApiClient) -> None:
    run = started(api, {"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 600}})
    page = console.open(f"runs/{run}")
    expect(page.get_by_role("tab", name="Timeline")).to_be_visible()
    console.expected += ["404"]
    body = json.dumps({"title": "Not Found", "status": 404, "code": "not_found", "detail": "There is no such run."})
    page.route(f"**/executions/{run}", lambda route: route.fulfill(status=404, body=body))
    expect(page.locator("main")).to_contain_text("There is no such run.")
    api.post(f"/executions/{run}/cancel", {})
