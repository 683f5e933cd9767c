"""`client.runs`: start and steer runs, wait for them, read what they give and what happens in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

from workflow_engine.aws_quotas import LONGEST_WAIT_SECONDS
from workflow_engine.client.calls import AboutRun, Query, call, given
from workflow_engine.client.flows import Flow, Items, Methods, listing, operation
from workflow_engine.client.following import StreamedEvent, streamed, waited
from workflow_engine.client.outputs import all_results, output
from workflow_engine.client.paging import paged

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import (
        ExecutedWorkflow,
        Execution,
        ExecutionCounts,
        ExecutionProgress,
        ExecutionStarted,
        ExecutionSummary,
        LogLine,
        Results,
        RunEvent,
    )


class RunFilters(TypedDict, total=False):
    """What runs are found by."""

    workflow_id: str
    status: str
    tag: str
    user_id: str
    session_id: str
    correlation_id: str
    parent_id: str
    """The run that started them."""
    has_failures: bool
    """Whether some step failed, also of a run that went on."""
    error: str
    """The type of the error that a run failed with."""
    started_after: datetime | str
    """Moments without a time zone are UTC."""
    started_before: datetime | str


class RunMethods(Methods):
    """Methods of runs. Each raises ConnectionFailedError, and ApiProblem for what the API refuses."""

    @operation
    def start(
        self,
        workflow: str | Mapping[str, Any],
        input: Any = None,
        *,
        idempotency_key: str | None = None,
        **about: Unpack[AboutRun],
    ) -> Flow[ExecutionStarted]:
        """Start a run of a stored workflow, by its id, or of a document; it is not waited for.

        One call starts one run, however often it has to be sent. With a key of one's own several calls do: for 24 hours, the same
        key with the same body gives the run that was started first.
        """
        return self._started(workflow, input, idempotency_key, about)

    @operation
    def execute(
        self,
        workflow: str | Mapping[str, Any],
        input: Any = None,
        *,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        **about: Unpack[AboutRun],
    ) -> Flow[Results]:
        """Start a run as `start` does, wait for its end as `wait` does, and give its results, however it ended."""
        begun = yield from self._started(workflow, input, idempotency_key, about)
        yield from waited(self, begun["execution_id"], timeout)
        return (yield from all_results(self, begun["execution_id"], {}, linked=True))

    @operation
    def get(self, execution_id: str) -> Flow[ExecutionProgress]:
        """A run, and how far it has come."""
        return self._answer(call("get_execution", {"execution_id": execution_id}))

    @operation
    def workflow(self, execution_id: str) -> Flow[ExecutedWorkflow]:
        """The workflow that a run runs, as it was when the run began."""
        return self._answer(call("get_executed_workflow", {"execution_id": execution_id}))

    @listing
    def list(self, *, page_size: int | None = None, **filters: Unpack[RunFilters]) -> Items[ExecutionSummary]:
        """All runs that are so, newest first."""
        return paged(self, "list_executions", query=cast("Query", filters), page_size=page_size)

    @operation
    def count(self, **filters: Unpack[RunFilters]) -> Flow[ExecutionCounts]:
        """How many runs there are of each status, of those that the filters let through; all pages added up."""
        whole: ExecutionCounts | None = None
        cursor: str | None = None
        while True:
            query = {**cast("Query", filters), "cursor": cursor}
            page: ExecutionCounts = yield from self._answer(call("count_executions", query=query))
            whole = page if whole is None else _added(whole, page)
            cursor = page["next_cursor"]
            if cursor is None:
                whole["is_complete"] = True
                return whole

    @operation
    def wait(self, execution_id: str, timeout: float | None = None) -> Flow[ExecutionProgress]:
        """Wait for the end of a run, for so many seconds or as long as it takes; gives the run, however it ended.

        Raises WaitOverError when the time is over first; the run goes on.
        """
        return waited(self, execution_id, timeout)

    @operation
    def results(
        self, execution_id: str, *, steps: Sequence[str] = (), include: Sequence[str] = (), linked: bool = True
    ) -> Flow[Results]:
        """The results of a run, all pages of them in one; of a run that goes on, those that there are.

        `steps` are ids or keys of those that are wanted, all without any; `include` is what is told besides: `inputs`, `attempts`.
        Outputs that are too large for an answer are fetched too, unless `linked` is false; then `output_link` tells where one is.
        """
        query: Query = {"steps": steps, "include": include}
        return all_results(self, execution_id, query, linked=linked)

    @operation
    def output(self, execution_id: str, step: str | None = None) -> Flow[Any]:
        """The output of a run that has completed, or of one of its steps by its key in the results: `outer[3].inner`."""
        return output(self, execution_id, step)

    @listing
    def events(self, execution_id: str, *, follow: bool = True) -> Items[RunEvent]:
        """What happens in a run, from its beginning until it has ended and all is told, as it happens. Without `follow`, what has
        happened so far.
        """
        if not follow:
            return paged(self, "list_events", {"execution_id": execution_id}, until_empty=True)
        return streamed(self, execution_id, None, lambda _, event: event)

    @listing
    def stream(self, execution_id: str, *, last_event_id: str | None = None) -> Items[StreamedEvent]:
        """The same events, each with its place, from which another call goes on: none is missed and none comes twice."""
        return streamed(self, execution_id, last_event_id, StreamedEvent)

    @listing
    def logs(self, execution_id: str, *, step: str | None = None, follow: bool = False) -> Items[LogLine]:
        """What the steps of a run have printed and logged, oldest first; with `follow` until the run has ended and all is told."""
        query: Query = {"step": step, "wait": LONGEST_WAIT_SECONDS if follow else None}
        path = {"execution_id": execution_id}
        return paged(self, "list_logs", path, query=query, until_empty=not follow)

    @operation
    def cancel(self, execution_id: str, cause: str | None = None) -> Flow[Execution]:
        """Stop a run, and the runs that it has started. It may be repeated; one that has ended in another way is refused (409)."""
        return self._answer(call("cancel_execution", {"execution_id": execution_id}, body=given(cause=cause)))

    @operation
    def redrive(self, execution_id: str, *, idempotency_key: str | None = None) -> Flow[Execution]:
        """Let a run that did not succeed go on from the step that failed."""
        path = {"execution_id": execution_id}
        return self._answer(call("redrive_execution", path, idempotency_key=idempotency_key))

    @operation
    def rerun(
        self,
        execution_id: str,
        *,
        from_step: str | None = None,
        input: Any = None,
        idempotency_key: str | None = None,
        **about: Unpack[AboutRun],
    ) -> Flow[ExecutionStarted]:
        """Start a run anew, all of it or from a step on. What is not given is as it was."""
        body = given(from_step=from_step, input=input, **about)
        path = {"execution_id": execution_id}
        return self._answer(call("rerun_execution", path, body=body, idempotency_key=idempotency_key))

    @operation
    def delete(self, execution_id: str) -> Flow[None]:
        """Delete a run that has ended, with all that only it leads to."""
        return self._answer(call("delete_execution", {"execution_id": execution_id}))

    def _started(
        self, workflow: str | Mapping[str, Any], input_: Any, key: str | None, about: Mapping[str, Any]
    ) -> Flow[ExecutionStarted]:
        body = given(input=input_, **about)
        if isinstance(workflow, str):
            route = call("execute_stored_workflow", {"workflow_id": workflow}, body=body, idempotency_key=key)
        else:
            route = call("execute_workflow", body=body | {"workflow": dict(workflow)}, idempotency_key=key)
        return self._answer(route)


def _added(first: ExecutionCounts, second: ExecutionCounts) -> ExecutionCounts:
    """The sum of two pages, told as of the second."""
    names = {**first["counts"], **second["counts"]}
    counts = {name: first["counts"].get(name, 0) + second["counts"].get(name, 0) for name in names}
    return {**second, "counts": counts, "total": first["total"] + second["total"]}
