"""The two clients: `Client`, whose methods return what they give, and `AsyncClient`, whose methods are awaited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from workflow_engine.client.approvals import ApprovalMethods
from workflow_engine.client.authentication import Auth
from workflow_engine.client.calls import Moment, Query, call
from workflow_engine.client.definitions import AgentMethods, PromptMethods
from workflow_engine.client.flows import Async, Flow, Methods, Sync, operation
from workflow_engine.client.retries import Retries
from workflow_engine.client.runs import RunMethods
from workflow_engine.client.steps import StepMethods
from workflow_engine.client.transport import AsyncTransport, Transport
from workflow_engine.client.workflows import WorkflowMethods

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import Stats

DEFAULT_RETRIES: Final = Retries()


class ApiMethods(Methods):
    """What a client does itself."""

    @operation
    def call(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        *,
        query: Query | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Flow[Any]:
        """The JSON answer of any route, by its `operationId` in snake case, such as `get_file`; None where it has no body."""
        route = call(name, path, query=query, body=body, idempotency_key=idempotency_key, headers=headers)
        return self._answer(route)

    @operation
    def stats(self, since: Moment = None, until: Moment = None, *, bucket: str | None = None) -> Flow[Stats]:
        """Figures of all runs of a time, by `hour` or by `day`: how many, how they ended, how long they took, what they cost."""
        return self._answer(call("get_stats", query={"from": since, "to": until, "bucket": bucket}))


class Workflows(WorkflowMethods, Sync):
    """`Client.workflows`."""


class Runs(RunMethods, Sync):
    """`Client.runs`."""


class Approvals(ApprovalMethods, Sync):
    """`Client.approvals`."""


class Steps(StepMethods, Sync):
    """`Client.steps`."""


class Agents(AgentMethods, Sync):
    """`Client.agents`."""


class Prompts(PromptMethods, Sync):
    """`Client.prompts`."""


class Client(ApiMethods, Sync):
    """A client of the API at an address, such as `https://abc.execute-api.eu-west-1.amazonaws.com/prod`, or over any transport.

    Threads may share one, and so may processes that are forked. Nothing is sent before the first call. `with` closes it.
    """

    def __init__(
        self,
        api: str | Transport,
        *,
        auth: Auth | None = None,
        timeout: float | None = None,
        retries: Retries = DEFAULT_RETRIES,
    ) -> None:
        """`auth` and `timeout`, in seconds without a byte of an answer, are those of the connection to an address.

        Raises ValueError for what is no address.
        """
        transport = _transport(api, auth, timeout)
        super().__init__(transport, retries)
        self.workflows: Final = Workflows(transport, retries)
        self.runs: Final = Runs(transport, retries)
        self.approvals: Final = Approvals(transport, retries)
        self.steps: Final = Steps(transport, retries)
        self.agents: Final = Agents(transport, retries)
        self.prompts: Final = Prompts(transport, retries)

    def close(self) -> None:
        """End all connections. The client is of no use afterwards."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncWorkflows(WorkflowMethods, Async):
    """`AsyncClient.workflows`."""


class AsyncRuns(RunMethods, Async):
    """`AsyncClient.runs`."""


class AsyncApprovals(ApprovalMethods, Async):
    """`AsyncClient.approvals`."""


class AsyncSteps(StepMethods, Async):
    """`AsyncClient.steps`."""


class AsyncAgents(AgentMethods, Async):
    """`AsyncClient.agents`."""


class AsyncPrompts(PromptMethods, Async):
    """`AsyncClient.prompts`."""


class AsyncClient(ApiMethods, Async):
    """`Client` for programs with an event loop, of asyncio or trio. `async with` closes it.

    What iterates is an asynchronous generator: leave one before its end through `contextlib.aclosing`, or its connection is
    closed when Python happens to collect it.
    """

    def __init__(
        self,
        api: str | AsyncTransport,
        *,
        auth: Auth | None = None,
        timeout: float | None = None,
        retries: Retries = DEFAULT_RETRIES,
    ) -> None:
        """As that of `Client`."""
        transport = _async_transport(api, auth, timeout)
        super().__init__(transport, retries)
        self.workflows: Final = AsyncWorkflows(transport, retries)
        self.runs: Final = AsyncRuns(transport, retries)
        self.approvals: Final = AsyncApprovals(transport, retries)
        self.steps: Final = AsyncSteps(transport, retries)
        self.agents: Final = AsyncAgents(transport, retries)
        self.prompts: Final = AsyncPrompts(transport, retries)

    async def close(self) -> None:
        """End all connections. The client is of no use afterwards."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _transport(api: str | Transport, auth: Auth | None, timeout: float | None) -> Transport:
    if not isinstance(api, str):
        return api
    from workflow_engine.client.http import ANSWER_SECONDS, HttpTransport

    return HttpTransport(api, auth, timeout=ANSWER_SECONDS if timeout is None else timeout)


def _async_transport(api: str | AsyncTransport, auth: Auth | None, timeout: float | None) -> AsyncTransport:
    if not isinstance(api, str):
        return api
    from workflow_engine.client.http import ANSWER_SECONDS, AsyncHttpTransport

    return AsyncHttpTransport(api, auth, timeout=ANSWER_SECONDS if timeout is None else timeout)
