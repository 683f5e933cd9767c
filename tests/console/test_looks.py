"""What the console looks like, whatever it is looked at with; and that nothing but its own files makes it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.console.conftest import SECONDS, Console
from tests.console.test_runs import started
from tests.support.http_client import ApiClient


def test_the_root_leads_to_the_console(console: Console, url: str) -> None:
    console.page.goto(url)
    expect(console.page.get_by_role("heading", name="Runs")).to_be_visible()
    assert console.page.url.startswith(f"{url}/console/")


def test_nothing_is_asked_of_another_host(console: Console, api: ApiClient, url: str) -> None:
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(request.url))
    run = started(api, {"step_id": "a", "step_type": "transform", "config": {"expression": "1"}})
    page = console.open("runs")
    page.get_by_role("link", name=run).click()
    expect(page.locator(".step-box")).to_be_visible()
    assert asked
    assert [address for address in asked if not address.startswith(url)] == []


def test_dark_and_light_are_chosen_and_remembered(console: Console) -> None:
    page = console.open("runs")
    page.get_by_label("Colours").select_option("dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(20, 23, 28)")
    console.check_accessible()
    page.reload()
    expect(page.get_by_label("Colours")).to_have_value("dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(20, 23, 28)")


@pytest.fixture(scope="module")
def shown(url: str) -> dict[str, str]:
    """Ids of a run and of a workflow, of which each page has something to show."""
    api = ApiClient(url)
    pack = {"step_id": "pack", "step_type": "transform", "config": {"expression": "v"}, "input_mapping": {"v": "item"}}
    each = {"step_id": "boxes_of_the_order", "step_type": "map", "config": {"items": "input.rows", "steps": [pack]}}
    workflow = {"name": "Nightly invoices of all shops", "execution_pattern": "parallel", "steps": [each]}
    assert api.call("PUT", "/workflows/nightly-invoices-of-all-shops", workflow).status == 201
    run = api.post("/workflows/nightly-invoices-of-all-shops/execute", {"input": {"rows": list(range(60))}}).body
    api.results(run["execution_id"])
    upload = (
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="orders-of-november.csv"\r\n\r\na,b\r\n--x--\r\n'
    )
    kept = api.call("POST", "/files", content=upload, headers={"content-type": "multipart/form-data; boundary=x"})
    assert kept.status == 201, kept.body
    return {"run": str(run["execution_id"]), "workflow": "nightly-invoices-of-all-shops"}


SIDEWAYS = """() => [document.documentElement, ...document.querySelectorAll("main *")].filter((e) => {
  const isMoved = e === document.documentElement || ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
  return isMoved && !e.matches(".tree, .react-flow *, .cm-scroller") && e.scrollWidth > e.clientWidth + 1;
}).map((e) => `${e.tagName} ${e.getAttribute("aria-label") ?? e.className}: ${e.scrollWidth} of ${e.clientWidth}`)"""
"""What has to be moved sideways to be seen, but for documents: trees of JSON, texts, and graphs."""


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        ("overview", "How long they took"),
        ("runs", "Nightly invoices"),
        ("workflows", "Nightly invoices"),
        ("steps", "data_processing"),
        ("steps/data_processing", "Try it"),
        ("files", "orders-of-november.csv"),
        ("runs/{run}", "boxes_of_the_order"),
        ("runs/{run}?step=boxes_of_the_order", "60 elements"),
        ("runs/{run}?view=timeline", "boxes_of_the_order"),
        ("runs/{run}?view=steps", "boxes_of_the_order"),
        ("workflows/{workflow}", "boxes_of_the_order"),
        ("workflows/{workflow}?view=steps", "boxes_of_the_order"),
        ("workflows/{workflow}?view=versions", "Changes"),
        ("workflows/{workflow}/edit", "No errors"),
    ],
)
def test_nothing_is_moved_sideways_on_a_phone(
    browser: Browser, url: str, shown: dict[str, str], place: str, seen: str
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{url}/console/#/{place.format(**shown)}")
    expect(page.get_by_text(seen).locator("visible=true").first).to_be_visible(timeout=SECONDS)
    assert page.evaluate(SIDEWAYS) == []
    page.close()


LONG = "<b>&amp;" + "W" * 120
"""The longest name that a workflow may have, without a blank."""


@pytest.fixture(scope="module")
def long(url: str) -> dict[str, str]:
    """Ids of things whose names are as long as they may be."""
    api = ApiClient(url)
    workflow, agent, text = "w" * 64, "a" * 64, "T" * 300
    fails = {"step_id": "s" * 60, "step_type": "fail", "config": {"error": "E" * 80, "message": text}}
    ask = {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": text}}
    stored = {"name": LONG, "tags": ["t" * 60], "description": text, "steps": [fails]}
    assert api.call("PUT", f"/workflows/{workflow}", stored).status == 201
    run = api.post(f"/workflows/{workflow}/execute", {}).body["execution_id"]
    api.results(run)
    waiting = api.post("/workflows/execute", {"workflow": {"name": LONG, "steps": [ask]}}).body["execution_id"]
    told = {"agent_id": agent, "agent_name": LONG, "model": "gpt-4o-mini", "description": text}
    assert api.post("/agents", told).status == 201
    return {"workflow": workflow, "run": run, "waiting": waiting, "agent": agent}


@pytest.mark.parametrize("width", [390, 1400])
def test_a_long_name_is_broken_and_moves_nothing_sideways(console: Console, long: dict[str, str], width: int) -> None:
    console.page.set_viewport_size({"width": width, "height": 844})
    for place, seen in (
        ("runs", LONG),
        ("workflows", LONG),
        ("agents/{agent}", "Try it"),
        ("approvals", "T" * 300),
        ("runs/{run}?view=steps", "E" * 80),
        ("runs/{waiting}?step=ask", "T" * 300),
        ("workflows/{workflow}?view=versions", "Changes"),
        ("workflows/{workflow}/edit", "No errors"),
        ("workflows/{workflow}", LONG),
    ):
        page = console.open(place.format(**long))
        expect(page.get_by_text(seen).locator("visible=true").first).to_be_visible()
        assert (place, page.evaluate(SIDEWAYS)) == (place, [])
    page.get_by_role("button", name="Delete…").click()
    assert page.get_by_role("dialog").evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")


def test_a_server_that_is_away_is_told_and_comes_back(console: Console) -> None:
    console.expected += ["ERR_FAILED", "ERR_INTERNET_DISCONNECTED"]
    page = console.open("runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("The server does not answer.", exact=False).first).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("The server does not answer.", exact=False)).to_have_count(0)


def test_a_place_that_does_not_exist_says_so(console: Console) -> None:
    page = console.open("nowhere")
    expect(page.get_by_text("There is no page")).to_be_visible()


def test_the_places_take_one_line_of_a_phone_and_are_all_reached(browser: Browser, url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{url}/console/")
    places = page.get_by_role("navigation", name="Main").get_by_role("link")
    expect(places.first).to_be_visible()
    tops = {round(link.evaluate("e => e.getBoundingClientRect().top")) for link in places.all()}
    assert len(tops) == 1
    places.last.click()
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
    page.reload()
    expect(places.last).to_be_in_viewport(ratio=0.9)
    page.close()


def test_every_moment_is_of_the_zone_that_is_chosen(browser: Browser, url: str, api: ApiClient) -> None:
    run = started(api, {"step_id": "a", "step_type": "transform", "config": {"expression": "1"}})
    began = str(api.get(f"/executions/{run}").body["started_at"])[11:13]
    page = browser.new_page(timezone_id="Asia/Tokyo")
    page.goto(f"{url}/console/#/runs/{run}")
    shown = page.get_by_text("started 20")
    expect(shown).to_be_visible()
    assert shown.inner_text().split()[2][:2] == f"{(int(began) + 9) % 24:02}"
    page.get_by_role("button", name="Asia/Tokyo").click()
    expect(shown).to_contain_text(f" {began}:")
    expect(page).to_have_title(f"{run} · Runs · Workflow console")
    page.close()


def test_nothing_is_hard_to_read_in_the_dark(console: Console, shown: dict[str, str]) -> None:
    console.page.emulate_media(color_scheme="dark")
    run, workflow = shown["run"], shown["workflow"]
    for place, seen in (
        ("overview", "How long they took"),
        ("runs", "Nightly invoices"),
        (f"runs/{run}?step=boxes_of_the_order", "60 elements"),
        (f"runs/{run}?view=timeline", "show the 60 steps"),
        (f"workflows/{workflow}", "boxes_of_the_order"),
        (f"workflows/{workflow}/edit", "No errors"),
        ("steps/transform", "Try it"),
    ):
        expect(console.open(place).get_by_text(seen).first).to_be_visible()
        console.check_accessible()
