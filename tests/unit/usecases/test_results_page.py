from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.listed_results import Listed, results
from workflow_engine.errors import ConflictError, InvalidRequestError, NotFoundError
from workflow_engine.http.body import MAX_ANSWER_BYTES
from workflow_engine.settings import Settings
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.s3 import S3Objects
from workflow_engine.store.results import LargeOutput, RunResults, body_bytes
from workflow_engine.store.step_details import StepDetails
from workflow_engine.usecases.answers import Results
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.results_page import EVERYTHING, ResultsQuery, results_page, run_output, step_output

ME = Caller("acme")
MB = 1024 * 1024


class Payloads:
    """Kept texts by link, and addresses that tell the link."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    def keep(self, value: Any) -> LargeOutput:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        link = f"s3:payloads/{len(self.texts)}.json"
        self.texts[link] = text
        return LargeOutput(link, len(text))

    def fetch(self, link: str) -> bytes:
        return self.texts[link]

    def load(self, link: str) -> Any:
        return json.loads(self.texts[link])

    def url(self, link: str, seconds: int) -> str:
        return f"https://s3.example/{link}?seconds={seconds}"


@pytest.fixture
def payloads() -> Payloads:
    return Payloads()


def run(
    payloads: Payloads, *entries: tuple[str, Any], output: Any = None, large: LargeOutput | None = None
) -> RunResults:
    fields = {"status": "completed", "error": None}
    return RunResults(fields, output, large, Listed(entries), cast(PayloadStore, payloads))


def walked(found: RunResults, query: ResultsQuery = EVERYTHING) -> list[Results]:
    pages, cursor = [], query.cursor
    while True:
        page = results_page(ME, "e", found, replace(query, cursor=cursor))
        assert body_bytes(page) < MAX_ANSWER_BYTES
        pages.append(page)
        cursor = page["next_cursor"]
        if cursor is None:
            return pages


@pytest.mark.parametrize("text", ["a" * 250_000, '"' * 120_000, "ä" * 120_000, "\U0001f600" * 60_000])
def test_pages_hold_what_lambda_carries_and_every_step_once(payloads: Payloads, text: str) -> None:
    found = run(payloads, *((f"s{n}", payloads.keep(text)) for n in range(40)))
    pages = walked(found)
    assert [key for page in pages for key in page["step_results"]] == [f"s{n}" for n in range(40)]
    assert all(step["output_data"] == text for page in pages for step in page["step_results"].values())
    assert 1 < len(pages) < 40


@pytest.mark.parametrize("character", ["a", "ä", '"', "\U0001f600"])
def test_the_largest_output_beside_the_largest_step_is_carried(payloads: Payloads, character: str) -> None:
    length = (MB - 2) // len(json.dumps(character, ensure_ascii=False)[1:-1].encode())
    largest = payloads.keep(character * length)
    (page,) = walked(run(payloads, ("a", largest), ("b", payloads.keep(character * (length // 2))), large=largest))[:1]
    assert page["output"] == character * length


def test_an_output_over_a_megabyte_is_null_with_a_link(payloads: Payloads) -> None:
    for size, is_linked in ((MB, False), (MB + 1, True)):
        large = payloads.keep("a" * (size - 2))
        (page,) = walked(run(payloads, ("a", large), large=large))
        address = f"https://s3.example/{large.link}?seconds=900"
        assert page.get("output_link") == ({"href": address, "bytes": size} if is_linked else None)
        assert (page["output"] is None) is is_linked
        assert page["step_results"]["a"].get("output_link") == page.get("output_link")


def test_with_links_a_step_over_64_kb_is_one(payloads: Payloads) -> None:
    found = run(payloads, ("a[0].b", payloads.keep("a" * 65_536)), ("c", payloads.keep("a" * 60_000)))
    assert "output_link" not in walked(found)[0]["step_results"]["a[0].b"]
    steps = walked(found, ResultsQuery(links=True))[0]["step_results"]
    assert steps["a[0].b"]["output_data"] is None
    assert steps["a[0].b"]["output_link"]["bytes"] == 65_538
    assert steps["c"]["output_data"] == "a" * 60_000


def test_what_nothing_holds_in_one_piece_has_no_address(payloads: Payloads) -> None:
    huge = LargeOutput(None, 300 * MB)
    found = run(payloads, ("a", huge), large=huge)
    (page,) = walked(found)
    assert page["output_link"] == page["step_results"]["a"]["output_link"] == {"href": None, "bytes": 300 * MB}
    with pytest.raises(ConflictError, match=r"GET /executions/e/results\?steps=a has their keys"):
        step_output("e", found, "a")
    with pytest.raises(ConflictError, match="GET /executions/e/results has their keys"):
        run_output("e", found)


def test_a_cursor_holds_for_its_run_and_its_steps(payloads: Payloads) -> None:
    found = run(payloads, ("a", 1), ("b", 2), ("c", 3))
    cursor = results_page(ME, "e", found, ResultsQuery(limit=1))["next_cursor"]
    assert list(results_page(ME, "e", found, ResultsQuery(cursor=cursor))["step_results"]) == ["b", "c"]
    for caller, execution_id, steps in ((ME, "other", ()), (Caller("other"), "e", ()), (ME, "e", ("a", "b"))):
        with pytest.raises(InvalidRequestError, match="cursor"):
            results_page(caller, execution_id, found, ResultsQuery(cursor=cursor, steps=steps))


def test_a_step_that_the_workflow_does_not_have_is_refused(payloads: Payloads) -> None:
    found = run(payloads, ("first", 1), ("second", 2))
    assert list(walked(found, ResultsQuery(steps=("second",)))[0]["step_results"]) == ["second"]
    with pytest.raises(InvalidRequestError, match=r"no step 'secnd'\. Did you mean 'second'\?"):
        walked(found, ResultsQuery(steps=("first", "secnd")))


def test_an_output_is_a_json_text_unless_it_is_too_large_for_one(payloads: Payloads) -> None:
    quotes = payloads.keep('"' * 1_200_000)  # 2.4 MB, and twice that in an answer
    text = payloads.keep("ä" * 2_000_000)
    too_large = payloads.keep('"' * 1_300_000)
    found = run(payloads, ("a", None), ("q", quotes), ("t", text), ("l", too_large), large=text)
    assert step_output("e", found, "a").text == "null"
    assert json.loads(step_output("e", found, "q").text or "") == '"' * 1_200_000
    assert json.loads(run_output("e", found).text or "") == "ä" * 2_000_000
    assert step_output("e", found, "l").href == f"https://s3.example/{too_large.link}?seconds=900"


def test_what_has_no_output_is_not_found(payloads: Payloads) -> None:
    found = results(cast(PayloadStore, payloads), ("a", 1))
    with pytest.raises(NotFoundError, match="no step 'b'"):
        step_output("e", found, "b")
    going = RunResults({"status": "running"}, None, None, found.steps, found.payloads)
    with pytest.raises(NotFoundError, match="it is running"):
        run_output("e", going)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_an_address_in_s3_is_signed_for_the_bucket_of_its_region(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_DEFAULT_REGION", region)):
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    made = Engine(Settings("t", "workflow-dev-1", "r"))
    address = urlsplit(S3Objects(lambda: made.s3, "workflow-dev-1").url("payloads/a/b.json", 900))
    host = "s3.amazonaws.com" if region == "us-east-1" else f"s3.{region}.amazonaws.com"
    assert (address.scheme, address.netloc, address.path) == ("https", f"workflow-dev-1.{host}", "/payloads/a/b.json")
    query = parse_qs(address.query)
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Credential"][0].split("/")[2:] == [region, "s3", "aws4_request"]


def _detailed(payloads: Payloads, details: StepDetails) -> RunResults:
    found = run(payloads, ("a[0]", 1), ("b", 2))
    assert isinstance(found.steps, Listed)
    found.steps.known[0] = details
    return found


def test_details_are_told_where_they_are_asked_for(payloads: Payloads) -> None:
    attempts: Any = [{"attempt": 1}]
    found = _detailed(payloads, StepDetails({"input_data": {"n": 1}, "config": {"c": 2}}, None, attempts, "f"))
    assert "attempts" not in results_page(ME, "e", found)["step_results"]["a[0]"]
    inputs = results_page(ME, "e", found, ResultsQuery(include=("inputs",)))["step_results"]
    assert (inputs["a[0]"]["input_data"], inputs["a[0]"]["config"]) == ({"n": 1}, {"c": 2})
    assert (inputs["b"]["input_data"], "attempts" in inputs["b"]) == (None, False)
    told = results_page(ME, "e", found, ResultsQuery(include=("attempts",)))["step_results"]
    assert told["a[0]"]["attempts"] == attempts
    assert told["a[0]"]["function_name"] == "f"
    assert told["a[0]"]["logs_href"] == "/executions/e/logs?step=a%5B0%5D"
    assert told["b"]["attempts"] is None


def test_a_large_input_is_told_by_its_link(payloads: Payloads) -> None:
    large = payloads.keep({"input_data": "x" * 70_000, "config": None})
    assert large.link is not None
    found = _detailed(payloads, StepDetails(None, (large.link, large.size), [], "f"))
    told = results_page(ME, "e", found, ResultsQuery(include=("inputs",)))["step_results"]["a[0]"]
    assert told["input_data"] is None
    assert told["input_link"] == {"href": payloads.url(large.link, 900), "bytes": large.size}


def test_a_page_leaves_room_for_details(payloads: Payloads) -> None:
    found = run(payloads, *((f"s{i}", 0) for i in range(100)))
    assert isinstance(found.steps, Listed)
    found.steps.known.update({i: StepDetails({"input_data": '"' * 60_000}, None, [], "f") for i in range(100)})
    pages = walked(found, ResultsQuery(include=("inputs",)))
    assert [key for page in pages for key in page["step_results"]] == [f"s{i}" for i in range(100)]
    assert len(pages) > 1


def test_an_unknown_word_in_include_is_refused(payloads: Payloads) -> None:
    with pytest.raises(InvalidRequestError, match="Did you mean 'inputs'"):
        results_page(ME, "e", run(payloads, ("a", 1)), ResultsQuery(include=("input",)))
