"""The gateway: who is asked, how often, and what comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContentFilterError,
    LlmError,
    LlmInvalidOutputError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmNotConfiguredError,
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnavailableError,
)
from llm_gateway.gateway import Gateway
from llm_gateway.provider_chain import RETRIES
from llm_gateway.request import EmbeddingRequest, GenerationRequest, Message, ResponseFormat, Target, Text, ToolCall
from llm_gateway.response import Remark, Tokens
from tests.unit.llm.scripted import Clock, ScriptedProvider, making, said

KEYS = {"OPENAI_API_KEY": "sk-test", "GEMINI_API_KEY": "g-test"}
OPENAI = Target("openai_textgen", "gpt-4o-mini")
GEMINI = Target("gemini_textgen", "gemini-2.5-flash")
SCORE = ResponseFormat(
    {
        "type": "object",
        "properties": {"score": {"type": "integer"}},
        "required": ["score"],
        "additionalProperties": False,
    }
)


def asking(text: str = "Why?", **fields: Any) -> GenerationRequest:
    return GenerationRequest((Message("user", (Text(text),)),), **fields)


class World:
    """A gateway whose providers are scripted and whose time stands still."""

    def __init__(self, variables: dict[str, str] | None = None, **answers: Any) -> None:
        self.clock = Clock()
        self.providers = {vendor: ScriptedProvider(list(given)) for vendor, given in answers.items()}
        self.gateway = Gateway(
            KEYS if variables is None else variables,
            make=making(self.providers),
            clock=self.clock.now,
            sleep=self.clock.sleep,
        )

    def asked(self, vendor: str = "openai") -> int:
        return len(self.providers[vendor].asked)


def test_an_answer_comes_with_usage_cost_and_who_gave_it() -> None:
    world = World(openai=[said("Because.", tokens=(1_000_000, 100_000))])
    answer = world.gateway.generate(asking(), [OPENAI])
    assert (answer.text, answer.finish_reason, answer.mode) == ("Because.", "stop", "llm")
    assert answer.model.as_dict() == {"provider": "openai_textgen", "name": "gpt-4o-mini"}
    assert answer.usage.as_dict() == {
        "tokens_in": 1_000_000,
        "tokens_out": 100_000,
        "total_tokens": 1_100_000,
        "llm_calls": 1,
        "cost_usd": pytest.approx(0.15 + 0.06),
    }


@pytest.mark.parametrize("error", [LlmUnavailableError("down"), LlmTimeoutError("slow"), LlmRateLimitError("busy")])
def test_what_may_pass_is_tried_again(error: LlmError) -> None:
    world = World(openai=[error, said("Now.")])
    assert world.gateway.generate(asking(), [OPENAI]).text == "Now."
    assert world.asked() == 2
    assert len(world.clock.slept) == 1


def test_a_provider_is_not_asked_for_ever() -> None:
    world = World(openai=[LlmUnavailableError("down")])
    with pytest.raises(LlmUnavailableError, match="down"):
        world.gateway.generate(asking(), [OPENAI])
    assert world.asked() == RETRIES.attempts


def test_the_vendors_word_on_when_to_come_back_is_kept() -> None:
    world = World(openai=[LlmRateLimitError("busy", retry_after_seconds=7), said("Now.")])
    world.gateway.generate(asking(), [OPENAI])
    assert world.clock.slept == [7]


def test_a_long_wait_is_left_to_the_state_machine() -> None:
    world = World(openai=[LlmRateLimitError("busy", retry_after_seconds=60), said("Never.")])
    with pytest.raises(LlmRateLimitError):
        world.gateway.generate(asking(), [OPENAI])
    assert world.clock.slept == []


def test_no_attempt_is_begun_that_cannot_end_in_time() -> None:
    world = World(openai=[LlmRateLimitError("busy", retry_after_seconds=7), said("Never.")])
    with pytest.raises(LlmRateLimitError):
        world.gateway.generate(asking(), [OPENAI], deadline=world.clock.now() + 5)
    with pytest.raises(LlmTimeoutError):
        world.gateway.generate(asking(), [OPENAI], deadline=world.clock.now() + 0.5)
    assert world.asked() == 1


def test_a_call_gets_no_more_time_than_there_is() -> None:
    world = World(openai=[said("Quick.")])
    world.gateway.generate(asking(timeout_seconds=100), [OPENAI], deadline=world.clock.now() + 30)
    assert world.providers["openai"].asked[0][1].timeout_seconds == pytest.approx(30)


@pytest.mark.parametrize("error", [LlmAuthenticationError("no"), LlmUnavailableError("down")])
def test_the_next_provider_of_the_chain_is_asked(error: LlmError) -> None:
    world = World(openai=[error], gemini=[said("Me.", model="gemini-2.5-flash")])
    answer = world.gateway.generate(asking(), [OPENAI, GEMINI])
    assert (answer.text, answer.model.provider) == ("Me.", "gemini_textgen")
    assert any(error.code in warning for warning in answer.warnings)


@pytest.mark.parametrize("error", [LlmContentFilterError("no"), LlmInvalidRequestError("bad")])
def test_a_refusal_is_not_taken_elsewhere(error: LlmError) -> None:
    world = World(openai=[error], gemini=[said("Me.")])
    with pytest.raises(type(error)):
        world.gateway.generate(asking(), [OPENAI, GEMINI])
    assert world.asked("gemini") == 0


def test_a_provider_without_keys_is_passed_over_with_a_warning() -> None:
    world = World({"GEMINI_API_KEY": "g"}, openai=[said("No.")], gemini=[said("Yes.")])
    answer = world.gateway.generate(asking(), [OPENAI, GEMINI])
    assert answer.text == "Yes."
    assert "OPENAI_API_KEY" in answer.warnings[0]
    assert world.asked("openai") == 0


def test_without_any_keys_the_answer_is_simulated_and_says_so() -> None:
    answer = World({}).gateway.generate(asking("What is love?"), [OPENAI])
    assert answer.mode == "simulation"
    assert "simulated" in answer.text
    assert "What is love?" in answer.text
    assert answer.usage.cost_usd == 0
    assert answer.usage.tokens_in > 0
    assert answer.model.as_dict() == {"provider": "openai_textgen", "name": "gpt-4o-mini"}
    assert any("OPENAI_API_KEY" in warning for warning in answer.warnings)


def test_in_live_mode_missing_keys_are_an_error() -> None:
    with pytest.raises(LlmNotConfiguredError, match="OPENAI_API_KEY"):
        World({}).gateway.generate(asking(), [OPENAI], mode="live")


def test_simulation_is_used_when_asked_for_even_with_keys() -> None:
    world = World(openai=[said("Real.")])
    assert world.gateway.generate(asking(), [OPENAI], mode="simulation").mode == "simulation"
    assert world.asked() == 0


def test_a_configured_provider_that_fails_is_not_simulated() -> None:
    world = World(openai=[LlmAuthenticationError("wrong key")])
    with pytest.raises(LlmAuthenticationError):
        world.gateway.generate(asking(), [OPENAI])


@pytest.mark.parametrize("error", [LlmAuthenticationError("no"), LlmContentFilterError("no")])
def test_unless_that_is_asked_for(error: LlmError) -> None:
    world = World(openai=[error])
    answer = world.gateway.generate(asking(), [OPENAI], fallback_to_simulation=True)
    assert answer.mode == "simulation"
    assert error.code in answer.warnings[0]


def test_a_retired_model_is_asked_for_unchanged_with_a_warning() -> None:
    world = World(gemini=[said("Still here.", model="gemini-1.5-flash")])
    answer = world.gateway.generate(asking(), [Target("gemini_textgen", "gemini-1.5-flash")])
    assert world.providers["gemini"].asked[0][0] == "gemini-1.5-flash"
    assert "retired" in answer.warnings[0]


def test_json_is_parsed_and_held_against_its_schema() -> None:
    world = World(openai=[said('```json\n{"score": 7}\n```')])
    answer = world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert answer.parsed == {"score": 7}
    assert answer.usage.llm_calls == 1


def test_json_that_does_not_fit_is_repaired_once() -> None:
    world = World(openai=[said('{"score": "seven"}'), said('{"score": 7}')])
    answer = world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert answer.parsed == {"score": 7}
    assert answer.usage.llm_calls == 2
    complaint = world.providers["openai"].asked[1][1].messages[-1].parts[0]
    assert isinstance(complaint, Text)
    assert "/score" in complaint.text
    assert any("corrected" in warning for warning in answer.warnings)


def test_json_that_does_not_fit_twice_is_an_error_and_no_third_call() -> None:
    world = World(openai=[said("no"), said("still no", finish="length")])
    with pytest.raises(LlmInvalidOutputError, match="max_tokens"):
        world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert world.asked() == 2


def test_tool_calls_are_not_taken_for_json() -> None:
    call = ToolCall("1", "look", {})
    world = World(openai=[said("", call)])
    answer = world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert answer.tool_calls == (call,)
    assert answer.parsed is None


def test_a_refused_answer_is_not_sent_back_for_repair() -> None:
    world = World(openai=[said("I can't.", finish="content_filter")])
    answer = world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert (answer.finish_reason, answer.parsed) == ("content_filter", None)
    assert world.asked() == 1


def test_a_stream_is_cut_off_by_who_watches() -> None:
    world = World(openai=[said("one two three four")])
    answer = world.gateway.generate(asking(), [OPENAI], watch=lambda text: "two" not in text)
    assert (answer.text, answer.finish_reason) == ("one two ", "cut_off")
    assert answer.usage.tokens_out > 0
    assert world.providers["openai"].closed == 1


def test_a_stream_ends_with_the_time() -> None:
    world = World(openai=[said("one two three four")])

    def slow(text: str) -> bool:
        world.clock.seconds += 2
        return True

    answer = world.gateway.generate(asking(), [OPENAI], watch=slow, deadline=world.clock.now() + 3)
    assert (answer.text, answer.finish_reason) == ("one two ", "cut_off")


def test_a_stream_that_is_left_alone_is_the_answer() -> None:
    world = World(openai=[said("one two")])
    answer = world.gateway.generate(asking(), [OPENAI], watch=lambda _: True)
    assert (answer.text, answer.finish_reason) == ("one two", "stop")


def test_prices_of_the_operator_come_first_and_unknown_ones_are_not_zero() -> None:
    prices = json.dumps({"openai/gpt-4o-mini": {"input": 1, "output": 2}})
    world = World({**KEYS, "LLM_PRICES": prices}, openai=[said("x", tokens=(1_000_000, 1_000_000))])
    assert world.gateway.generate(asking(), [OPENAI]).usage.cost_usd == pytest.approx(3)
    unknown = World(openai=[said("x", model="")]).gateway.generate(asking(), [Target("openai_textgen", "my-own-model")])
    assert unknown.usage.cost_usd is None


def test_prices_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(ValueError, match="LLM_PRICES"):
        Gateway({"LLM_PRICES": '{"m": {"input": -1, "output": 0}}'})


@pytest.mark.parametrize(
    ("variables", "targets"),
    [({}, [Target("open_ai", "x")]), ({"LLM_DEFAULT_PROVIDER": "open_ai"}, [])],
)
def test_nobody_to_ask_is_the_callers_mistake(variables: dict[str, str], targets: list[Target]) -> None:
    with pytest.raises(LlmInvalidRequestError, match="no provider 'open_ai'"):
        World(variables).gateway.generate(asking(), targets)


@pytest.mark.parametrize(
    ("variables", "model", "mode"),
    [
        ({}, {"provider": "openai_textgen", "name": "gpt-4o"}, "simulation"),
        ({"GEMINI_API_KEY": "k"}, {"provider": "gemini_textgen", "name": "gemini-2.5-flash"}, "llm"),
        (
            {"OPENAI_API_KEY": "k", "LLM_DEFAULT_MODEL": "gpt-4.1"},
            {"provider": "openai_textgen", "name": "gpt-4.1"},
            "llm",
        ),
    ],
)
def test_with_no_target_the_default_is_asked(variables: dict[str, str], model: dict[str, str], mode: str) -> None:
    asked, how, _ = World(variables).gateway.first_choice([], "auto")
    assert (asked.as_dict(), "simulation" if how == "simulation" else "llm") == (model, mode)


def test_texts_are_embedded_or_simulated() -> None:
    live = World(openai=[said()]).gateway.embed(EmbeddingRequest(("a", "bb")), Target("openai_textgen"))
    assert live.vectors == ((1.0,), (2.0,))
    assert live.model.as_dict() == {"provider": "openai_embedding", "name": "text-embedding-3-small"}
    simulated = World({}).gateway.embed(EmbeddingRequest(("a b", "a c", "x y")), Target("openai_embedding"))
    assert simulated.mode == "simulation"
    first, near, far = simulated.vectors
    assert sum(a * b for a, b in zip(first, near, strict=True)) > sum(a * b for a, b in zip(first, far, strict=True))


def test_a_provider_that_hangs_leaves_time_for_the_next() -> None:
    world = World(openai=[LlmTimeoutError("slow")], gemini=[said("Me.")])
    answer = world.gateway.generate(asking(timeout_seconds=900), [OPENAI, GEMINI], deadline=world.clock.now() + 100)
    assert answer.text == "Me."
    assert world.asked("openai") == 1
    assert world.providers["openai"].asked[0][1].timeout_seconds == pytest.approx(50)


def test_json_is_not_repaired_where_that_is_not_wanted() -> None:
    world = World(openai=[said("no"), said('{"score": 7}')])
    answer = world.gateway.generate(asking(response_format=SCORE), [OPENAI], may_repair=lambda used, again: False)
    assert (answer.text, answer.parsed, answer.finish_reason) == ("no", None, "cut_off")
    assert world.asked() == 1


def test_what_a_call_may_cost_is_the_most_of_those_that_may_answer() -> None:
    world = World(openai=[said("x")], gemini=[said("x")])
    dear, cheap = Target("openai_textgen", "gpt-4o"), Target("gemini_textgen", "gemini-2.5-flash")
    both, alone = (world.gateway.estimated_cost(t, "auto", 10_000, 10_000) for t in ([cheap, dear], [cheap]))
    assert both is not None
    assert alone is not None
    assert both > alone > 0
    assert world.gateway.estimated_cost([cheap, Target("on-prem_textgen", "x")], "auto", 1, 1) is not None
    assert World({}).gateway.estimated_cost([dear], "auto", 10, 10) == 0
    assert world.gateway.estimated_cost([Target("openai_textgen", "my-own")], "auto", 10, 10) is None


def test_keys_do_not_show_in_the_gateways_parts() -> None:
    world = World(openai=[said("x")])
    assert "sk-test" not in repr(world.gateway)


def rejected(tokens_in: int, tokens_out: int) -> LlmMalformedAnswerError:
    """An answer that cannot be used, and was paid for."""
    error = LlmMalformedAnswerError("cannot be read")
    error.tokens = Tokens(tokens_in, tokens_out)
    return error


def test_a_rejected_answer_counts() -> None:
    world = World(openai=[rejected(100, 50), said("Now.", tokens=(10, 5))])
    usage = world.gateway.generate(asking(), [OPENAI]).usage
    assert (usage.tokens_in, usage.tokens_out, usage.llm_calls) == (110, 55, 2)


def test_a_rejected_answer_of_another_provider_counts_too() -> None:
    world = World(openai=[rejected(100, 50)], gemini=[said("Me.", tokens=(10, 5), model="gemini-2.5-flash")])
    usage = world.gateway.generate(asking(), [OPENAI, GEMINI]).usage
    assert (usage.tokens_in, usage.llm_calls) == (100 * RETRIES.attempts + 10, RETRIES.attempts + 1)


def test_an_error_tells_what_all_calls_took() -> None:
    world = World(openai=[said("no json", tokens=(10, 5)), said("nor this", tokens=(20, 6))])
    with pytest.raises(LlmInvalidOutputError) as failed:
        world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert (failed.value.usage.tokens_in, failed.value.usage.llm_calls) == (30, 2)
    world = World(openai=[said("no json", tokens=(10, 5)), LlmContentFilterError("no")])
    with pytest.raises(LlmContentFilterError) as filtered:
        world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert (filtered.value.usage.tokens_in, filtered.value.usage.llm_calls) == (10, 1)


def test_what_a_model_thought_and_drafted_is_told_beside_the_answer() -> None:
    world = World(openai=[said('<think>maybe {"score": 9}</think>\nFirst {"score": 3}, then {"score": 2}')])
    answer = world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert (answer.parsed, world.asked()) == ({"score": 2}, 1)
    assert answer.remarks == (Remark("reasoning", 'maybe {"score": 9}'), Remark("draft", '{"score": 3}'))


def test_an_answer_that_was_corrected_is_kept_as_a_remark() -> None:
    world = World(openai=[said("no json"), said('{"score": 1}')])
    answer = world.gateway.generate(asking(response_format=SCORE), [OPENAI])
    assert (answer.parsed, answer.remarks) == ({"score": 1}, (Remark("rejected", "no json"),))


def test_a_plain_answer_comes_without_its_reasoning_and_without_half_characters() -> None:
    world = World(openai=[said("<think>Which?</think>\n\nParis \ud83d.")])
    answer = world.gateway.generate(asking(), [OPENAI])
    assert answer.text == "Paris \ufffd."
    assert answer.remarks == (Remark("reasoning", "Which?"),)
