"""A conversation with a stored agent, as its author has it to try the agent."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.console.conftest import Console
from tests.support.http_client import ApiClient

MODEL = {"model": "gpt-4o-mini", "system_prompt": "You are brief."}


def agent_page(console: Console, api: ApiClient, agent_id: str, **more: Any) -> Page:
    assert api.post("/agents", {"agent_id": agent_id, "agent_name": agent_id, **MODEL, **more}).status == 201
    return console.open(f"agents/{agent_id}")


def answer(page: Page, number: int) -> Locator:
    return page.get_by_role("log").get_by_role("article", name=f"Question {number}")


def ask(page: Page, question: str) -> None:
    page.get_by_label("Question", exact=True).fill(question)
    page.get_by_label("Question", exact=True).press("Enter")


def test_a_conversation_goes_on_from_what_was_said(console: Console, api: ApiClient) -> None:
    page = agent_page(console, api, "host")
    ask(page, "I am Ann.")
    expect(answer(page, 1)).to_contain_text("The query was: I am Ann.")
    expect(answer(page, 1)).not_to_contain_text("Before it")
    expect(answer(page, 1)).to_contain_text(re.compile(r"version 1 · simulated · \d+ tokens in, \d+ out · \$0"))
    ask(page, "What is my name?")
    expect(answer(page, 2)).to_contain_text("Before it 2 messages were said, the first of them: I am Ann.")
    ask(page, "And my age?")
    expect(answer(page, 3)).to_contain_text("Before it 4 messages were said, the first of them: I am Ann.")
    expect(page.get_by_label("Sum of the conversation")).to_contain_text(re.compile(r"3 answers · \d+ tokens in"))
    expect(page.get_by_label("Question", exact=True)).to_be_focused()
    console.check_accessible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("log")).to_have_count(0)
    ask(page, "Who am I?")
    expect(page.get_by_role("log")).to_contain_text("The query was: Who am I?")
    expect(page.get_by_role("log")).not_to_contain_text("Before it")


def test_a_conversation_is_there_after_another_page_and_gone_with_the_tab(console: Console, api: ApiClient) -> None:
    page = agent_page(console, api, "keeper")
    ask(page, "I am Ann.")
    expect(answer(page, 1)).to_contain_text("The query was")
    page.get_by_label("Question", exact=True).fill("half a ques")
    answer(page, 1).get_by_role("link", name="its run").click()
    expect(page.locator("h1 .status")).to_contain_text("completed")
    page.get_by_role("link", name="Agents").click()
    page.get_by_role("link", name="keeper").click()
    expect(answer(page, 1)).to_contain_text("I am Ann.")
    expect(page.get_by_label("Question", exact=True)).to_have_value("half a ques")
    assert page.evaluate("[localStorage, sessionStorage].every((s) => !JSON.stringify(s).includes('Ann'))")
    page.reload()
    expect(page.get_by_label("Question", exact=True)).to_have_value("")
    expect(page.get_by_role("log")).to_have_count(0)


def test_a_question_that_is_refused_says_why_beside_it_and_is_not_lost(console: Console, api: ApiClient) -> None:
    page = agent_page(console, api, "reader")
    page.get_by_label("Question", exact=True).fill("I am gone.")
    assert api.call("DELETE", "/agents/reader", None).status in (200, 204)
    console.expected.append("404")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("form", name="Ask the agent").get_by_role("alert")).to_contain_text("reader")
    expect(page.get_by_label("Question", exact=True)).to_have_value("I am gone.")


def test_an_answer_that_fails_says_why_and_is_not_sent_on(console: Console, api: ApiClient) -> None:
    page = agent_page(console, api, "dumb", mode="live")
    ask(page, "Are you there?")
    expect(answer(page, 1)).to_contain_text("LlmNotConfiguredError")
    expect(answer(page, 1)).to_contain_text("There is no key for any provider")
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if "/execute" in request.url else None)
    ask(page, "And now?")
    expect(answer(page, 2)).to_contain_text("LlmNotConfiguredError")
    assert sent == [{"query": "And now?"}]
    console.check_accessible()


def test_an_answer_is_waited_for_and_stopped(console: Console, api: ApiClient) -> None:
    """A model that takes its time is played: the laptop's answers at once."""
    page = agent_page(console, api, "slow")
    told = {"status": "running"}

    def results(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body=json.dumps({**told, "step_results": {}}))

    def cancelled(route: Route) -> None:
        told["status"] = "cancelled"
        route.fulfill(status=202, content_type="application/json", body="{}")

    page.route("**/executions/*/results?*", results)
    page.route("**/executions/*/cancel", cancelled)
    ask(page, "Think long.")
    expect(answer(page, 1)).to_contain_text("The agent is at work")
    expect(page.get_by_role("button", name="Ask")).to_be_disabled()
    expect(page.get_by_role("button", name="Clear")).to_be_disabled()
    page.get_by_role("button", name="Stop").click()
    expect(answer(page, 1)).to_contain_text("Stopped")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
