"""What an agent is told: its system prompt, what was said before, the query, and the step's input as context."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from llm_gateway.prompts import as_text, names_in, render
from llm_gateway.request import Image, Message, Text
from workflow_engine.sdk import InvalidStepInput

Document = Mapping[str, Any]
FetchImage = Callable[[str], Image]
"""The image at an address. Raises InvalidStepInput."""

MAX_IMAGES: Final = 20

_QUERY_NAMES: Final = ("query", "message", "current_message")
_HISTORY_NAMES: Final = ("conversation_history", "messages", "history")
_IMAGE_NAMES: Final = ("images", "attachments")
_RESERVED: Final = frozenset({*_QUERY_NAMES, *_HISTORY_NAMES, *_IMAGE_NAMES, "variables"})
_DATA_URL: Final = re.compile(r"data:(image/[a-z0-9.+-]+);base64,(.*)", re.DOTALL)
_OF_AN_AGENT: Final = frozenset({"response", "usage", "mode", "agent_name", "tool_calls_trace"})


@dataclass(frozen=True, slots=True)
class Prompt:
    """The output of a `prompt` step."""

    system_prompt: str | None
    query_template: str | None
    values: Document
    overrides: Document


@dataclass(frozen=True, slots=True)
class StepInput:
    """The step's input, sorted: prompts, a conversation that it brings, and all else by name."""

    prompts: tuple[Prompt, ...]
    entries: Document
    query: str | None
    history: tuple[Document, ...]
    images: tuple[Any, ...]
    variables: Document


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the model is sent first. `query` is the text that the step's output shows."""

    system: str | None
    messages: tuple[Message, ...]
    query: str


def sorted_input(input_data: Document, prompt_names: Collection[str] = ()) -> StepInput:
    """Tell apart what a step's input holds. Names with a meaning (`query`, `messages`, ...) count at the top level, and
    within the output of a chat trigger.

    `prompt_names` are the entries that the compiler knows to come from prompt steps: only these are prompts, since data of
    the same form may come from anybody.
    """
    prompts: list[Prompt] = []
    entries: dict[str, Any] = {}
    chat: Document = {}
    inside = input_data.get("context")
    if isinstance(inside, Mapping):
        # What the route of an agent is sent as `input` is the step's input; what stands beside it goes first.
        input_data = {**inside, **{name: v for name, v in input_data.items() if name != "context" and v is not None}}
    for name, value in input_data.items():
        if name in prompt_names and isinstance(value, Mapping):
            prompts.append(_prompt(value))
        elif isinstance(value, Mapping) and value.get("kind") == "chat" and "current_message" in value:
            chat = value
        elif name not in _RESERVED:
            entries[name] = value
    if entries.get("context", "") is None:
        del entries["context"]
    found: Document = {**chat, **{name: v for name, v in input_data.items() if name in _RESERVED and v is not None}}
    query = next((found[name] for name in _QUERY_NAMES if found.get(name) is not None), None)
    history = next((found[name] for name in _HISTORY_NAMES if found.get(name)), ())
    images = next((found[name] for name in _IMAGE_NAMES if found.get(name)), ())
    variables = found.get("variables")
    return StepInput(
        prompts=tuple(prompts),
        entries=entries,
        query=None if query is None else as_text(query),
        history=_without_current(_turns(history), query),
        images=tuple(images) if isinstance(images, Sequence) and not isinstance(images, str) else (images,),
        variables=variables if isinstance(variables, Mapping) else {},
    )


def conversation(
    config: Document,
    given: StepInput,
    *,
    system_prompt: str | None,
    include_context: bool,
    fetch_image: FetchImage,
) -> Conversation:
    """What the model is sent. The query is that of the last prompt, else that of the step, else that of its input.

    Raises InvalidStepInput when nothing is asked.
    """
    known = {name: condensed(value) for name, value in given.entries.items()}
    values = {**known, **given.variables, **(config.get("variables") or {})}
    for prompt in given.prompts:
        values |= prompt.values
    templates = [p.query_template for p in given.prompts if p.query_template]
    template = templates[-1] if templates else config.get("query_template")
    # `query` is said as it stands: what its references brought in is not looked into for {names}.
    query = render(template, values) if template else config.get("query") or given.query
    used = set(names_in(template or "")) | set(names_in(system_prompt or ""))
    context = {name: value for name, value in known.items() if name not in used}
    if query is None and not context:
        raise InvalidStepInput("There is nothing to ask: give a query, a query_template or an input.")
    history = _turns(config.get("conversation_history") or ()) or tuple(map(_as_data, given.history))
    told = [turn["content"] for turn in history if turn["role"] == "system"]
    system = "\n\n".join(filter(None, [render(system_prompt, values) if system_prompt else None, *told]))
    asked = query if query is not None else json.dumps(context, ensure_ascii=False)
    shown = asked
    if query is not None and context and include_context:
        shown = f"{asked}\n\nContext (JSON):\n{json.dumps(context, ensure_ascii=False)}"
    if len(given.images) > MAX_IMAGES:
        raise InvalidStepInput(f"There are {len(given.images)} images; an agent is shown {MAX_IMAGES} at most.")
    images = tuple(_image(image, fetch_image) for image in given.images)
    earlier = tuple(Message(turn["role"], (Text(turn["content"]),)) for turn in history if turn["role"] != "system")
    return Conversation(system or None, (*earlier, Message("user", (Text(shown), *images))), asked)


def condensed(value: Any) -> Any:
    """The value with each output of an agent in it replaced by what the agent said, which is what matters to the next."""
    if isinstance(value, Mapping):
        if value.keys() >= _OF_AN_AGENT:
            return value["response"]
        return {name: condensed(part) for name, part in value.items()}
    return [condensed(part) for part in value] if isinstance(value, list) else value


def _prompt(value: Document) -> Prompt:
    """`input` of a prompt step are values too; its own `variables` win."""
    inputs = value.get("input") or {}
    nested = inputs.get("variables") if isinstance(inputs.get("variables"), Mapping) else {}
    return Prompt(
        system_prompt=value.get("system_prompt"),
        query_template=value.get("query_template"),
        values={**inputs, **(nested or {}), **(value.get("variables") or {})},
        overrides=value.get("overrides") or {},
    )


def _turns(history: Any) -> tuple[Document, ...]:
    """`{role, content}` of what was said; texts alone are the user's. Raises InvalidStepInput for anything else."""
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise InvalidStepInput("A conversation's history is a list of {role, content}.")
    return tuple(_each_turn(history))


def _each_turn(history: Sequence[Any]) -> Iterator[Document]:
    for turn in history:
        if isinstance(turn, str):
            yield {"role": "user", "content": turn}
        elif isinstance(turn, Mapping) and turn.get("role") in ("user", "assistant", "system"):
            content = turn.get("content")
            if content not in (None, ""):
                yield {"role": turn["role"], "content": as_text(content)}
        else:
            raise InvalidStepInput("A turn of a conversation has a role (user, assistant or system) and a content.")


def _as_data(turn: Document) -> Document:
    """A turn that the input brings. What calls itself system there is somebody's word, not the agent's author's."""
    return {**turn, "role": "user"} if turn["role"] == "system" else turn


def _without_current(history: tuple[Document, ...], query: Any) -> tuple[Document, ...]:
    """A chat's list of messages often ends in the one that is to be answered."""
    if history and query is not None and history[-1] == {"role": "user", "content": as_text(query)}:
        return history[:-1]
    return history


def _image(image: Any, fetch_image: FetchImage) -> Image:
    """An image given as a data: URL, an https address, or `{media_type, data}` with base64."""
    if isinstance(image, Mapping):
        if isinstance(image.get("url"), str):
            return _image(image["url"], fetch_image)
        media_type, data = image.get("media_type") or image.get("mime_type"), image.get("data")
        if isinstance(media_type, str) and isinstance(data, str):
            return Image(media_type, _decoded(data))
    if isinstance(image, str):
        if match := _DATA_URL.fullmatch(image):
            return Image(match[1], _decoded(match[2]))
        if image.startswith(("https://", "http://")):
            return fetch_image(image)
    raise InvalidStepInput(
        'An image is a data: URL, an https address, or an object {"media_type": ..., "data": base64}.'
    )


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidStepInput("The data of an image is not base64.") from None
