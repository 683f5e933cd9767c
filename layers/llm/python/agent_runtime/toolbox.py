"""The tools of one agent: what its `tools` name, looked up and ready to be called.

The kinds are one table (`_OPENERS`): built-in tools, registered steps, other agents, MCP servers. A kind that comes later
is one more entry.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from agent_runtime.clock import Clock
from agent_runtime.services import CallTool, FunctionFailedError, Services, StepCall
from agent_tools.builtin import BUILTIN_TOOLS
from agent_tools.builtin.tool import ToolEnvironment
from agent_tools.errors import ToolError
from llm_gateway.request import Tool
from workflow_engine.agents.errors import McpServerError
from workflow_engine.agents.tool_references import ToolReference, parse_tool
from workflow_engine.errors import InvalidStepInput, NotFoundError

Object = Mapping[str, Any]

MAX_MODEL_TOOLS: Final = 128
"""OpenAI takes no more functions in a request (API reference, "tools"); the other vendors take more or as many."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_START: Final = re.compile(r"^(?=[0-9-])")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")

_AGENT_PARAMETERS: Final[Object] = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "description": "What the agent is asked, complete in itself."},
        "context": {"description": "What it should know beside that. Optional."},
    },
    "required": ["query"],
    "additionalProperties": False,
}


class ToolFailedError(Exception):
    """A tool could not do what it was asked. The message is for the model."""


class Invocation(Protocol):
    """What tools need of the run they are called in (`agents.Run`)."""

    @property
    def services(self) -> Services: ...
    @property
    def call(self) -> StepCall: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def tenant_id(self) -> str: ...


AskAgent = Callable[[str, str, Any, int], Any]
"""`(agent_id, query, context, depth) -> answer`. Raises ToolFailedError."""


@dataclass(frozen=True, slots=True)
class BoundTool:
    """A tool as the model sees it, and what calling it does. `call` raises ToolFailedError."""

    tool: Tool
    call: Callable[[Object], Any]


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Tools by the names that the model calls them by, and sentences on those that could not be had."""

    by_name: Mapping[str, BoundTool]
    warnings: tuple[str, ...] = ()
    call_tool: CallTool = lambda _name, arguments, call: call(arguments)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What the model is told."""
        return tuple(bound.tool for bound in self.by_name.values())

    def call(self, name: str, arguments: Object) -> Any:
        """What a tool gives, a JSON value. Raises ToolFailedError, also for a tool that is not there and for arguments that
        do not fit its schema.
        """
        bound = self.by_name.get(name)
        if bound is None:
            raise ToolFailedError(f"There is no tool '{name}'. There are: {', '.join(self.by_name) or 'none'}.")
        _check_arguments(bound.tool, arguments)
        return self.call_tool(name, arguments, bound.call)


def open_toolbox(
    opened: ExitStack, run: Invocation, entries: Iterable[str | Object], ask_agent: AskAgent, *, depth: int
) -> Toolbox:
    """The tools that these entries of `tools` name; connections are open until `opened` closes. `depth` is how many agents
    have called each other to get here.

    Raises InvalidStepInput for an entry that names nothing, McpServerError for a server that does not answer.
    """
    found: dict[str, BoundTool] = {}
    warnings: list[str] = []
    for entry in entries:
        try:
            reference = parse_tool(entry)
        except ValueError as error:
            raise InvalidStepInput(str(error)) from None
        for bound in _OPENERS[reference.kind](opened, run, reference, ask_agent, depth):
            if isinstance(bound, str):
                warnings.append(bound)
                continue
            if bound.tool.name in found:
                raise InvalidStepInput(f"Two tools of the agent are called '{bound.tool.name}'. Leave one out.")
            found[bound.tool.name] = bound
    if len(found) > MAX_MODEL_TOOLS:
        raise InvalidStepInput(f"The agent has {len(found)} tools; models take {MAX_MODEL_TOOLS}. Use 'allow'.")
    return Toolbox(found, tuple(warnings), run.services.call_tool)


def model_name(*parts: str) -> str:
    """A name that every vendor takes: a letter or `_`, which Gemini wants first, then letters, digits, `_` and `-`, 64 at most. One
    that had to be changed ends in a hash, to stay unique.
    """
    plain = "__".join(parts)
    if _NAME.fullmatch(plain):
        return plain
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
    return f"{_START.sub('_', _UNFIT.sub('_', plain))[:55]}_{digest}"


def _builtin(
    _opened: ExitStack, run: Invocation, reference: ToolReference, _ask: AskAgent, _depth: int
) -> Iterator[BoundTool]:
    builtin = BUILTIN_TOOLS[reference.name]
    environment = ToolEnvironment(run.services.policy, run.services.utc_now, run.clock.left)

    def call(arguments: Object) -> Any:
        try:
            return builtin.function(arguments, environment)
        except ToolError as error:
            raise ToolFailedError(error.detail) from error

    yield BoundTool(Tool(reference.name, reference.description or builtin.description, builtin.parameters), call)


def _step(
    _opened: ExitStack, run: Invocation, reference: ToolReference, _ask: AskAgent, _depth: int
) -> Iterator[BoundTool]:
    registration = run.services.step(run.tenant_id, reference.name)
    if registration is None:
        raise InvalidStepInput(f"The tool '{reference.name}' is neither a built-in tool nor a registered step type.")
    kind = registration.get("execution_type", "lambda")
    if kind not in ("lambda", "local"):
        raise InvalidStepInput(f"Steps of execution_type '{kind}' cannot be called as tools in this version.")
    parameters = dict(reference.parameters or registration.get("config_schema") or {"type": "object"})
    description = reference.description or registration.get("description") or f"The step {reference.name}."
    call = partial(_call_step, run, registration, reference.config or {})
    yield BoundTool(Tool(model_name(reference.name), description, parameters), call)


def _call_step(run: Invocation, registration: Object, config: Object, arguments: Object) -> Any:
    """Call a step with a tool's arguments. They reach it as its input and as its configuration, since a step's author may
    look for them in either; `config`, which the agent's author has fixed, wins.
    """
    execution = run.call.execution
    event = {
        "step_config": {
            "step_id": execution.get("step_id"),
            "step_type": registration["step_type"],
            "config": {**arguments, **config},
        },
        "input_data": dict(arguments),
        "execution_context": execution,
    }
    try:
        return run.services.invoke(registration["function_arn"], event)
    except FunctionFailedError as error:
        raise ToolFailedError(str(error)) from error


def _agent(
    _opened: ExitStack, run: Invocation, reference: ToolReference, ask: AskAgent, depth: int
) -> Iterator[BoundTool]:
    try:
        document = run.services.agent(run.tenant_id, reference.name, None).document
    except NotFoundError:
        raise InvalidStepInput(f"There is no agent '{reference.name}' to be called as a tool.") from None
    description = reference.description or document.get("description") or f"Asks {document['agent_name']}."

    def call(arguments: Object) -> Any:
        return ask(reference.name, arguments["query"], arguments.get("context"), depth + 1)

    yield BoundTool(Tool(model_name("agent", reference.name), description, _AGENT_PARAMETERS), call)


def _mcp(
    opened: ExitStack, run: Invocation, reference: ToolReference, _ask: AskAgent, _depth: int
) -> Iterator[BoundTool | str]:
    if run.services.mcp_tools is not None:
        for tool in run.services.mcp_tools(reference.name):
            if reference.tool in (None, tool) and (reference.allow is None or tool in reference.allow):
                made = Tool(model_name(reference.name, tool), tool, {"type": "object"})
                yield BoundTool(made, partial(_is_not_asked, reference.name))
        return
    from agent_tools.mcp_servers import connect
    from workflow_engine.agents.mcp import McpServer

    record = run.services.mcp_server(run.tenant_id, reference.name)
    if record is None:
        raise InvalidStepInput(f"There is no MCP server '{reference.name}'. Register it first.")
    secret = record.get("bearer_secret")
    token = run.services.secret(run.tenant_id, secret) if secret else None
    if secret and token is None:
        raise InvalidStepInput(
            f"MCP server '{reference.name}' needs the secret {secret}, which the tenant has not set."
        )
    server = McpServer(
        name=reference.name,
        url=record["url"],
        bearer_token=token,
        timeout_seconds=min(record.get("timeout_seconds") or 60, max(1.0, run.clock.left())),
        allowed_tools=_allowed(record.get("allowed_tools"), reference),
    )
    session = opened.enter_context(connect(server, run.services.policy))

    def call(name: str, arguments: Object) -> Any:
        try:
            outcome = session.call(name, arguments, max(1.0, run.clock.left()))
        except McpServerError as error:
            raise ToolFailedError(error.detail) from error
        if outcome.is_error:
            raise ToolFailedError(str(outcome.content))
        return f"{outcome.content}\n[cut]" if outcome.truncated else outcome.content

    for listed in session.tools():
        name = model_name(reference.name, listed.name)
        yield BoundTool(Tool(name, listed.description or listed.name, listed.input_schema), partial(call, listed.name))
    yield from session.warnings()


def _is_not_asked(server: str, _arguments: Object) -> Any:
    raise ToolFailedError(f"The MCP server '{server}' is not asked: its tools are replaced.")


def _allowed(of_server: list[str] | None, reference: ToolReference) -> frozenset[str] | None:
    """What may be called: what the server's registration and the agent both allow; None is everything."""
    wanted = [reference.tool] if reference.tool else reference.allow
    if wanted is None:
        return None if of_server is None else frozenset(of_server)
    return frozenset(wanted) if of_server is None else frozenset(wanted) & frozenset(of_server)


Opener = Callable[[ExitStack, Invocation, ToolReference, AskAgent, int], Iterator[BoundTool | str]]
"""Opens what an entry of `tools` names: tools, and sentences on those that cannot be had."""

_OPENERS: Final[Mapping[str, Opener]] = {"builtin": _builtin, "step": _step, "agent": _agent, "mcp": _mcp}

_MAX_MISFIT_CHARACTERS: Final = 500


def _check_arguments(tool: Tool, arguments: Object) -> None:
    from workflow_engine.json_schema import CannotApplyError, SchemaValidator

    try:
        misfits = SchemaValidator(tool.parameters).misfits(dict(arguments))
    except CannotApplyError:
        # A schema of an MCP server, which is checked nowhere else; the tool itself then judges its arguments.
        return
    if misfits:
        misfit = min(misfits, key=lambda m: len(m.path))
        place = "/".join(map(str, misfit.path))
        where = f" at '{place}'" if place else ""
        raise ToolFailedError(
            f"Wrong arguments for '{tool.name}'{where}: {_short(misfit.message)}. Correct them and call again."
        )


def _short(message: str) -> str:
    """A message of jsonschema, which begins with the wrong value, however long, and ends with what is wrong with it."""
    if len(message) <= _MAX_MISFIT_CHARACTERS:
        return message
    return f"{message[: _MAX_MISFIT_CHARACTERS // 2]} ... {message[-_MAX_MISFIT_CHARACTERS // 2 :]}"
