"""What an agent is told: its system prompt, what was said before, the query, and the step's input as context.

Each entry of the input is a value for `{name}` in the texts of the definition. Some names are also read as parts of the
conversation (`query`, `messages`, `images`, ...), where there is need of them and they have the form; an entry that is
neither used so nor by a `{name}` is context, whatever its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agent_runtime.images import image_of
from agent_runtime.texts import FillableText
from llm_gateway.request import Image, Message, Text
from workflow_engine.agents.placeholders import as_text
from workflow_engine.errors import InvalidStepInput

Document = Mapping[str, Any]
FetchImage = Callable[[str], Image]
"""The image at an address. Raises InvalidStepInput."""

MAX_IMAGES: Final = 20

_QUERY_NAMES: Final = ("query", "message", "current_message")
_HISTORY_NAMES: Final = ("conversation_history", "messages", "history")
_IMAGE_NAMES: Final = ("images", "attachments")
_MEANT_NAMES: Final = frozenset({*_QUERY_NAMES, *_HISTORY_NAMES, *_IMAGE_NAMES, "variables", "context"})
"""Names whose null says that there is nothing of the kind."""

_OF_AN_AGENT: Final = frozenset({"response", "usage", "mode", "agent_name", "tool_calls_trace"})
_ROLES: Final = ("user", "assistant", "system")


@dataclass(frozen=True, slots=True)
class Prompt:
    """The output of a `prompt` step."""

    system_prompt: FillableText | None
    query_template: FillableText | None
    values: Document
    overrides: Document


@dataclass(frozen=True, slots=True)
class StepInput:
    """The step's input: outputs of prompt steps, that of a chat trigger, and all entries by name but those of prompts.

    `chat_name` is the entry that `chat` is, "" without one. `inside` names the entries that came within one called
    `context`, which is an entry itself.
    """

    prompts: tuple[Prompt, ...]
    entries: Document
    chat: Document
    chat_name: str
    inside: frozenset[str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the model is sent first. `query` is the text that the step's output shows."""

    system: str | None
    messages: tuple[Message, ...]
    query: str


@dataclass(slots=True)
class _Brought:
    """What of the input is taken into the conversation. `rests` is what stays of entries that are taken in part."""

    query: str | None = None
    history: tuple[Document, ...] = ()
    images: list[Image | str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    rests: dict[str, Any] = field(default_factory=dict)


def sorted_input(input_data: Document, prompt_names: Collection[str] = ()) -> StepInput:
    """Tell apart what a step's input holds.

    `prompt_names` are the entries that the compiler knows to come from prompt steps: only these are prompts, since data of
    the same form may come from anybody.
    """
    prompts: list[Prompt] = []
    entries: dict[str, Any] = {}
    chat: Document = {}
    chat_name = ""
    for name, value in input_data.items():
        if name in prompt_names and isinstance(value, Mapping):
            prompts.append(_prompt(value))
        elif value is not None or name not in _MEANT_NAMES:
            entries[name] = value
    inside = entries.get("context")
    within: Document = {}
    if isinstance(inside, Mapping):
        # What the route of an agent is sent as `input` is the step's input; what stands beside it goes first.
        within = {
            name: value
            for name, value in inside.items()
            if name not in entries and (value is not None or name not in _MEANT_NAMES)
        }
        entries |= within
    for name, value in entries.items():
        if name != "context" and _is_chat(value):
            chat, chat_name = value, name
    return StepInput(tuple(prompts), entries, chat, chat_name, frozenset(within))


def _is_chat(value: Any) -> bool:
    """Whether a value is the output of a chat trigger, or what such a trigger is sent."""
    names = (*_QUERY_NAMES, *_HISTORY_NAMES)
    return (
        isinstance(value, Mapping)
        and value.get("kind") == "chat"
        and any(value.get(name) is not None for name in names)
    )


def conversation(
    config: Document,
    given: StepInput,
    *,
    system_prompt: FillableText | None,
    include_context: bool,
    fetch_image: FetchImage,
) -> Conversation:
    """What the model is sent. The query is that of the last prompt, else that of the step, else that of its input.

    Raises InvalidStepInput when nothing is asked, or an image cannot be read.
    """
    templates = [prompt.query_template for prompt in given.prompts if prompt.query_template]
    own = next((config[name] for name in ("query_template", "query") if config.get(name)), None)
    text = templates[-1] if templates else None if own is None else FillableText.of_step(own)
    history = _turns(config.get("conversation_history") or ())
    brought = _brought(given, asks=text is None, tells=not history)
    values = _values(config, given)
    query = brought.query if text is None else str(text.filled(values))
    context = _context(
        given, brought, {*(text.names() if text else ()), *(system_prompt.names() if system_prompt else ())}
    )
    if query is None and not context:
        raise InvalidStepInput("There is nothing to ask: give a query, a query_template or an input.")
    history = history or tuple(map(_as_data, brought.history))
    told = [turn["content"] for turn in history if turn["role"] == "system"]
    system = "\n\n".join(filter(None, [str(system_prompt.filled(values)) if system_prompt else None, *told]))
    asked = query if query is not None else json.dumps(context, ensure_ascii=False)
    shown = asked
    if query is not None and context and include_context:
        shown = f"{asked}\n\nContext (JSON):\n{json.dumps(context, ensure_ascii=False)}"
    if len(brought.images) > MAX_IMAGES:
        raise InvalidStepInput(f"There are {len(brought.images)} images; an agent is shown {MAX_IMAGES} at most.")
    images = tuple(fetch_image(image) if isinstance(image, str) else image for image in brought.images)
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
    pieces = value.get("pieces") or {}

    def text(name: str) -> FillableText | None:
        found = pieces.get(name) or value.get(name)
        return FillableText.of_step(found) if found else None

    return Prompt(
        system_prompt=text("system_prompt"),
        query_template=text("query_template"),
        values={**inputs, **(nested or {}), **(value.get("variables") or {})},
        overrides=value.get("overrides") or {},
    )


def _values(config: Document, given: StepInput) -> dict[str, Any]:
    """What stands for `{name}`: variables of prompts, then of the step, then of its input; entries; parts of a chat."""
    variables = given.entries.get("variables")
    values = {
        **{name: value for name, value in given.chat.items() if name not in ("kind", "data")},
        **{name: condensed(value) for name, value in given.entries.items()},
        **(variables if isinstance(variables, Mapping) else {}),
        **(config.get("variables") or {}),
    }
    for prompt in given.prompts:
        values |= prompt.values
    return values


def _context(given: StepInput, brought: _Brought, names: Collection[str]) -> dict[str, Any]:
    """The entries that neither a `{name}` nor the conversation has used."""
    variables = given.entries.get("variables")
    used = {*names, *brought.taken}
    if isinstance(variables, Mapping) and not used.isdisjoint(variables):
        used.add("variables")
    if "context" in used:
        used |= given.inside
    elif isinstance(given.entries.get("context"), Mapping):
        used.add("context")  # its entries are told one by one
    rest = {name: condensed(value) for name, value in given.entries.items() if name not in used}
    if given.chat_name in rest and brought.images:
        rest[given.chat_name] = {name: v for name, v in given.chat.items() if name not in (*_IMAGE_NAMES, "data")}
    return rest | {name: value for name, value in brought.rests.items() if name not in names}


def _brought(given: StepInput, *, asks: bool, tells: bool) -> _Brought:
    """What the input adds to the conversation: a question where nobody else asks, a history where there is none (`tells`), and
    images. The step's own entries go before those of a chat trigger.
    """
    found = _Brought()
    asked = None
    for source, of_chat in ((given.entries, ""), (given.chat, given.chat_name)):
        if asks and asked is None:
            name = next((name for name in _QUERY_NAMES if source.get(name) is not None), None)
            if name is not None:
                asked = _said(source[name])
                found.taken.add(of_chat or name)
        if tells:
            _take_history(found, source, of_chat)
        _take_images(found, source, of_chat)
    if asks and asked is None and found.history and found.history[-1]["role"] == "user":
        asked = found.history[-1]["content"]
    if asked is not None and found.history and found.history[-1] == {"role": "user", "content": asked}:
        found.history = found.history[:-1]  # a chat's list of messages often ends in the one that is to be answered
    found.query = asked
    return found


def _take_history(found: _Brought, source: Document, of_chat: str) -> None:
    """The first history that there is. What has a common name, such as `messages`, and another form is an entry like others."""
    for name in _HISTORY_NAMES:
        if name not in source or found.history:
            continue
        if name == "conversation_history" or _is_history(source[name], texts_count=bool(of_chat)):
            turns = _turns(source[name])
        else:
            continue
        found.history = turns
        found.taken.add(of_chat or name)


def _take_images(found: _Brought, source: Document, of_chat: str) -> None:
    """All images; attachments of another kind stay an entry."""
    for name in _IMAGE_NAMES:
        value = source.get(name)
        if value is None:
            continue
        each = value if isinstance(value, list) else [value]
        read = [image_of(item) for item in each]
        images = [image for image in read if image is not None]
        if not images and each and not of_chat:
            continue
        found.images += images
        if not of_chat:
            found.taken.add(name)
        if rest := [item for item, image in zip(each, read, strict=True) if image is None]:
            found.rests[name] = rest


def _said(value: Any) -> str:
    """The text of a message, which may be a turn with a `content`."""
    return as_text(value["content"] if isinstance(value, Mapping) and "content" in value else value)


def _is_history(value: Any, *, texts_count: bool) -> bool:
    """Whether a value has the form of a conversation: turns, and texts between them. A list of texts alone is one where it
    can hardly be another, in a chat.
    """
    if not isinstance(value, list):
        return False
    turns = [item for item in value if isinstance(item, Mapping) and item.get("role") in _ROLES]
    texts = sum(isinstance(item, str) for item in value)
    return len(turns) + texts == len(value) and (bool(turns) or texts_count or not value)


def _turns(history: Any) -> tuple[Document, ...]:
    """`{role, content}` of what was said; texts alone are the user's. Raises InvalidStepInput for anything else."""
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise InvalidStepInput("A conversation's history is a list of {role, content}.")
    return tuple(_each_turn(history))


def _each_turn(history: Sequence[Any]) -> Iterator[Document]:
    for turn in history:
        if isinstance(turn, str):
            yield {"role": "user", "content": turn}
        elif isinstance(turn, Mapping) and turn.get("role") in _ROLES:
            content = turn.get("content")
            if content not in (None, ""):
                yield {"role": turn["role"], "content": as_text(content)}
        else:
            raise InvalidStepInput("A turn of a conversation has a role (user, assistant or system) and a content.")


def _as_data(turn: Document) -> Document:
    """A turn that the input brings. What calls itself system there is somebody's word, not the agent's author's."""
    return {**turn, "role": "user"} if turn["role"] == "system" else turn
