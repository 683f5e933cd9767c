"""Logs of runs in CloudWatch as FilterLogEvents answers: pages with few events or none, tokens, groups side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.errors import MisconfiguredError, ThrottledError
from workflow_engine.store.logs import LoggedRun
from workflow_engine.store.logs.cloudwatch import MOST_SECONDS, CloudWatchLogs

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BEGAN = int(STARTED.timestamp() * 1000)
NOW = datetime(2026, 1, 2, 4, tzinfo=UTC)


def run(*functions: str, ended: bool = True) -> LoggedRun:
    return LoggedRun("run-1", STARTED.isoformat(), STARTED.isoformat() if ended else None, functions)


def message(text: str, **fields: Any) -> str:
    return json.dumps({"message": text, "execution_id": "run-1", "place": "a", "step_id": "a", **fields})


class CloudWatch:
    """FilterLogEvents over events by group, `(milliseconds after the start, id, message)`; `empty` pages come before each with
    events. Each call takes `seconds`.
    """

    def __init__(
        self, groups: Mapping[str, Sequence[tuple[int, str, str]]], *, per_page: int = 2, empty: int = 0
    ) -> None:
        self.groups = {f"/aws/lambda/{name}": sorted(events) for name, events in groups.items()}
        self.per_page = per_page
        self.empty = empty
        self.seconds = 0.0
        self.clock = 0.0
        self.calls: list[dict[str, Any]] = []
        self.error: str | None = None

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.calls.append(asked)
        self.clock += self.seconds
        if self.error is not None:
            raise ClientError({"Error": {"Code": self.error, "Message": "no"}}, "FilterLogEvents")
        if asked["logGroupName"] not in self.groups:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "FilterLogEvents")
        found = [
            {"timestamp": BEGAN + ms, "eventId": event_id, "message": text}
            for ms, event_id, text in self.groups[asked["logGroupName"]]
            if asked["startTime"] <= BEGAN + ms <= asked["endTime"]
        ]
        first, blank = (int(part) for part in asked.get("nextToken", "0/0").split("/"))
        if blank < self.empty and first < len(found):
            return {"events": [], "nextToken": f"{first}/{blank + 1}"}
        events = found[first : first + self.per_page]
        more = {"nextToken": f"{first + self.per_page}/0"} if first + self.per_page < len(found) else {}
        return {"events": events, **more}


def logs(client: CloudWatch, now: datetime = NOW) -> CloudWatchLogs:
    return CloudWatchLogs(lambda: client, lambda: now, lambda: client.clock)


def walked(found: CloudWatchLogs, of: LoggedRun, limit: int = 100, step: str | None = None) -> list[list[str]]:
    """The messages of each page, the position going through JSON as a cursor does."""
    pages: list[list[str]] = []
    position = None
    while True:
        page = found.page(of, position, limit, step)
        pages.append([line.message for line in page.lines])
        if page.is_end:
            return pages
        position = json.loads(json.dumps(page.position))
        assert len(pages) < 200, "it does not come to an end"


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=8), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.booleans(),
)
def test_every_line_is_told_once_in_the_order_of_time(
    times: list[list[int]], limit: int, per_page: int, empty: int, is_slow: bool
) -> None:
    """However CloudWatch cuts its answers, also where time is over after each of its empty pages."""
    numbered = iter(range(1000))
    groups = {
        f"g{i}": [(ms, f"{next(numbered):056}", message(f"{i}-{n}")) for n, ms in enumerate(of_group)]
        for i, of_group in enumerate(times)
    }
    client = CloudWatch(groups, per_page=10 if is_slow else per_page, empty=empty)
    client.seconds = MOST_SECONDS if is_slow else 0
    expected = [json.loads(text)["message"] for _, _, text in sorted(e for events in groups.values() for e in events)]
    pages = walked(logs(client), run(*groups), limit)
    assert [text for page in pages for text in page] == expected
    assert all(len(page) <= limit for page in pages)


def test_a_slow_search_goes_on_where_it_was() -> None:
    client = CloudWatch({"g": [(1, "1", message("found"))]}, empty=20)
    client.seconds = MOST_SECONDS / 4
    assert [page for page in walked(logs(client), run("g")) if page] == [["found"]]
    assert len(client.calls) == 21


def test_lines_of_a_step_and_its_parts_are_asked_for_by_their_beginning() -> None:
    events = [(i, str(i), message(place, place=place)) for i, place in enumerate(["row", "rows", "rows[1].a", "rowsy"])]
    client = CloudWatch({"g": events}, per_page=9)
    assert walked(logs(client), run("g"), step="rows") == [["rows", "rows[1].a"]]
    assert client.calls[0]["filterPattern"] == '{ ($.execution_id = "run-1") && ($.place = "rows*") }'


def test_a_run_that_goes_on_is_read_on_from_where_it_was() -> None:
    client = CloudWatch({"g": [(1000, "1", message("one"))]})
    soon = datetime.fromtimestamp(BEGAN / 1000 + 10, UTC)
    first = logs(client, soon).page(run("g", ended=False), None, 10, None)
    assert ([line.message for line in first.lines], first.is_end) == (["one"], False)
    client.groups["/aws/lambda/g"].append((8000, "2", message("two")))
    later = logs(client).page(run("g"), first.position, 10, None)
    assert ([line.message for line in later.lines], later.is_end) == (["two"], True)


def test_a_token_that_is_forgotten_costs_no_line() -> None:
    client = CloudWatch({"g": [(1, "1", message("found"))]}, empty=8)
    client.seconds = MOST_SECONDS / 2
    position = logs(client).page(run("g"), None, 10, None).position
    assert isinstance(position, dict)
    assert position["tokens"]
    answered = client.filter_log_events

    def forgets(**asked: Any) -> dict[str, Any]:
        if "nextToken" in asked:
            client.filter_log_events = answered  # type: ignore[method-assign]  # once
            raise ClientError({"Error": {"Code": "InvalidParameterException", "Message": "token"}}, "FilterLogEvents")
        return answered(**asked)

    client.seconds = 0
    client.filter_log_events = forgets  # type: ignore[method-assign]  # until it is asked
    assert [line.message for line in logs(client).page(run("g"), position, 10, None).lines] == ["found"]


def test_lines_that_only_mention_the_run_are_not_its_own() -> None:
    other = json.dumps({"message": "about run-1", "execution_id": "run-2"})
    client = CloudWatch({"g": [(1, "1", other), (2, "2", "run-1 in plain text")]})
    assert walked(logs(client), run("g")) == [[]]


def test_tracebacks_stand_behind_their_message() -> None:
    text = message("failed", level="ERROR", stackTrace=['  File "a.py", line 1\n', "    x()\n"])
    assert walked(logs(CloudWatch({"g": [(1, "1", text)]})), run("g")) == [['failed\n  File "a.py", line 1\n    x()']]


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", ThrottledError), ("AccessDeniedException", MisconfiguredError)]
)
def test_what_cloudwatch_refuses_has_its_kind(code: str, error: type[Exception]) -> None:
    client = CloudWatch({"g": []})
    client.error = code
    with pytest.raises(error):
        logs(client).page(run("g"), None, 10, None)


def test_a_group_that_is_not_there_has_no_lines() -> None:
    assert walked(logs(CloudWatch({"g": [(1, "1", message("one"))]})), run("none", "g")) == [["one"]]
