"""The loop of an agent: ask the model, call the tools that it asks for, tell it what they gave, until it answers.

Besides an answer, four things end the loop, each with a result that says so: the number of rounds, the tokens, the
money, the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, Final

from agent_runtime.clock import Clock
from agent_runtime.conversation import Conversation
from agent_runtime.meter import Meter
from agent_runtime.spec import AgentSpec
from agent_runtime.toolbox import Toolbox
from agent_runtime.tracing import Traced, remark_of, traced_call, unfinished
from llm_gateway.errors import LlmError
from llm_gateway.gateway import Gateway, MayRepair, Watch
from llm_gateway.request import GenerationRequest, Message, Part, Text, ToolResult
from llm_gateway.response import GenerationResponse, ModelName, Usage
from llm_gateway.tokens import count_request, count_tokens
from workflow_engine.errors import InvalidStepInput

CALL_SECONDS: Final = 600.0
"""The longest that one answer may take."""

LEAST_ROUND_SECONDS: Final = 3.0
"""With less time left no further question is asked."""

MAX_TOOLS_AT_ONCE: Final = 8


@dataclass(slots=True)
class AgentResult:
    """How an agent ended."""

    text: str = ""
    value: Any = None
    finish_reason: str = "stop"
    model: ModelName | None = None
    mode: str = "llm"
    usage: Usage = field(default_factory=Usage)
    trace: list[Traced] = field(default_factory=list)
    remarks: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def run_loop(
    spec: AgentSpec, conversation: Conversation, gateway: Gateway, toolbox: Toolbox, meter: Meter, clock: Clock
) -> AgentResult:
    """Ask until the agent has answered. Raises LlmError, and InvalidStepInput for a cost limit that cannot be kept."""
    result = AgentResult(warnings=list(toolbox.warnings))
    messages = list(conversation.messages)
    for round_ in range(spec.max_tool_iterations + 1):
        last = round_ == spec.max_tool_iterations
        request = _request(spec, conversation.system, messages, toolbox, may_call=not last)
        ended = _ended(spec, request, gateway, meter, clock, first=round_ == 0)
        if ended is None:
            request = _within(request, meter)
            try:
                answer = gateway.generate(
                    request,
                    spec.targets,
                    mode=spec.mode,
                    fallback_to_simulation=spec.fallback_to_simulation,
                    deadline=clock.deadline,
                    watch=_watch(spec, request, gateway, meter, clock),
                    may_repair=_may_repair(spec, gateway, meter),
                    retry_longer=round_ > 0,
                )
            except LlmError as error:
                meter.add(error.usage)  # an agent that called this one as a tool pays for it all the same
                raise
            meter.add(answer.usage)
            _take(result, answer, round_ + 1)
            if not answer.tool_calls or last:
                ended = _reason(answer, meter, clock, capped=request.max_tokens != spec.max_tokens)
                if ended == "stop" and last and round_ > 0:
                    ended = "max_tool_iterations"
        if ended is not None:
            if result.model is None:
                _not_asked(result, spec, gateway)
            result.finish_reason = ended
            break
        messages += _call_tools(answer, toolbox, result, round_ + 1, meter, clock)
    result.usage = meter.used
    return result


def _request(
    spec: AgentSpec, system: str | None, messages: Sequence[Message], toolbox: Toolbox, *, may_call: bool
) -> GenerationRequest:
    return GenerationRequest(
        messages=tuple(messages),
        system=system,
        tools=toolbox.tools,
        tool_choice="auto" if may_call else "none",
        temperature=spec.temperature,
        top_p=spec.top_p,
        max_tokens=spec.max_tokens,
        stop=spec.stop,
        response_format=spec.response_format,
        timeout_seconds=CALL_SECONDS,
    )


def _ended(
    spec: AgentSpec, request: GenerationRequest, gateway: Gateway, meter: Meter, clock: Clock, *, first: bool
) -> str | None:
    """Why no further question may be asked, if so."""
    tokens, dollars = meter.tokens_left(), meter.dollars_left()
    if tokens is not None and tokens <= count_request(request):
        return "token_budget"
    if dollars is not None and spec.mode != "simulation":
        asking = gateway.estimated_cost(spec.targets, spec.mode, count_request(request), 0)
        if asking is None and first:
            raise InvalidStepInput(
                "budget.max_cost_usd cannot be kept, because no price is known for the model or one of those that follow "
                "it. Give one in LLM_PRICES, or limit tokens instead."
            )
        if asking is None or dollars <= asking:
            return "cost_budget"
    if not first and clock.left() < LEAST_ROUND_SECONDS:
        return "deadline"
    return None


def _within(request: GenerationRequest, meter: Meter) -> GenerationRequest:
    """The request with no longer an answer than the tokens that are left allow."""
    left = meter.tokens_left()
    if left is None:
        return request
    most = max(1, left - count_request(request))
    return replace(request, max_tokens=most if request.max_tokens is None else min(most, request.max_tokens))


def _watch(spec: AgentSpec, request: GenerationRequest, gateway: Gateway, meter: Meter, clock: Clock) -> Watch | None:
    """Ends an answer that becomes too expensive while it is written; None where no one has to look."""
    dollars = meter.dollars_left()
    if dollars is None:
        return (lambda _: True) if clock.streams else None
    tokens_in = count_request(request)

    def affordable(text: str) -> bool:
        cost = gateway.estimated_cost(spec.targets, spec.mode, tokens_in, count_tokens(text))
        return cost is None or cost <= dollars

    return affordable


def _may_repair(spec: AgentSpec, gateway: Gateway, meter: Meter) -> MayRepair | None:
    """Whether the budget has room for asking once more for the JSON."""
    if meter.tokens_left() is None and meter.dollars_left() is None:
        return None

    def may(used: Usage, request: GenerationRequest) -> bool:
        tokens, dollars = meter.tokens_left(), meter.dollars_left()
        if tokens is not None and tokens - used.total_tokens <= count_request(request):
            return False
        cost = gateway.estimated_cost(spec.targets, spec.mode, count_request(request), 0)
        return dollars is None or (cost is not None and used.cost_usd is not None and used.cost_usd + cost < dollars)

    return may


def _not_asked(result: AgentResult, spec: AgentSpec, gateway: Gateway) -> None:
    """Say who would have been asked, had there been the means. Raises LlmError where nobody could have been."""
    result.model, result.mode, warnings = gateway.first_choice(spec.targets, spec.mode)
    result.warnings += [*warnings, "No model was asked: the budget is too small for the question alone."]


def _take(result: AgentResult, answer: GenerationResponse, round_: int) -> None:
    result.text = answer.text or result.text
    result.value = answer.parsed
    result.model, result.mode = answer.model, answer.mode
    result.remarks += [remark_of(remark, round_) for remark in answer.remarks]
    result.warnings += [warning for warning in answer.warnings if warning not in result.warnings]


def _reason(answer: GenerationResponse, meter: Meter, clock: Clock, *, capped: bool) -> str:
    """Why the loop ends with this answer. `capped`: the budget, not the agent, had put an end to the answer's length."""
    match answer.finish_reason:
        case "cut_off":
            if clock.left() <= 0:
                return "deadline"
            return "cost_budget" if meter.dollars_left() is not None and not capped else "token_budget"
        case "length":
            return "token_budget" if capped else "length"
        case "tool_calls":
            return "max_tool_iterations"
        case reason:
            return reason


def _call_tools(
    answer: GenerationResponse, toolbox: Toolbox, result: AgentResult, round_: int, meter: Meter, clock: Clock
) -> list[Message]:
    """The model's turn and what its tools gave. Several run side by side, unless there is a budget, which agents called at
    once would overrun together. A tool that is not done when the time is over is not waited for.
    """
    said: tuple[Part, ...] = (Text(answer.text),) if answer.text else ()
    limited = meter.tokens_left() is not None or meter.dollars_left() is not None
    pool = ThreadPoolExecutor(max_workers=1 if limited else min(MAX_TOOLS_AT_ONCE, len(answer.tool_calls)))
    futures = [pool.submit(traced_call, toolbox, call, round_) for call in answer.tool_calls]
    wait(futures, timeout=max(0.0, clock.left()))
    pool.shutdown(wait=False, cancel_futures=True)
    traced = [
        future.result() if future.done() and not future.cancelled() else unfinished(call, round_)
        for future, call in zip(futures, answer.tool_calls, strict=True)
    ]
    result.trace += traced
    results = tuple(
        ToolResult(call.id, call.name, each.content, each.is_error)
        for call, each in zip(answer.tool_calls, traced, strict=True)
    )
    return [Message("assistant", (*said, *answer.tool_calls)), Message("user", results)]
