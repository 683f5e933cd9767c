"""What a user does with workflows: finds one, sees what a version changed, writes one, and runs it."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from playwright.sync_api import Locator, Route, TimeoutError, expect

from tests.console.conftest import Console
from tests.support.http_client import ApiClient

COMMENT = "# what the customer sees"


def delay(step_id: str, seconds: float = 0, *dependencies: str) -> dict[str, Any]:
    config = {"delay_seconds": seconds}
    return {"step_id": step_id, "step_type": "delay", "config": config, "dependencies": list(dependencies)}


def stored(api: ApiClient, workflow_id: str, *steps: dict[str, Any], **fields: Any) -> int:
    workflow = {"name": "Order", "execution_pattern": "parallel", "steps": list(steps), **fields}
    answer = api.call("PUT", f"/workflows/{workflow_id}", workflow)
    assert answer.status in (200, 201), answer.body
    return int(answer.body["version"])


def editor(console: Console) -> Locator:
    return console.page.locator(".cm-content")


def write(console: Console, text: str) -> None:
    """Paste a text in the place of the one in the editor: typed, it would be completed and indented."""
    console.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    editor(console).click()
    console.page.keyboard.press("ControlOrMeta+a")
    console.page.keyboard.press("ControlOrMeta+v")


def findings(console: Console) -> Locator:
    return console.page.get_by_role("region", name="Findings")


def box(console: Console, step: str) -> Locator:
    return console.page.locator(f'.step-box[data-step="{step}"]')


def test_workflows_are_found_by_name_and_tag_which_stand_in_the_address(console: Console, api: ApiClient) -> None:
    stored(api, "listed-a", delay("a"), name="Nightly report", tags=["night"])
    stored(api, "listed-b", delay("a"), name="Daily report", tags=["day"])
    page = console.open("workflows")
    expect(page.get_by_role("link", name="Nightly report", exact=True)).to_be_visible()
    console.check_accessible()
    page.get_by_label("Tag").fill("night")
    expect(page).to_have_url(re.compile("tag=night"))
    expect(page.get_by_role("row")).to_have_count(2)
    page.reload()
    expect(page.get_by_label("Tag")).to_have_value("night")
    page.get_by_role("link", name="Nightly report", exact=True).click()
    expect(page.get_by_role("heading", name="Nightly report")).to_be_visible()
    expect(box(console, "a")).to_be_visible()


def test_a_workflow_shows_its_plan_and_every_view_of_it_is_accessible(console: Console, api: ApiClient) -> None:
    stored(api, "planned", delay("first", 2), delay("slow", 5, "first"), delay("quick", 1, "first"))
    page = console.open("workflows/planned")
    plan = page.get_by_role("region", name="The plan")
    expect(plan).to_contain_text("7.0 s")
    expect(plan.get_by_role("img", name="Bytes of the definition")).to_be_visible()
    plan.get_by_role("button", name="slow").click()
    expect(page.get_by_role("region", name="Step slow")).to_contain_text("delay_seconds")
    for view in ("As compiled", "Steps", "Document", "Versions", "Builds", "Compare"):
        page.get_by_role("tab", name=view).click()
        expect(page.get_by_role("tab", name=view)).to_have_attribute("aria-selected", "true")
        console.check_accessible()


def test_a_mistake_is_told_at_its_line_and_mended(console: Console, api: ApiClient) -> None:
    console.expected += ["400"]  # what cannot be read as YAML, and the console says where
    stored(api, "mended", delay("first"), delay("second", 0, "first"))
    page = console.open("workflows/mended/edit")
    expect(findings(console)).to_contain_text("No errors")
    console.check_accessible()
    write(console, "name: Order\nsteps:\n  - step_id: a\n    step_type: delay\n   config: {}\n")
    expect(findings(console).get_by_role("button", name="line 5")).to_contain_text("indented")
    write(console, "name: Order\nsteps:\n  - step_id: a\n    step_typ: delay\n    config: {delay_seconds: 1}\n")
    finding = findings(console).get_by_role("button", name="line 4")
    expect(finding).to_contain_text("Did you mean 'step_type'?")
    console.check_accessible()
    finding.click()
    page.keyboard.press("F8")
    page.locator(".cm-diagnosticAction").first.click()
    expect(editor(console)).to_contain_text("step_type: delay")
    expect(findings(console)).to_contain_text("No errors")
    expect(box(console, "a")).to_be_visible()


def test_a_text_that_is_scrolled_is_accessible(console: Console, api: ApiClient) -> None:
    stored(api, "long", *(delay(f"s{n}") for n in range(40)))
    console.open("workflows/long/edit")
    expect(editor(console)).to_contain_text("step_id: s0")
    expect(findings(console)).to_contain_text("No errors")
    console.check_accessible()


def test_what_is_typed_is_completed_by_the_schema(console: Console, api: ApiClient) -> None:
    console.expected += ["400"]
    stored(api, "typed", delay("a"))
    page = console.open("workflows/typed/edit")
    write(console, "name: Typed\nsteps:\n  - step_id: a\n    ")

    def complete(typed: str, offered: str) -> None:
        page.keyboard.type(typed)
        # While it is looked for what fits the last key, the list of the one before stands and takes no click.
        offers = page.locator(".cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled)")
        option = offers.get_by_role("option", name=offered).first
        for _ in range(6):
            with contextlib.suppress(TimeoutError):
                option.click(timeout=5_000)
                return
            page.keyboard.press("Control+Space")  # a list that a slow machine closed under the keys is asked for
        option.click()

    complete("step_t", "step_type")
    complete("del", "delay")
    expect(editor(console)).to_contain_text("step_type: delay")
    page.keyboard.press("Enter")
    complete("conf", "config")
    complete("del", "delay_seconds")
    page.keyboard.type("1")
    expect(findings(console)).to_contain_text("No errors")


def test_a_version_is_saved_and_what_it_changed_is_seen(console: Console, api: ApiClient) -> None:
    stored(api, "saved", delay("a", 1))
    page = console.open("workflows/saved/edit")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    write(console, "name: Order\nsteps:\n  - {step_id: a, step_type: delay, config: {delay_seconds: 4}}\n")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    page.get_by_role("link", name="See what is different").click()
    changes = page.get_by_role("region", name="Changes from version 1 to 2")
    expect(changes.get_by_role("row", name="Planned time")).to_contain_text("+3.0 s")
    expect(changes.get_by_role("row", name="States")).to_contain_text("the same")
    expect(changes.get_by_role("row", name="/steps/0/config/delay_seconds")).to_contain_text("changed")
    assert api.get("/workflows/saved").body["workflow"]["steps"][0]["config"] == {"delay_seconds": 4}
    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("button", name="Roll back to 1…").click()
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_role("link", name="what version 3 changed")).to_be_visible()
    assert api.get("/workflows/saved").body["workflow"]["steps"][0]["config"] == {"delay_seconds": 1}


def test_nobody_overwrites_what_somebody_else_saved(console: Console, api: ApiClient) -> None:
    console.expected += ["412"]
    stored(api, "shared", delay("a", 1))
    page = console.open("workflows/shared/edit")
    write(console, "name: Mine\nsteps:\n  - {step_id: a, step_type: delay, config: {delay_seconds: 1}}\n")
    stored(api, "shared", delay("a", 9))
    page.get_by_role("button", name="Save").click()
    conflict = page.get_by_role("alert").filter(has_text="Not saved")
    expect(conflict).to_contain_text("version 2 was saved by")
    expect(conflict.get_by_role("row", name="/steps/0/config/delay_seconds")).to_be_visible()
    console.check_accessible()
    assert api.get("/workflows/shared").body["version"] == 2
    conflict.get_by_role("button", name="Save mine behind it").click()
    expect(page.get_by_text("Saved as version 3.")).to_be_visible()
    assert api.get("/workflows/shared").body["name"] == "Mine"


def test_what_is_refused_is_marked_and_nothing_is_saved(console: Console, api: ApiClient) -> None:
    console.expected += ["422"]
    stored(api, "refused", delay("a", 1))
    page = console.open("workflows/refused/edit")
    write(console, "name: Order\nsteps:\n  - {step_id: a, step_type: delai}\n")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("It was not saved")
    expect(findings(console).get_by_role("button", name="line 3")).to_contain_text("delai")
    assert api.get("/workflows/refused").body["version"] == 1


def test_what_is_typed_while_it_is_saved_is_not_saved_yet(console: Console, api: ApiClient) -> None:
    stored(api, "slow", delay("a", 1))
    page = console.open("workflows/slow/edit")
    write(console, "name: First\nsteps:\n  - {step_id: a, step_type: delay, config: {delay_seconds: 1}}\n")

    def type_and_go_on(route: Route) -> None:
        page.keyboard.type("# more")
        route.continue_()

    page.route("**/workflows/slow", type_and_go_on)
    editor(console).press("ControlOrMeta+End")
    page.get_by_role("button", name="Save").evaluate("button => button.click()")
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    expect(page.get_by_text("not saved yet")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_enabled()


def test_what_was_not_saved_outlives_the_page(console: Console, api: ApiClient) -> None:
    stored(api, "kept", delay("a", 1))
    page = console.open("workflows/kept/edit")
    write(
        console, f"{COMMENT}\nname: Kept\nsteps:\n  - {{step_id: a, step_type: delay, config: {{delay_seconds: 1}}}}\n"
    )
    expect(page.get_by_text("not saved yet")).to_be_visible()
    console.open("runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    console.open("workflows/kept/edit")
    expect(editor(console)).to_contain_text(COMMENT)
    page.get_by_role("button", name="Discard").click()
    expect(editor(console)).not_to_contain_text(COMMENT)


def test_a_new_workflow_is_written_in_either_notation(console: Console, api: ApiClient) -> None:
    page = console.open("workflows")
    page.get_by_role("link", name="New workflow").click()
    expect(editor(console)).to_contain_text("name: New workflow")
    page.get_by_label("Notation").select_option("json")
    expect(editor(console)).to_contain_text('"name": "New workflow"')
    write(console, json.dumps({"workflow_id": "written", "name": "Written", "steps": [delay("a")]}))
    expect(findings(console)).to_contain_text("No errors")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Written")).to_be_visible()
    assert api.get("/workflows/written").body["name"] == "Written"


def test_a_step_is_added_on_the_graph_and_connected(console: Console, api: ApiClient) -> None:
    console.expected += ["400"]  # half a line is not YAML yet
    stored(api, "drawn", delay("a", 1))
    page = console.open("workflows/drawn/edit")
    expect(box(console, "a")).to_be_visible()
    page.get_by_role("button", name="+ merge", exact=True).drag_to(page.locator(".canvas"))
    expect(box(console, "merge")).to_be_visible()
    expect(editor(console)).to_contain_text("step_id: merge")
    box(console, "merge").click()
    page.get_by_role("group", name="merge waits for").get_by_label("a", exact=True).check()
    expect(editor(console)).to_contain_text("dependencies: [a]")
    expect(page.locator(".react-flow__edge")).to_have_count(1)
    page.get_by_role("button", name="+ delay", exact=True).click()
    expect(box(console, "delay")).to_be_visible()
    handles = ".react-flow__handle-"
    box(console, "merge").locator(f"{handles}bottom").drag_to(box(console, "delay").locator(f"{handles}top"))
    expect(editor(console)).to_contain_text("dependencies: [merge]")
    page.get_by_role("button", name="Show delay in the text").click()
    page.keyboard.type("# the last\n  ")
    expect(editor(console)).to_contain_text("- # the last")
    console.check_accessible()


def test_a_run_is_started_from_a_form_made_of_the_schema(console: Console, api: ApiClient) -> None:
    console.expected += ["422"]
    row = {
        "type": "object",
        "required": ["sku"],
        "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}},
    }
    schema = {
        "type": "object",
        "required": ["customer", "rows"],
        "properties": {
            "customer": {"type": "string", "minLength": 3, "description": "Who ordered."},
            "kind": {"enum": ["new", "repeat"]},
            "express": {"type": "boolean"},
            "rows": {"type": "array", "items": row},
        },
    }
    stored(api, "formed", delay("a"), input_schema=schema)
    page = console.open("workflows/formed")
    page.get_by_role("button", name="Run…").click()
    console.check_accessible()
    page.get_by_label("customer").fill("x")
    page.get_by_label("kind").select_option("repeat")
    page.get_by_label("express").check()
    page.get_by_role("button", name="Add to rows").click()
    page.get_by_label("sku").fill("007")
    page.get_by_label("count").fill("two")
    run = page.get_by_role("button", name="Run", exact=True)
    run.click()
    expect(page.get_by_label("count")).to_have_accessible_description(re.compile("not a number"))
    page.get_by_label("count").fill("2")
    run.click()
    expect(page.get_by_label("customer")).to_have_accessible_description(re.compile("too short"))
    page.get_by_label("customer").fill("Ann")
    run.click()
    expect(page).to_have_url(re.compile(r"#/runs/[0-9a-f-]{36}"))
    started = page.url.rsplit("/", 1)[-1].partition("?")[0]
    given = api.get(f"/executions/{started}/results").body
    expect(page.locator("h1 .status")).to_contain_text("completed")
    assert api.get(f"/executions/{started}").body["workflow_id"] == "formed", given


def test_a_paused_workflow_says_so_and_why(console: Console, api: ApiClient) -> None:
    console.expected += ["409"]
    stored(api, "paused", delay("a"))
    page = console.open("workflows/paused")
    page.get_by_role("button", name="Pause…").click()
    page.get_by_label("Why, for whoever wants to start it").fill("the bank is down")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Paused since")).to_contain_text("the bank is down")
    page.get_by_role("button", name="Resume…").click()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_role("button", name="Pause…")).to_be_visible()


def test_what_a_dialog_asked_of_a_server_that_is_away_is_asked_again_by_a_press(
    console: Console, api: ApiClient
) -> None:
    console.expected += ["ERR_FAILED", "ERR_INTERNET_DISCONNECTED"]
    stored(api, "unheard", delay("a"))
    page = console.open("workflows/unheard")
    opener = page.get_by_role("button", name="Pause…")
    opener.click()
    page.context.set_offline(True)
    pause = page.get_by_role("button", name="Pause", exact=True)
    pause.click()
    told = page.get_by_role("dialog").get_by_role("alert")
    expect(told).to_have_text("The server does not answer. Try again in a moment.")
    page.context.set_offline(False)
    pause.click()
    expect(page.get_by_role("status").filter(has_text="Paused since")).to_be_visible()
    assert api.get("/workflows/unheard").body["paused_at"] is not None


def test_a_workflow_is_deleted_unless_somebody_has_saved_it_in_the_meantime(console: Console, api: ApiClient) -> None:
    stored(api, "doomed", delay("a"), name="Doomed")
    page = console.open("workflows/doomed")
    page.get_by_role("button", name="Delete…").click()
    console.check_accessible()
    stored(api, "doomed", delay("a"), delay("b"), name="Doomed")
    page.get_by_role("button", name="Delete the workflow").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Version 2 has been saved in the meantime.")
    page.get_by_role("button", name="Leave it").click()
    expect(page.get_by_text("version 2", exact=True)).to_be_visible()  # to be looked at first
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete the workflow").click()
    expect(page.get_by_role("heading", name="Workflows")).to_be_visible()
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("link", name="Doomed", exact=True)).to_have_count(0)
    assert api.get("/workflows/doomed").status == 404


def test_a_deletion_that_is_not_done_yet_is_gone_on_with(console: Console, api: ApiClient) -> None:
    console.expected += ["429"]
    stored(api, "halved", delay("a"), name="Halved")
    page = console.open("workflows/halved")

    def half(route: Route) -> None:
        """What the service tells when it has deleted the workflow and not all of its figures."""
        if route.request.method != "DELETE":
            route.continue_()
            return
        assert api.call("DELETE", "/workflows/halved").status == 204
        body = {"type": "about:blank", "title": "Too Many Requests", "status": 429, "code": "throttled"}
        told = json.dumps(body | {"detail": "Some of its figures are left."})
        route.fulfill(status=429, content_type="application/problem+json", body=told)
        page.unroute("**/workflows/halved")

    page.route("**/workflows/halved", half)
    page.get_by_role("button", name="Delete…").click()
    delete = page.get_by_role("button", name="Delete the workflow")
    delete.click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Some of its figures are left.")
    delete.click()
    expect(page.get_by_role("heading", name="Workflows")).to_be_visible()
