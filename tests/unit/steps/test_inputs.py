"""Steps that bring data into the graph: data_input, input, trigger."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.steps.evaluation import ENTERED, StepCase
from tests.unit.steps.json_values import JSON
from workflow_engine.language.references import parse_reference
from workflow_engine.language.syntax import ScopeReference
from workflow_engine.steps.data_input import SOURCE_PATTERN


@given(data=JSON)
def test_static_data_passes_through_unchanged(data: Any) -> None:
    assert StepCase("data_input", {"input_type": "static", "data": data}).output() == {
        "data": data,
        "input_type": "static",
        "timestamp": ENTERED,
        "success": True,
    }


@pytest.mark.parametrize(
    ("source", "path"),
    [
        (None, ()),
        ("input", ()),
        ("user.name", ("user", "name")),
        ("input.user", ("user",)),
        ("input.input", ("input",)),
        ("inputs", ("inputs",)),
        ("[0].x", (0, "x")),
        ('input["a b"][-1]', ("a b", -1)),
    ],
)
def test_a_dynamic_input_reads_the_path_below_the_runs_input(source: str | None, path: tuple[str | int, ...]) -> None:
    config = {"input_type": "dynamic", **({} if source is None else {"source": source})}
    case = StepCase("data_input", config, run_input={"x": 1})

    assert case.output()["data"] == {"x": 1}
    assert case.references == [ScopeReference("input", path)]


def test_a_dynamic_input_falls_back_to_its_data() -> None:
    config = {"input_type": "dynamic", "source": "x", "data": [0]}

    assert StepCase("data_input", config, run_input=None).output()["data"] == [0]
    assert StepCase("data_input", config, run_input=[1]).output()["data"] == [1]


# To look through a class of a million characters at each draw takes minutes.
ASCII_PATTERN = re.sub(r"[^\x00-\x7f]-[^\x00-\x7f]", "", SOURCE_PATTERN)


@given(source=st.from_regex(ASCII_PATTERN, alphabet=st.characters(codec="ascii")))
def test_every_source_that_the_schema_accepts_is_a_reference(source: str) -> None:
    case = StepCase("data_input", {"input_type": "dynamic", "source": source})
    case.output_source()

    assert isinstance(case.references[0], ScopeReference)


def test_a_longest_source_is_a_reference_with_input_before_it() -> None:
    assert parse_reference("input.a" + ".a" * 18)


@pytest.mark.parametrize("step_type", ["input", "trigger"])
@given(run_input=JSON)
def test_input_and_trigger_hand_on_the_runs_input(step_type: str, run_input: Any) -> None:
    assert StepCase(step_type, {"kind": "webhook"}, run_input=run_input).output() == {
        "kind": "webhook",
        "data": run_input,
    }


def test_kinds_have_defaults() -> None:
    assert StepCase("input").output()["kind"] == "json"
    assert StepCase("trigger").output()["kind"] == "manual"


def said(content: Any) -> dict[str, Any]:
    """A turn of the user."""
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("run_input", "messages", "current", "attachments"),
    [
        ({"messages": [{"content": "a"}, {"content": "b"}]}, [{"content": "a"}, {"content": "b"}], "b", []),
        ({"messages": ["a"], "message": "c"}, ["a", said("c")], "c", []),
        ({"messages": ["c"], "message": "c"}, ["c"], "c", []),
        ({"messages": [said("c")], "message": "c"}, [said("c")], "c", []),
        ({"history": [said("a")], "current_message": "c"}, [said("a"), said("c")], "c", []),
        ({"history": [said("a")]}, [said("a")], "a", []),
        ({"messages": [said("a")], "history": ["b"]}, [said("a")], "a", []),
        ({"messages": [], "history": ["b"], "message": "c"}, ["b", said("c")], "c", []),
        (
            {"current_message": {"text": "d"}, "message": "c", "attachments": ["f"]},
            [said({"text": "d"})],
            {"text": "d"},
            ["f"],
        ),
        ({"current_message": {"content": "d"}}, [said("d")], {"content": "d"}, []),
        ({"messages": [said("d")], "message": said("d")}, [said("d")], said("d"), []),
        ({"trigger": {"kind": "chat", "current_message": "c", "history": ["a"]}}, ["a", said("c")], "c", []),
        ({"trigger": {"kind": "manual", "message": "a"}, "message": "c"}, [said("c")], "c", []),
        ({"messages": "a", "attachments": None}, [], None, []),
        ({"messages": [[1]]}, [[1]], [1], []),
        ([{"messages": ["a"]}], [], None, []),
        ("hello", [said("hello")], "hello", []),
        (None, [], None, []),
    ],
)
def test_a_chat_trigger_finds_the_messages(
    run_input: object, messages: list[Any], current: object, attachments: list[Any]
) -> None:
    assert StepCase("trigger", {"kind": "chat"}, run_input=run_input).output() == {
        "kind": "chat",
        "data": run_input,
        "messages": messages,
        "current_message": current,
        "attachments": attachments,
    }


CHAT_INPUTS = st.fixed_dictionaries(
    {},
    optional={"messages": JSON, "history": JSON, "message": JSON, "current_message": JSON, "attachments": JSON},
)
CHATS = CHAT_INPUTS.map(lambda chat: {"trigger": {"kind": "chat", **chat}})


@given(run_input=JSON | CHAT_INPUTS | CHATS)
def test_a_chat_trigger_has_all_its_fields_for_any_input(run_input: Any) -> None:
    output = StepCase("trigger", {"kind": "chat"}, run_input=run_input).output()

    assert set(output) == {"kind", "data", "messages", "current_message", "attachments"}
    assert output["data"] == run_input
    assert isinstance(output["messages"], list)
    assert isinstance(output["attachments"], list)
    assert output["messages"] or output["current_message"] is None
