"""The world around one call of a function of ours: what it sends, asks and waits for is answered by the mocks of its run."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from infra.local.lambda_context import LONGEST_SECONDS
from infra.local.mocking.durations import seconds_of
from infra.local.mocking.model import Mock, Reply
from infra.local.mocking.stage import MockError, Stage
from infra.local.mocking.tasks import Task
from infra.local.mocking.virtual_time import VirtualLoop
from infra.local.stepfunctions.lambdas import Invocation
from workflow_engine.endpoint_errors import HttpTimeoutError, SecretNotSetError
from workflow_engine.outbound_http import Answer, Request
from workflow_engine.stand_ins import standing_in

if TYPE_CHECKING:
    from llm_gateway.errors import LlmError
    from llm_gateway.request import GenerationRequest
    from llm_gateway.response import ProviderAnswer

PREFIX_OF_SECRETS: Final = "STEP_SECRET_"
_WITHOUT_EFFECTS: Final = frozenset({"calculator", "current_time", "json_query"})
"""Tools that run as they are."""

_JSON: Final = {"content-type": "application/json"}


class GivenUpError(Exception):
    """Nobody waits for the call any more: its time is over."""


class World:
    """`workflow_engine.stand_ins.StandIns` for one call."""

    def __init__(self, stage: Stage, task: Task, loop: asyncio.AbstractEventLoop) -> None:
        self._stage = stage
        self._task = task
        self._loop = loop
        self._virtual = loop if isinstance(loop, VirtualLoop) else None
        self._turns = 0
        self._sleeping: set[threading.Event] = set()
        self._is_closed = False

    def around(self, invoke: Callable[[str, str], Invocation], function: str, event: str) -> Invocation:
        """Call a function in this world. In a thread."""
        with standing_in(self):
            return invoke(function, event)

    # Clock

    def utc_now(self) -> datetime:
        now = self._virtual.now() if self._virtual is not None else time.time()
        return datetime.fromtimestamp(now, UTC)

    def monotonic(self) -> float:
        return self._virtual.time() if self._virtual is not None else time.monotonic()

    def sleep(self, seconds: float) -> None:
        """While all of a call sleeps, the loop's time may jump."""
        if self._virtual is None:
            time.sleep(seconds)
            return
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._begin_sleep, seconds, done)
        done.wait()
        if self._is_closed:
            raise GivenUpError

    def _begin_sleep(self, seconds: float, done: threading.Event) -> None:
        assert self._virtual is not None
        if self._is_closed:
            done.set()
            return
        if not self._sleeping:
            self._virtual.works_outside -= 1
        self._sleeping.add(done)
        self._loop.call_later(max(0.0, seconds), self._end_sleep, done)

    def _end_sleep(self, done: threading.Event) -> None:
        assert self._virtual is not None
        if self._is_closed:
            return
        self._sleeping.discard(done)
        if not self._sleeping:
            self._virtual.works_outside += 1
        done.set()

    def close(self) -> None:
        """The call is over for who has made it. To be called in the loop."""
        self._is_closed = True
        if self._sleeping and self._virtual is not None:
            self._virtual.works_outside += 1
        for done in self._sleeping:
            done.set()

    # Secrets

    def secret(self, name: str) -> str:
        given = self._stage.secrets
        value = given.get(name, given.get(name.removeprefix(PREFIX_OF_SECRETS)))
        if value is not None:
            return value
        if self._stage.unmocked == "real":
            raise SecretNotSetError(f"The secret {name} is needed, and the case does not give it. Add it to 'secrets'.")
        return f"no-{name.removeprefix(PREFIX_OF_SECRETS).lower()}"  # it is sent to nobody

    # Servers

    def send(self, request: Request, policy: Any, **options: Any) -> Answer:
        """The answer of a server."""
        stage, task = self._stage, self._task
        mock = stage.book.mock(task.addresses) or stage.book.http(request.method, request.url)
        value = _request_value(request, task)
        facts = replace(task.facts, input=value)
        if mock is None:
            if stage.unmocked == "real":
                return self._send_really(request, policy, value, options)
            place = f"Step '{task.place}'"
            address = f'"http:{request.method} {request.url.partition("?")[0]}": {{status: 200, json: {{}}}}'
            raise stage.missing(
                f"{place} ({request.method} {request.url})",
                f"{task.paste}\n    or {address}",
                value,
                is_tolerated=task.is_tolerated,
            )
        called = stage.begin(task, value, facts, mock.address)
        try:
            called.reply = reply = stage.take(mock, facts)
            if reply.kind == "real":
                return self._send_for_real(request, policy, options)
            if reply.kind == "hang":
                self.sleep(options["seconds"])
                raise HttpTimeoutError(
                    f"'{urlsplit(request.url).hostname}' has not answered in {options['seconds']:g} seconds."
                )
            if reply.after:
                self.sleep(reply.after)
            return self._answer(reply, facts)
        finally:
            stage.end(called)

    def _answer(self, reply: Reply, facts: Any) -> Answer:
        if reply.kind == "error":
            raise _named_error(reply.value, reply.more.get("message", ""))
        if reply.kind in ("output", "output_from", "expression"):
            body = self._stage.value_of(reply, facts)
            return Answer(200, _JSON, json.dumps(body).encode())
        if reply.kind != "status":
            raise self._stage.wrong(reply, f"'{reply.kind}' is no answer of a server. Give status, error or hang.")
        headers = {str(name).lower(): str(value) for name, value in (reply.more.get("headers") or {}).items()}
        if "json" in reply.more:
            return Answer(reply.value, {**_JSON, **headers}, json.dumps(reply.more["json"]).encode())
        return Answer(reply.value, {"content-type": "text/plain", **headers}, str(reply.more.get("body", "")).encode())

    def _send_really(self, request: Request, policy: Any, value: Any, options: Mapping[str, Any]) -> Answer:
        called = self._stage.begin(self._task, value, replace(self._task.facts, input=value))
        try:
            return self._send_for_real(request, policy, options)
        finally:
            self._stage.end(called)

    def _send_for_real(self, request: Request, policy: Any, options: Mapping[str, Any]) -> Answer:
        from workflow_engine.outbound_http import send

        with self._virtual.real() if self._virtual is not None else nullcontext():
            return send(request, policy, **options)

    # Models

    def provider(self, _vendor: str, _variables: Mapping[str, str]) -> Any:
        """A vendor whose models answer as the mocks say."""
        return _Model(self)

    def generate(self, model: str, request: GenerationRequest) -> ProviderAnswer:
        """The answer of a model."""
        from llm_gateway.errors import LlmTimeoutError

        stage, task = self._stage, self._task
        self._turns += 1
        value = _prompt_value(model, request)
        facts = replace(task.facts, input=value, turn=self._turns)
        mock = stage.book.mock(task.addresses)
        if mock is None:
            raise stage.missing(f"Step '{task.place}' (a model)", task.paste, value, is_tolerated=task.is_tolerated)
        called = stage.begin(task, value, facts, mock.address)
        try:
            called.reply = reply = stage.take(mock, facts)
            if reply.kind == "hang":
                self.sleep(request.timeout_seconds)
                raise LlmTimeoutError("The model has not answered in time.")
            if reply.after:
                self.sleep(reply.after)
            return self._said(model, reply, facts)
        finally:
            stage.end(called)

    def _said(self, model: str, reply: Reply, facts: Any) -> ProviderAnswer:
        from llm_gateway.request import ToolCall
        from llm_gateway.response import ProviderAnswer

        usage = reply.more.get("usage") or {}
        used = (usage.get("tokens_in", 0), usage.get("tokens_out", 0))
        cost = usage.get("cost_usd")
        match reply.kind:
            case "text":
                return ProviderAnswer(reply.value, (), "stop", *used, model, cost_usd=cost)
            case "tool_calls":
                calls = tuple(
                    ToolCall(f"call_{self._turns}_{number}", call["name"], call.get("arguments") or {})
                    for number, call in enumerate(reply.value, 1)
                )
                return ProviderAnswer("", calls, "tool_calls", *used, model, cost_usd=cost)
            case "error":
                raise model_error(reply)
            case "output" | "output_from" | "expression":
                said = self._stage.value_of(reply, facts)
                text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
                return ProviderAnswer(text, (), "stop", *used, model, cost_usd=cost)
        raise self._stage.wrong(reply, f"'{reply.kind}' is no answer of a model. Give text, tool_calls, error or hang.")

    # Tools

    def tool(self, name: str, arguments: Mapping[str, Any], call: Callable[[Mapping[str, Any]], Any]) -> Any:
        """What a tool gives."""
        stage, task = self._stage, self._task
        address = f"tool:{name}"
        mock = stage.book.mock((address,))
        facts = replace(task.facts, input=dict(arguments), turn=max(1, self._turns))
        if mock is None and name in _WITHOUT_EFFECTS:
            return call(arguments)
        if mock is None:
            if stage.unmocked == "real":
                return self._use_really(address, facts, arguments, call)
            raise stage.missing(f"Tool '{name}'", f'"{address}": {{output: {{}}}}', dict(arguments))
        called = stage.begin(task, dict(arguments), facts, address)
        called.step_id = address
        try:
            called.reply = reply = stage.take(mock, facts)
            return self._given(mock, reply, facts, arguments, call)
        finally:
            stage.end(called)

    def mcp_tools(self, server: str) -> list[str]:
        """Those of a server that have mocks: `tool:SERVER__TOOL`, as models call them."""
        prefix = f"tool:{server}__"
        return [address.removeprefix(prefix) for address in self._stage.book.mocks if address.startswith(prefix)]

    def _given(
        self,
        mock: Mock,
        reply: Reply,
        facts: Any,
        arguments: Mapping[str, Any],
        call: Callable[[Mapping[str, Any]], Any],
    ) -> Any:
        if reply.after:
            self.sleep(reply.after)
        match reply.kind:
            case "error":
                from agent_runtime.toolbox import ToolFailedError

                raise ToolFailedError(": ".join(filter(None, (reply.value, reply.more.get("message")))))
            case "hang":
                # Whoever waits for it does so by the clock on the wall: what it comes to is that the step's time is over.
                self.sleep((self._task.event.get("execution_context") or {}).get("timeout_seconds") or LONGEST_SECONDS)
                raise GivenUpError(f"'{mock.address}' has not answered.")
            case "real":
                with self._virtual.real() if self._virtual is not None else nullcontext():
                    return call(arguments)
            case "output" | "output_from" | "expression":
                return self._stage.value_of(reply, facts)
            case "text":
                return reply.value
        raise self._stage.wrong(
            reply, f"'{reply.kind}' is no answer of '{mock.address}'. Give output, expression, error or hang."
        )

    def _use_really(
        self, address: str, facts: Any, arguments: Mapping[str, Any], call: Callable[[Mapping[str, Any]], Any]
    ) -> Any:
        called = self._stage.begin(self._task, dict(arguments), facts, address)
        called.step_id = address
        try:
            with self._virtual.real() if self._virtual is not None else nullcontext():
                return call(arguments)
        finally:
            self._stage.end(called)


class _Model:
    """`llm_gateway.providers.Provider` of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def generate(self, model: str, request: GenerationRequest) -> ProviderAnswer:
        return self._world.generate(model, request)

    def stream(self, model: str, request: GenerationRequest) -> Generator[Any, None, None]:
        from llm_gateway.response import TextDelta

        answer = self.generate(model, request)
        if answer.text:
            yield TextDelta(answer.text)
        yield answer

    def embed(self, _model: str, _request: Any) -> Any:
        raise MockError("Embeddings of agents cannot be mocked; mock the step's output.")


def model_error(reply: Reply) -> Exception:
    """The error of a model that a reply names: `RateLimited`, `LlmTimeoutError`, or any other name."""
    from llm_gateway import errors

    known = {_plain(cls.__name__): cls for cls in _subclasses(errors.LlmError)}
    known |= {"ratelimited": errors.LlmRateLimitError, "throttled": errors.LlmRateLimitError}
    cls = known.get(_plain(reply.value))
    message = reply.more.get("message") or f"The model answers with {reply.value}."
    if cls is None:
        return _named_error(reply.value, message)
    if cls is errors.LlmRateLimitError and "retry_after" in reply.more:
        return errors.LlmRateLimitError(message, retry_after_seconds=seconds_of(reply.more["retry_after"]))
    return cls(message)


def _plain(name: str) -> str:
    return name.lower().removeprefix("llm").removesuffix("error").removesuffix("exception")


def _subclasses(cls: type[LlmError]) -> list[type[LlmError]]:
    return [cls, *(found for sub in cls.__subclasses__() for found in _subclasses(sub))]


def _named_error(name: str, message: str) -> Exception:
    """An exception of a class of this name, which is what a function's failure is told by."""
    from workflow_engine import endpoint_errors

    known = getattr(endpoint_errors, name, None)
    made: Exception = known(message) if isinstance(known, type) else type(name, (Exception,), {})(message)
    return made


def _request_value(request: Request, task: Task) -> dict[str, Any]:
    """A request as tests see it: header names in lower case, a JSON body as its value."""
    parts = urlsplit(request.url)
    body: Any = request.body.decode("utf-8", "replace")
    with suppress(ValueError):
        body = json.loads(body) if body else None
    query = {name: values[0] if len(values) == 1 else values for name, values in parse_qs(parts.query).items()}
    return {
        "method": request.method,
        "url": request.url,
        "query": query,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": body,
        "input": task.facts.input,
    }


def _prompt_value(model: str, request: GenerationRequest) -> dict[str, Any]:
    """What a model is asked, as tests see it: `prompt` is all that it is told as one text, `messages` the turns."""
    from llm_gateway.request import Text, ToolCall, ToolResult

    messages: list[dict[str, Any]] = []
    for message in request.messages:
        for part in message.parts:
            match part:
                case Text(text=text):
                    messages.append({"role": message.role, "text": text})
                case ToolCall(name=name, arguments=arguments):
                    messages.append({"role": message.role, "tool_call": name, "arguments": dict(arguments)})
                case ToolResult(name=name, content=content):
                    messages.append({"role": message.role, "tool_result": name, "text": content})
    asked = [
        message["text"]
        for message in messages
        if message["role"] == "user" and "tool_result" not in message and "text" in message
    ]
    system = [request.system] if request.system else []
    return {
        "model": model,
        "prompt": "\n\n".join([*system, *asked]),
        "system": request.system,
        "messages": messages,
        "tools": [tool.name for tool in request.tools],
    }
