"""The table of built-in tools, and those that are small: the clock and queries on JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import tracemalloc
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agent_runtime.toolbox import ToolFailedError
from agent_tools.builtin import BUILTIN_TOOLS, ToolEnvironment
from agent_tools.errors import ToolError
from tests.support.speed import no_hang
from tests.unit.agent_tools.calling import call
from workflow_engine.agents.builtin_tools import MAX_QUERY_CHARACTERS

NOON = datetime(2026, 2, 28, 12, 30, 15, 999_000, tzinfo=UTC)


def clock(arguments: dict[str, Any], now: datetime = NOON) -> Any:
    return call("current_time", arguments, ToolEnvironment(now=lambda: now))


def query(text: str, data: Any) -> Any:
    return call("json_query", {"query": text, "data": data}, ToolEnvironment())


def test_the_tools_are_those_that_a_workflow_may_name() -> None:
    assert tuple(BUILTIN_TOOLS) == ("calculator", "current_time", "json_query", "web_page")


@pytest.mark.parametrize("name", BUILTIN_TOOLS)
def test_each_tool_can_be_told_to_every_model(name: str) -> None:
    tool = BUILTIN_TOOLS[name]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool.name)
    assert tool.description.endswith(".")
    Draft202012Validator.check_schema(tool.parameters)
    assert tool.parameters["type"] == "object"
    assert tool.parameters["additionalProperties"] is False
    assert json.loads(json.dumps(tool.parameters)) == tool.parameters


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("calculator", {}, "'expression' is a required property"),
        ("calculator", {"expression": 5}, "at 'expression': 5 is not of type 'string'"),
        ("calculator", {"expression": "1", "base": 2}, "'base' was unexpected"),
        ("current_time", {"timezone": None}, "at 'timezone': None is not of type 'string'"),
        ("json_query", {"query": "a"}, "'data' is a required property"),
        ("web_page", {"url": "https://x.example", "max_characters": 1}, "at 'max_characters': 1 is less than"),
    ],
)
def test_wrong_arguments_tell_the_model_what_is_wrong(name: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolFailedError) as wrong:
        call(name, arguments, ToolEnvironment())
    assert said in str(wrong.value)
    assert f"Wrong arguments for '{name}'" in str(wrong.value)


def test_huge_wrong_arguments_are_not_repeated_in_full_but_what_is_wrong_is_said() -> None:
    with pytest.raises(ToolFailedError) as wrong:
        call("calculator", {"expression": ["x" * 100_000]}, ToolEnvironment())
    assert len(str(wrong.value)) < 2000
    assert "is not of type 'string'" in str(wrong.value)


def test_importing_the_tools_imports_none_of_their_packages() -> None:
    code = (
        "import sys, agent_tools.builtin, agent_tools.errors; "
        "print(sorted({'simpleeval', 'jmespath', 'bs4', 'markdownify', 'httpx2', 'httpcore2', 'anyio', 'mcp', "
        "'jsonschema'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- current_time


def test_the_time_is_told_in_utc_to_the_second() -> None:
    assert clock({}) == {
        "iso": "2026-02-28T12:30:15+00:00",
        "date": "2026-02-28",
        "time": "12:30:15",
        "weekday": "Saturday",
        "timezone": "UTC",
        "unix": 1772281815,
    }
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-7)))
    assert clock({}, elsewhere) == clock({}) == clock({"timezone": "utc"})


def test_the_time_is_told_in_a_zone_with_its_summer_time() -> None:
    winter = clock({"timezone": "Europe/Berlin"})
    summer = clock({"timezone": "Europe/Berlin"}, NOON + timedelta(days=150))
    assert (winter["iso"], winter["timezone"]) == ("2026-02-28T13:30:15+01:00", "Europe/Berlin")
    assert summer["iso"].endswith("+02:00")
    assert clock({"timezone": "Pacific/Auckland"})["date"] == "2026-03-01"
    assert winter["unix"] == clock({})["unix"]


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "Europe", "../../etc/passwd", "/etc/localtime", "+02:00", "a\0b", " "]
)
def test_a_zone_that_does_not_exist_is_told_to_the_model(name: str) -> None:
    with pytest.raises(ToolError, match="Use an IANA name"):
        clock({"timezone": name})


def test_a_deployment_without_zone_data_says_so_and_still_knows_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(key: str) -> zoneinfo.ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", missing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(ToolError, match="has no data on time zones"):
        clock({"timezone": "Europe/Berlin"})
    assert clock({"timezone": "UTC"})["timezone"] == "UTC"


def test_the_clock_without_an_injected_time_is_the_real_one() -> None:
    before = time.time()
    told = call("current_time", {}, ToolEnvironment())["unix"]
    assert int(before) <= told <= time.time()


# --- json_query

ORDERS = {"orders": [{"id": 1, "total": 50, "by": {"name": "Ann"}}, {"id": 2, "total": 150, "by": {"name": "Bob"}}]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("orders[0].id", 1),
        ("orders[?total > `100`].by.name | [0]", "Bob"),
        ("orders[*].{id: id, who: by.name}", [{"id": 1, "who": "Ann"}, {"id": 2, "who": "Bob"}]),
        ("sum(orders[].total)", 200),
        ("max_by(orders, &total).id", 2),
        ("join(', ', orders[].by.name)", "Ann, Bob"),
        ("sort(keys(@))", ["orders"]),
        ("nothing.here", None),
        ("orders[5]", None),
        ("length(orders)", 2),
        ("to_string(orders[0].id)", "1"),
    ],
)
def test_queries_find_what_jmespath_says(text: str, found: object) -> None:
    assert query(text, ORDERS) == found


@pytest.mark.parametrize("data", [None, 5, "text", [], {}])
def test_any_json_value_can_be_queried(data: Any) -> None:
    assert query("@", data) == data


@pytest.mark.parametrize(
    "text",
    [
        "orders[",
        "orders[?total > 100]",
        "no_function(@)",
        "sum('x')",
        "length(`5`)",
        "orders[::0]",
        "max_by(orders, &by)",
    ],
)
def test_a_query_that_fails_says_why(text: str) -> None:
    with pytest.raises(ToolError, match=r"The JMESPath query failed: .{10}"):
        query(text, ORDERS)


def test_a_query_is_of_bounded_length() -> None:
    with pytest.raises(ToolFailedError, match="is too long"):
        query("a." * MAX_QUERY_CHARACTERS, {})


@pytest.mark.parametrize(
    "text",
    [
        "|".join(["[@,@][]"] * 120),
        "|".join(["[@,@]"] * 150),
        "|".join(["{a:@,b:@}"] * 90),
        "|".join(["{a:@,b:@}"] * 40) + "|to_string(@)",
        "|".join(["[@,@][]"] * 17) + "|join(@[0], @)",
        "|".join(["join('" + "x" * 90 + "', [@,@,@,@,@,@,@,@])"] * 8),
        "|".join(["to_string([@,@,@,@])"] * 40),
        "|".join(["[@,@][]"] * 15) + "|[*].[@,@,@,@,@,@,@,@,@,@] | []",
    ],
)
def test_a_query_that_doubles_its_data_again_and_again_is_stopped(text: str) -> None:
    with no_hang(), pytest.raises(ToolError, match="builds up too much"):
        query(text, "some text of thirty characters")


def test_joining_is_refused_before_the_text_is_built() -> None:
    data = {"separator": "x" * 10_000, "texts": ["a"] * 10_000}
    tracemalloc.start()
    try:
        with pytest.raises(ToolError, match="builds up too much"):
            query("join(separator, texts)", data)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_query_that_is_nested_too_deeply_is_told_so() -> None:
    with pytest.raises(ToolError, match="nested too deeply"):
        query("(" * 499 + "a" + ")" * 499, {})


def test_a_large_document_can_be_picked_from() -> None:
    data = {"big": ["x" * 1000] * 5000, "small": 1}
    assert query("small", data) == 1
    assert query("big[4999]", {"big": list(range(5000))}) == 4999


def test_results_are_json_even_if_a_number_is_not() -> None:
    assert query("to_number('1e999')", {}) is None
    assert query("[to_number('1e999'), {a: to_number('-1e999')}, `1.5`]", {}) == [None, {"a": None}, 1.5]
