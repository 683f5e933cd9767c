"""What a workflow names that is kept elsewhere: agents, prompts, MCP servers, and registered steps that are tools.

All of these may come after the workflow is saved and before the step runs, so one that is not there now is a warning. What
can never be there is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from workflow_engine.agents.builtin_tools import BUILTIN_TOOL_NAMES
from workflow_engine.agents.tool_references import parse_tool
from workflow_engine.language.diagnostics import Diagnostic, Json, pointer
from workflow_engine.language.findings import shown
from workflow_engine.language.walk import walk_steps
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.names import Name, NameKind
from workflow_engine.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Container

    from workflow_engine.steps import Catalogue

MAX_LOOKED_UP: Final = 500
"""Names of one document that are looked up, in five reads of 100: a document of a megabyte holds tens of thousands."""

_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a document, and where it stands."""

    name: Name
    pointer: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A value in a document. Whatever JSON it is, it has no parts that it does not have."""

    value: Json
    pointer: str

    def part(self, name: str) -> _Place:
        found = self.value.get(name) if isinstance(self.value, Mapping) else None
        return _Place(found, self.pointer + pointer(name))

    def items(self) -> Iterator[_Place]:
        for number, item in enumerate(self.value if isinstance(self.value, list) else ()):
            yield _Place(item, self.pointer + pointer(number))


def mentions_in(document: Json, catalogue: Catalogue) -> tuple[Mention, ...]:
    """All names in a document, which may be any JSON, in its order; those that cannot be read are left to the
    checks of configurations.
    """
    found: list[Mention] = []
    for place, step in walk_steps(document):
        step_type = step.get("step_type")
        spec = catalogue.find(step_type) if isinstance(step_type, str) else None
        if spec is not None and spec.name in _MENTIONS:
            found += _MENTIONS[spec.name](partial(_field, step, place))
    return tuple(found)


def names_in_agent(document: Json) -> Iterator[Mention]:
    """The names in an agent's document, which is valid: of its tools, and of its stored system prompt."""
    whole = _Place(document, "")
    yield from _tools(whole.part("tools").items())
    yield from _system_prompts([whole.part("system_prompt_id")])


def to_look_up(mentions: Iterable[Mention]) -> list[Name]:
    """The names of mentions, each once, `MAX_LOOKED_UP` at most."""
    return list(dict.fromkeys(mention.name for mention in mentions))[:MAX_LOOKED_UP]


def missing(mentions: Iterable[Mention], found: Container[Name]) -> tuple[Diagnostic, ...]:
    """A warning for each mention of what was looked up and not found."""
    mentions = tuple(mentions)
    looked_up = frozenset(to_look_up(mentions))
    return tuple(
        Diagnostic("WFE-W410", mention.pointer, _not_there(mention.name))
        for mention in mentions
        if mention.name in looked_up and mention.name not in found
    )


def impossible(mentions: Iterable[Mention], catalogue: Catalogue) -> tuple[Diagnostic, ...]:
    """An error for each tool that is a step type of the language: only registered ones can be called as tools."""
    return tuple(
        Diagnostic(
            "WFE-E402",
            mention.pointer,
            f"'{mention.name.name}' is a built-in step type, which cannot be called as a tool. Make it a step of the "
            f"workflow, or name a registered step type. Built-in tools: {', '.join(BUILTIN_TOOL_NAMES)}.",
        )
        for mention in mentions
        if mention.name.kind == "step" and (spec := catalogue.find(mention.name.name)) and spec.kind == "builtin"
    )


def _not_there(name: Name) -> str:
    match name.kind:
        case "step":
            near = suggest(name.name, BUILTIN_TOOL_NAMES) or f" Built-in tools: {', '.join(BUILTIN_TOOL_NAMES)}."
            return f"'{name.name}' is neither a built-in tool nor a registered step type now.{near}"
        case "mcp":
            return f"There is no MCP server '{name.name}' now. POST /tools/mcp-servers registers one."
        case kind if name.version is not None:
            return f"There is no version {shown(name.version)} of {kind} '{name.name}' now."
        case kind:
            return f"There is no {kind} '{name.name}' now. POST /{kind}s makes one."


def _field(step: Mapping[str, Json], place: str, name: str) -> _Place:
    """A field of a step's configuration, which is `config` laid over `parameters`."""
    config = _Place(step, place).part("config")
    if isinstance(config.value, Mapping) and name in config.value:
        return config.part(name)
    return _Place(step, place).part("parameters").part(name)


_Fields = Callable[[str], _Place]


def _of_agent(field: _Fields) -> Iterator[Mention]:
    yield from _versioned("agent", field("agent_id"), field("agent_version"))
    yield from _tools(field("tools").items())
    yield from _tools(field("agent_config").part("tools").items())
    yield from _system_prompts((field("system_prompt_id"), field("agent_config").part("system_prompt_id")))


def _of_prompt(field: _Fields) -> Iterator[Mention]:
    yield from _versioned("prompt", field("prompt_id"), field("prompt_version"))


def _of_tool(field: _Fields) -> Iterator[Mention]:
    yield from _tools([field("tool_name")])


_MENTIONS: Final[Mapping[str, Callable[[_Fields], Iterator[Mention]]]] = {
    "agent_execution": _of_agent,
    "prompt": _of_prompt,
    "tool_execution": _of_tool,
}


def _versioned(kind: NameKind, place: _Place, version: _Place) -> Iterator[Mention]:
    if isinstance(place.value, str) and _ID.fullmatch(place.value):
        number = _whole(version.value)
        yield Mention(Name(kind, place.value, number), place.pointer if number is None else version.pointer)


def _system_prompts(places: Iterable[_Place]) -> Iterator[Mention]:
    for place in places:
        yield from _versioned("prompt", place, _Place(None, ""))


def _whole(value: Any) -> int | None:
    """The number of a version; 1.0 is a whole number, true is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1 or value < 1:
        return None
    return int(value)


def _tools(places: Iterable[_Place]) -> Iterator[Mention]:
    for place in places:
        try:
            reference = parse_tool(place.value) if isinstance(place.value, str | dict) else None
        except ValueError:
            continue
        if reference is not None and reference.kind != "builtin":
            yield Mention(Name(cast("NameKind", reference.kind), reference.name), place.pointer)
