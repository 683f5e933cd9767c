"""A large graph from afar: one picture in place of thousands of elements, from which steps are chosen all the same."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.console.conftest import Console
from tests.console.test_runs import started
from tests.console.test_speed import graph_of
from tests.support.http_client import ApiClient

STEPS = 480

FIRST_STEP = """(canvas) => {
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const [r, g, b] = getComputedStyle(document.querySelector(".status.ok")).color.match(/\\d+/g).map(Number);
  for (let i = 0; i < width * height; i += 1) {
    if (data[4 * i] === r && data[4 * i + 1] === g && data[4 * i + 2] === b) {
      const scale = canvas.clientWidth / width;
      return { x: (i % width) * scale + 1, y: Math.floor(i / width) * scale + 1 };
    }
  }
  return null;
}"""
"""Where the first pixel is that has the colour of what has completed."""


def test_a_large_graph_is_one_picture_from_which_steps_are_chosen(console: Console, api: ApiClient) -> None:
    run = started(api, *graph_of(STEPS))
    assert api.results(run)["status"] == "completed"
    page = console.open(f"runs/{run}")
    picture = page.locator("canvas.overview[data-coloured]")
    expect(picture).to_be_visible()
    expect(page.locator(".step-box")).to_have_count(0)
    console.check_accessible()

    place = picture.evaluate(FIRST_STEP)
    frame = picture.bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + place["x"], frame["y"] + place["y"])
    graph = page.get_by_role("application", name=re.compile("arrow keys"))
    expect(graph).to_have_attribute("title", re.compile(r"^s\d+, completed$"))
    page.mouse.click(frame["x"] + place["x"], frame["y"] + place["y"])
    expect(page).to_have_url(re.compile(r"step=s[0-7]$"))
    chosen = page.url.rpartition("=")[2]
    expect(page.get_by_role("region", name=f"Step {chosen}", exact=True)).to_be_visible()
    expect(graph).to_have_attribute("aria-activedescendant", "selected-step")
    expect(page.locator("#selected-step")).to_have_accessible_name(f"{chosen}, completed")
    expect(page.locator(".step-box")).to_have_count(0)

    graph.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".step-box.selected")).to_be_visible()
    expect(picture).to_have_count(0)
    expect(page.locator(".step-box.selected")).not_to_have_attribute("data-step", chosen)
    page.get_by_role("button", name="Fit View").click()
    expect(picture).to_be_visible()
    expect(page.locator(".step-box")).to_have_count(0)
    page.keyboard.press("Escape")


def test_a_picture_becomes_boxes_when_one_comes_nearer_and_a_small_graph_never_is_one(
    console: Console, api: ApiClient
) -> None:
    small = started(api, *graph_of(3))
    page = console.open(f"runs/{small}")
    expect(page.locator(".step-box.ok")).to_have_count(3)
    expect(page.locator("canvas.overview")).to_have_count(0)
    large = started(api, *graph_of(STEPS))
    page = console.open(f"runs/{large}")
    expect(page.locator("canvas.overview[data-coloured]")).to_be_visible()
    nearer = page.get_by_role("button", name="Zoom In")
    for _ in range(6):
        nearer.click()
    expect(page.locator(".step-box").first).to_be_visible()
    expect(page.locator("canvas.overview")).to_have_count(0)
    further = page.get_by_role("button", name="Zoom Out")
    for _ in range(6):
        further.click()
    expect(page.locator("canvas.overview")).to_be_visible()


ARE_IN_THE_COLOUR_OF_COMPLETED = """() => {
  const colour = getComputedStyle(document.querySelector(".status.ok")).color;
  return ["canvas.strip", "canvas.overview"].every((name) => {
    const canvas = document.querySelector(name);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4) if (`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})` === colour) return colour;
    return false;
  }) && colour;
}"""


def test_what_is_drawn_follows_when_the_system_turns_dark(console: Console, api: ApiClient) -> None:
    console.expected += ["getImageData"]  # that a page of its own should say that it reads often
    one = {"step_id": "one", "step_type": "transform", "config": {"expression": "1"}}
    each = {"step_id": "each", "step_type": "map", "config": {"items": "input.rows", "steps": [one]}}
    run = started(api, *graph_of(STEPS), each, input={"rows": [1, 2, 3]})
    assert api.results(run)["status"] == "completed"
    page = console.open(f"runs/{run}?step=each")
    expect(page.locator("canvas.strip")).to_be_visible()
    expect(page.locator("canvas.overview[data-coloured]")).to_be_visible()
    light = page.wait_for_function(ARE_IN_THE_COLOUR_OF_COMPLETED).json_value()
    page.emulate_media(color_scheme="dark")
    assert page.wait_for_function(ARE_IN_THE_COLOUR_OF_COMPLETED).json_value() != light
