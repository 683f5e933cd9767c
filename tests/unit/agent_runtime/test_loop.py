"""The loop of an agent: tools, rounds, budgets, time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agent_runtime.clock import Clock
from agent_runtime.conversation import Conversation
from agent_runtime.loop import AgentResult, run_loop
from agent_runtime.meter import Meter
from agent_runtime.spec import agent_spec
from agent_runtime.toolbox import BoundTool, Toolbox, ToolFailedError
from agent_runtime.tracing import MAX_RESULT_CHARACTERS, MAX_TRACED_CHARACTERS
from llm_gateway.errors import LlmInvalidOutputError, LlmRateLimitError
from llm_gateway.gateway import Gateway
from llm_gateway.request import Message, Text, Tool, ToolCall, ToolResult
from llm_gateway.response import ProviderAnswer, Usage
from tests.unit.llm.scripted import Clock as Time
from tests.unit.llm.scripted import ScriptedProvider, making, said
from workflow_engine.errors import InvalidStepInput

TALK = Conversation("You help.", (Message("user", (Text("How much is 2 and 2?"),)),), "How much is 2 and 2?")
ADD = Tool("add", "Adds.", {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]})


def add(call_id: str = "c1", **arguments: Any) -> ToolCall:
    return ToolCall(call_id, "add", arguments or {"a": 2})


class World:
    """An agent with a scripted model and one tool."""

    def __init__(
        self,
        *answers: ProviderAnswer | Exception,
        tool: Callable[[Mapping[str, Any]], Any] = lambda arguments: {"sum": arguments["a"] * 2},
        seconds: float = 100,
        streams: bool = False,
        **agent: Any,
    ) -> None:
        self.time = Time()
        self.provider = ScriptedProvider(list(answers))
        self.gateway = Gateway(
            {"OPENAI_API_KEY": "k"}, make=making({"openai": self.provider}), clock=self.time.now, sleep=self.time.sleep
        )
        self.spec = agent_spec({"model": "gpt-4o-mini", **agent})
        self.toolbox = Toolbox({"add": BoundTool(ADD, tool)})
        self.clock = Clock(self.time.now, self.time.now() + seconds, streams)
        self.meter = Meter(self.spec.limits)

    def run(self) -> AgentResult:
        return run_loop(self.spec, TALK, self.gateway, self.toolbox, self.meter, self.clock)

    def asked(self, number: int) -> Any:
        return self.provider.asked[number][1]


def test_an_answer_ends_the_loop() -> None:
    world = World(said("4"), temperature=0.1, max_tokens=1000)
    result = world.run()
    assert (result.text, result.finish_reason, result.usage.llm_calls) == ("4", "stop", 1)
    request = world.asked(0)
    assert (request.system, request.temperature, request.max_tokens, request.tools) == ("You help.", 0.1, 1000, (ADD,))


def test_tools_are_called_and_their_results_told() -> None:
    world = World(said("Let me see.", add()), said("It is 4."))
    result = world.run()
    assert result.text == "It is 4."
    assert result.usage.llm_calls == 2
    told = world.asked(1).messages[1:]
    assert told[0] == Message("assistant", (Text("Let me see."), add()))
    assert told[1] == Message("user", (ToolResult("c1", "add", '{"sum": 4}', is_error=False),))
    (traced,) = [t.as_dict() for t in result.trace]
    assert traced.pop("duration_ms") >= 0
    assert traced == {
        "tool": "add",
        "arguments": {"a": 2},
        "result": '{"sum": 4}',
        "is_error": False,
        "truncated": False,
        "iteration": 1,
    }


def test_several_calls_of_one_turn_are_answered_together_and_in_order() -> None:
    world = World(said("", add("c1", a=1), add("c2", a=5)), said("Done."))
    world.run()
    results = world.asked(1).messages[-1].parts
    assert [(r.call_id, r.content) for r in results] == [("c1", '{"sum": 2}'), ("c2", '{"sum": 10}')]


def fails(_: Mapping[str, Any]) -> Any:
    raise ToolFailedError("The sum is out of order.")


def breaks(_: Mapping[str, Any]) -> Any:
    raise KeyError("secret inside")


@pytest.mark.parametrize(
    ("tool", "call", "content"),
    [
        (fails, add(), "The sum is out of order."),
        (breaks, add(), "The tool failed: KeyError."),
        (fails, add(a="two"), "Wrong arguments for 'add' at 'a'"),
        (fails, ToolCall("c1", "subtract", {}), "There is no tool 'subtract'. There are: add."),
    ],
)
def test_what_goes_wrong_in_a_tool_is_told_to_the_model(tool: Any, call: ToolCall, content: str) -> None:
    world = World(said("", call), said("Sorry."), tool=tool)
    result = world.run()
    told = world.asked(1).messages[-1].parts[0]
    assert told.is_error
    assert told.content.startswith(content)
    assert "secret" not in told.content
    assert result.text == "Sorry."
    assert result.trace[0].is_error


def test_large_results_are_cut_for_the_model_and_more_for_the_trace() -> None:
    world = World(said("", add()), said("Ok."), tool=lambda _: "x" * 100_000)
    result = world.run()
    told = world.asked(1).messages[-1].parts[0].content
    assert MAX_RESULT_CHARACTERS < len(told) < MAX_RESULT_CHARACTERS + 100
    assert "100,000 characters" in told
    traced = result.trace[0].as_dict()
    assert len(traced["result"]) == MAX_TRACED_CHARACTERS
    assert traced["truncated"] is True
    json.dumps(traced)


def test_after_the_last_round_the_model_must_answer_without_tools() -> None:
    world = World(said("", add()), said("", add()), said("It is about 4."), max_tool_iterations=2)
    result = world.run()
    assert (result.text, result.finish_reason) == ("It is about 4.", "max_tool_iterations")
    assert [world.asked(i).tool_choice for i in range(3)] == ["auto", "auto", "none"]
    assert len(result.trace) == 2


def test_a_model_that_calls_tools_all_the_same_is_stopped() -> None:
    world = World(said("Hm.", add()), max_tool_iterations=1)
    result = world.run()
    assert (result.text, result.finish_reason, len(result.trace)) == ("Hm.", "max_tool_iterations", 1)


def test_an_answer_is_no_longer_than_the_tokens_that_are_left() -> None:
    world = World(said("4", finish="length"), max_tokens=10_000, budget={"max_total_tokens": 200})
    result = world.run()
    assert 0 < world.asked(0).max_tokens < 200
    assert result.finish_reason == "token_budget"


def test_an_agents_own_limit_of_length_is_not_a_budget() -> None:
    world = World(said("4", finish="length"), max_tokens=5, budget={"max_total_tokens": 100_000})
    assert world.run().finish_reason == "length"


def test_the_loop_ends_when_the_tokens_are_used_up() -> None:
    world = World(said("So far.", add(), tokens=(400, 100)), said("Never."), budget={"max_total_tokens": 500})
    result = world.run()
    assert (result.text, result.finish_reason) == ("So far.", "token_budget")
    assert len(world.provider.asked) == 1
    assert result.usage.total_tokens == 500


@pytest.mark.parametrize("mode", ["auto", "simulation"])
def test_who_was_not_asked_is_said(mode: str) -> None:
    world = World(said("Never."), budget={"max_total_tokens": 1}, mode=mode)
    world.gateway = Gateway({}, clock=world.time.now)
    result = world.run()
    assert (result.text, result.finish_reason, result.mode, result.usage.llm_calls) == (
        "",
        "token_budget",
        "simulation",
        0,
    )
    assert result.model is not None
    assert "too small" in result.warnings[-1]


def test_the_loop_ends_when_the_money_is_spent() -> None:
    world = World(said("So far.", add(), tokens=(1_000_000, 0)), said("Never."), budget={"max_cost_usd": 0.15})
    result = world.run()
    assert (result.text, result.finish_reason) == ("So far.", "cost_budget")
    assert result.usage.cost_usd == pytest.approx(0.15)


def test_an_answer_that_becomes_too_expensive_is_cut_off() -> None:
    words = " ".join(["expensive"] * 10_000)
    world = World(said(words, tokens=(10, 20_000)), budget={"max_cost_usd": 0.001})
    result = world.run()
    assert result.finish_reason == "cost_budget"
    assert 0 < len(result.text) < len(words)
    assert world.provider.closed == 1


def test_a_limit_of_cost_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(InvalidStepInput, match="LLM_PRICES"):
        World(said("4"), model="gpt-of-my-own", budget={"max_cost_usd": 1}).run()


def test_no_question_is_begun_when_the_time_is_over() -> None:
    world = World(said("So far.", add()), said("Never."), seconds=50)
    world.toolbox = Toolbox({"add": BoundTool(ADD, lambda _: world.time.sleep(48))})
    result = world.run()
    assert (result.text, result.finish_reason) == ("So far.", "deadline")


def test_with_a_short_time_there_is_at_least_what_was_written() -> None:
    world = World(said("one two three four"), seconds=5, streams=True)
    world.provider.pace = lambda: world.time.sleep(3)
    result = world.run()
    assert (result.text, result.finish_reason) == ("one two three ", "deadline")


def test_tools_of_an_agent_with_a_budget_are_called_one_after_the_other() -> None:
    running, most = [0], [0]

    def tool(_: Mapping[str, Any]) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.01)
        running[0] -= 1
        return 1

    calls = [add(f"c{n}") for n in range(4)]
    World(said("", *calls), said("Done."), tool=tool, budget={"max_total_tokens": 100_000}).run()
    assert most == [1]


def test_a_tool_that_does_not_end_is_not_waited_for() -> None:
    ended = threading.Event()

    def tool(_: Mapping[str, Any]) -> bool:
        world.time.sleep(2)
        return ended.wait(60)

    world = World(said("So far.", add()), said("Never."), tool=tool)
    world.clock = Clock(world.time.now, world.time.now() + 1)
    world.gateway = Gateway({"OPENAI_API_KEY": "k"}, make=making({"openai": world.provider}), clock=lambda: 0.0)
    result = world.run()
    ended.set()
    assert (result.text, result.finish_reason) == ("So far.", "deadline")
    assert "not done" in result.trace[0].content


def test_json_that_the_budget_cuts_off_ends_with_what_there_is() -> None:
    schema = {"type": "object", "required": ["score"]}
    world = World(
        said('{"sco', finish="length", tokens=(60, 35)),
        said("Never."),
        response_schema=schema,
        budget={"max_total_tokens": 150},
    )
    result = world.run()
    assert (result.text, result.value, result.finish_reason) == ('{"sco', None, "token_budget")
    assert len(world.provider.asked) == 1


def test_late_in_the_loop_a_busy_vendor_is_waited_for() -> None:
    busy = LlmRateLimitError("busy", retry_after_seconds=60)
    world = World(said("", add()), busy, said("4"), seconds=300)
    assert world.run().text == "4"
    assert world.time.slept == [60]


def test_usage_of_several_questions_is_added_up() -> None:
    world = World(said("", add(), tokens=(10, 5)), said("4", tokens=(20, 6)))
    assert world.run().usage == Usage(30, 11, 2, round(30 * 0.15e-6 + 11 * 0.6e-6, 10))


def test_arguments_that_cannot_be_read_are_told_to_the_model_like_a_tools_error() -> None:
    def called(_: Mapping[str, Any]) -> Any:
        raise AssertionError("a call that cannot be read is not carried out")

    broken = ToolCall("c1", "add", {}, problem="The arguments cannot be read: no. You sent: {")
    world = World(said("", broken), said("Sorry."), tool=called)
    result = world.run()
    assert result.text == "Sorry."
    assert world.asked(1).messages[-1].parts == (ToolResult("c1", "add", str(broken.problem), is_error=True),)
    assert result.trace[0].as_dict()["result"] == broken.problem


def test_what_the_model_said_beside_its_answers_is_kept_by_round() -> None:
    world = World(said("<think>Add first.</think>", add()), said("<think>Done.</think>It is 4."))
    result = world.run()
    assert result.text == "It is 4."
    assert result.remarks == [
        {"kind": "reasoning", "text": "Add first.", "truncated": False, "iteration": 1},
        {"kind": "reasoning", "text": "Done.", "truncated": False, "iteration": 2},
    ]
    assert world.asked(1).messages[1] == Message("assistant", (add(),))


def test_what_failed_calls_took_counts() -> None:
    world = World(said("no json", tokens=(100, 20)), said("nor this", tokens=(200, 30)), response_format="json")
    with pytest.raises(LlmInvalidOutputError):
        world.run()
    assert (world.meter.used.total_tokens, world.meter.used.llm_calls) == (350, 2)
