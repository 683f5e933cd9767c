"""What an entry of an agent's `tools` names.

A text is `NAME` (a built-in tool, else a registered step type), or begins with the kind: `builtin:calculator`,
`step:TYPE`, `agent:ID`, `mcp:SERVER`, `mcp:SERVER/TOOL`. An object says the same in fields, and more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from workflow_engine.agents.builtin_tools import BUILTIN_TOOL_NAMES
from workflow_engine.agents.names import ID_PATTERN
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import suggest

Kind = Literal["builtin", "step", "agent", "mcp"]

KINDS: Final = ("builtin", "step", "agent", "mcp")

_ID: Final = re.compile(ID_PATTERN)
_LONGEST_SUGGESTED: Final = 64
_MAX_TOOL_NAME: Final = 128
"""Names of tools of MCP servers (MCP specification, "Tools", "Tool Names")."""


@dataclass(frozen=True, slots=True)
class ToolReference:
    """An entry of `tools`, read. `tool` is the one tool of an MCP server; `description`, `parameters`, `config` and `allow`
    are None where the entry does not say.
    """

    kind: Kind
    name: str
    tool: str | None = None
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    config: Mapping[str, Any] | None = None
    allow: tuple[str, ...] | None = None


def parse_tool(entry: str | Mapping[str, Any]) -> ToolReference:
    """Read an entry of `tools`. ValueError with a sentence for one that names nothing that could be there."""
    if isinstance(entry, str):
        return _from_text(entry)
    kind, name = entry.get("type"), entry.get("name")
    if kind not in KINDS or not isinstance(name, str):
        raise ValueError(f"A tool has a 'type' ({', '.join(KINDS)}) and a 'name'.")
    allow = entry.get("allow")
    return _checked(
        ToolReference(
            kind=cast("Kind", kind),
            name=name,
            description=entry.get("description"),
            parameters=entry.get("parameters"),
            config=entry.get("config"),
            allow=None if allow is None else tuple(allow),
        ),
        f"{kind}:{name}",
    )


def _from_text(text: str) -> ToolReference:
    kind, colon, name = text.partition(":")
    if not colon:
        return _checked(ToolReference("builtin" if text in BUILTIN_TOOL_NAMES else "step", text), text)
    if kind not in KINDS:
        raise ValueError(f"'{text}' is not a valid tool: what stands before ':' is one of {', '.join(KINDS)}.")
    tool = None
    if kind == "mcp" and "/" in name:
        name, _, tool = name.partition("/")
    return _checked(ToolReference(cast("Kind", kind), name, tool), text)


def _checked(reference: ToolReference, text: str) -> ToolReference:
    if reference.kind == "builtin" and reference.name not in BUILTIN_TOOL_NAMES:
        near = suggest(reference.name[:_LONGEST_SUGGESTED], BUILTIN_TOOL_NAMES)
        raise ValueError(f"'{text}' is not a built-in tool.{near} There are: {', '.join(BUILTIN_TOOL_NAMES)}.")
    if not _ID.fullmatch(reference.name):
        raise ValueError(
            f"'{text}' is not a valid tool: a name is a letter, then letters, digits, '_' or '-', 64 at most."
        )
    if reference.tool is not None and not 0 < len(reference.tool) <= _MAX_TOOL_NAME:
        raise ValueError(f"'{text}' is not a valid tool of an MCP server: write mcp:SERVER/TOOL.")
    return reference
