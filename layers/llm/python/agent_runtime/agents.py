"""Agents at work: an agent step from its configuration to its output, and agents that other agents call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from agent_runtime.clock import Clock
from agent_runtime.conversation import Conversation, conversation, sorted_input
from agent_runtime.images import fetch_image
from agent_runtime.loop import AgentResult, run_loop
from agent_runtime.meter import Meter
from agent_runtime.services import Services, StepCall
from agent_runtime.spec import AgentSpec, agent_spec, merged
from agent_runtime.texts import FillableText
from agent_runtime.toolbox import ToolFailedError, open_toolbox
from agent_runtime.tracing import MAX_REMARKS, MAX_TRACE
from llm_gateway.errors import LlmError
from workflow_engine.agents.defaults import TIMEOUT_SECONDS
from workflow_engine.errors import InvalidStepInput, NotFoundError

Object = Mapping[str, Any]

MAX_DEPTH: Final = 3
"""How deep agents may call agents; a circle of agents ends there."""

MARGIN_SECONDS: Final = 5.0
"""Time that is kept to hand over what there is, at most a tenth of all."""

UNKNOWN_SECONDS: Final = 900.0

_NOT_OF_THE_AGENT: Final = frozenset(
    {"agent_id", "agent_version", "agent_config", "query", "query_template", "variables", "conversation_history"}
)
"""Fields of a step's configuration that are its own; all others override the agent's."""

MAX_OUTPUT_BYTES: Final = 240 * 1024
"""A state's output holds 256 KiB (Step Functions quotas, "Maximum input or output size"), Lambda's envelope included."""


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation: for whom, and until when."""

    services: Services
    call: StepCall
    clock: Clock
    started: float

    @classmethod
    def of(cls, services: Services, call: StepCall) -> Run:
        """The run of a step that begins now. It ends before the step's time is over, or Lambda's."""
        allowed = [s for s in (call.seconds_left, call.timeout_seconds) if s is not None]
        seconds = float(min(allowed, default=UNKNOWN_SECONDS))
        started = services.now()
        deadline = started + seconds - min(MARGIN_SECONDS, seconds / 10)
        return cls(services, call, Clock(services.now, deadline, streams=_is_short(call)), started)

    @property
    def tenant_id(self) -> str:
        """The tenant whose run this is."""
        return self.call.tenant_id

    def timestamp(self) -> str:
        """Now, as Step Functions writes times: UTC, milliseconds, `Z`."""
        return self.services.utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def ask_agent(self, meter: Meter | None, agent_id: str, query: str, context: Any, depth: int) -> Any:
        """The answer of an agent that is called as a tool; what it uses counts in `meter`. Raises ToolFailedError."""
        if depth >= MAX_DEPTH:
            raise ToolFailedError(f"Agents may call agents {MAX_DEPTH} deep at most. Answer without this one.")
        try:
            spec = self.stored_agent(agent_id, None, ())
        except InvalidStepInput as error:
            raise ToolFailedError(str(error)) from None
        given = {"query": query} if context is None else {"query": query, "context": context}
        try:
            _, result = self.ask(spec, {}, given, meter, depth)
        except (LlmError, InvalidStepInput) as error:
            raise ToolFailedError(f"The agent '{agent_id}' did not answer: {error}") from error
        return _response(spec, result)

    def ask(
        self, spec: AgentSpec, config: Object, input_data: Object, meter: Meter | None, depth: int
    ) -> tuple[Conversation, AgentResult]:
        """Let an agent work. What it uses counts in `meter` too. Raises LlmError, InvalidStepInput, McpServerError."""
        given = sorted_input(input_data, self.call.prompt_inputs if depth == 0 else ())
        talk = conversation(
            config,
            given,
            system_prompt=spec.system_prompt,
            include_context=spec.include_context,
            fetch_image=lambda url: fetch_image(url, self.services.policy, self.clock.left()),
        )
        own = Meter(spec.limits) if meter is None else meter.child(spec.limits)
        with ExitStack() as opened:
            toolbox = open_toolbox(
                opened,
                self,
                spec.tools,
                partial(self.ask_agent, own),
                depth=depth,
            )
            result = run_loop(spec, talk, self.services.gateway(self.tenant_id), toolbox, own, self.clock)
        return talk, result

    def with_system_prompt(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields, with the text of the stored prompt that `system_prompt_id` names where there is no `system_prompt`.

        Raises InvalidStepInput when there is no such prompt.
        """
        prompt_id = fields.get("system_prompt_id")
        if prompt_id is None or fields.get("system_prompt") is not None:
            return fields
        try:
            document = self.services.prompt(self.tenant_id, prompt_id, None).document
        except NotFoundError as error:
            raise InvalidStepInput(error.detail) from None
        return {**fields, "system_prompt": document.get("system_prompt") or document.get("query_template")}

    def stored_agent(self, agent_id: str, version: int | None, overriding: tuple[Object, ...]) -> AgentSpec:
        """A stored agent, the newest version or the one named. Raises InvalidStepInput when there is none."""
        try:
            found = self.services.agent(self.tenant_id, agent_id, version)
        except NotFoundError as error:
            raise InvalidStepInput(error.detail) from None
        fields = self.with_system_prompt(merged(found.document, overriding))
        return agent_spec(fields, agent_id=agent_id, agent_version=found.version)


def run_agent_step(services: Services, config: Object, input_data: Object, call: StepCall) -> dict[str, Any]:
    """The output of an `agent_execution` step, as `workflow_engine.steps.agent` describes it."""
    run = Run.of(services, call)
    prompts = sorted_input(input_data, call.prompt_inputs).prompts
    overriding: tuple[Object, ...] = (
        *({**p.overrides, "system_prompt": p.system_prompt} for p in prompts),
        _overriding(config),
    )
    if config.get("agent_id") is not None:
        spec = run.stored_agent(config["agent_id"], config.get("agent_version"), overriding)
    else:
        spec = agent_spec(run.with_system_prompt(merged(config.get("agent_config") or {}, overriding)))
    talk, result = run.ask(spec, config, input_data, None, 0)
    output = {
        "agent_id": spec.agent_id,
        "agent_version": spec.agent_version,
        "agent_name": spec.agent_name,
        "query": talk.query,
        "response": _response(spec, result),
        "tool_calls": len(result.trace),
        "tool_calls_trace": [traced.as_dict() for traced in result.trace[:MAX_TRACE]],
        "remarks": result.remarks[-MAX_REMARKS:],
        "finish_reason": result.finish_reason,
        "usage": result.usage.as_dict(),
        "model": result.model.as_dict() if result.model else {},
        "mode": result.mode,
        "warnings": [*result.warnings, *_cut_trace(result)],
        "success": True,
        "timestamp": run.timestamp(),
        "execution_time_seconds": round(services.now() - run.started, 3),
    }
    return _within_limits(output)


def _overriding(config: Object) -> Object:
    """The fields of the step that replace those of the agent."""
    fields = {name: value for name, value in config.items() if name not in _NOT_OF_THE_AGENT}
    if fields.get("system_prompt") is not None:
        fields["system_prompt"] = FillableText.of_step(fields["system_prompt"])
    return fields


def _response(spec: AgentSpec, result: AgentResult) -> Any:
    """The JSON value where one was asked for; what there is as text where the agent was ended before it had one."""
    if spec.response_format is None:
        return result.text
    if result.finish_reason == "stop" or result.value is not None:
        return result.value
    result.warnings.append("The response is what there was, not the JSON that was asked for.")
    return result.text


def _is_short(call: StepCall) -> bool:
    """Whether the step was given less time than agents usually get: then answers come piece by piece."""
    return call.timeout_seconds is not None and call.timeout_seconds < TIMEOUT_SECONDS


def _cut_trace(result: AgentResult) -> list[str]:
    left_out = len(result.trace) - MAX_TRACE
    return [f"The trace holds the first {MAX_TRACE} tool calls; {left_out} more were made."] if left_out > 0 else []


def _within_limits(output: dict[str, Any]) -> dict[str, Any]:
    """The output, without what the tools gave and the model said beside its answer, then without the query's end, where it
    would be too large for a state.
    """
    if _size(output) <= MAX_OUTPUT_BYTES:
        return output
    trace = [{**traced, "arguments": None, "result": "", "truncated": True} for traced in output["tool_calls_trace"]]
    output = {**output, "tool_calls_trace": trace, "remarks": []}
    over = _size(output) - MAX_OUTPUT_BYTES
    if over > 0:
        warning = "The query is shown in part, since the step's output would be too large."
        query = output["query"].encode(errors="replace")
        kept = query[: max(0, len(query) - over - 1024)].decode(errors="ignore")
        output = {**output, "query": kept, "warnings": [*output["warnings"], warning]}
    if _size(output) > MAX_OUTPUT_BYTES:
        raise InvalidStepInput("The agent's response is larger than a step's output may be. Give a smaller max_tokens.")
    return output


def _size(output: Object) -> int:
    # Half a surrogate pair, which JSON can spell, has no UTF-8.
    return len(json.dumps(output, ensure_ascii=False).encode(errors="replace"))
