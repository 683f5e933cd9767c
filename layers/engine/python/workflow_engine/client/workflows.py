"""`client.workflows`: stored workflows and their versions, and the check of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_engine.client.calls import Moment, Query, call, given, parsed
from workflow_engine.client.flows import Flow, Items, Methods, listing, operation
from workflow_engine.client.paging import paged

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import (
        CompiledWorkflow,
        ListedWorkflow,
        StoredWorkflow,
        ValidationReport,
        WorkflowBuild,
        WorkflowDiff,
        WorkflowStats,
        WorkflowSummary,
    )

Document = Mapping[str, Any]


class WorkflowMethods(Methods):
    """Methods of workflows. Each raises ConnectionFailedError, and ApiProblem for what the API refuses."""

    @operation
    def deploy(
        self,
        document: Document,
        workflow_id: str | None = None,
        *,
        if_match: str | None = None,
        only_new: bool = False,
        idempotency_key: str | None = None,
    ) -> Flow[StoredWorkflow]:
        """Store a workflow. Under an id it becomes the next version of what is there, or the first one; the same content makes no
        new version. Without one it is a new workflow, under the id of the document or one that is made for it.

        With `if_match`, an ETag as `etag` gives it, what is there must be that version, and with `only_new` nothing may be there:
        else ApiProblem has the status 412.
        """
        if workflow_id is None:
            return self._answer(call("create_workflow", body=document, idempotency_key=idempotency_key))
        headers = given(**{"if-match": if_match, "if-none-match": "*" if only_new else None})
        route = call("update_workflow", {"workflow_id": workflow_id}, body=document, headers=headers)
        return self._answer(route)

    @operation
    def get(self, workflow_id: str, version: int | None = None) -> Flow[StoredWorkflow]:
        """A workflow, in its newest version or another one."""
        route = call("get_workflow", {"workflow_id": workflow_id}, query={"version": version})
        return self._answer(route)

    @operation
    def etag(self, workflow_id: str) -> Flow[str | None]:
        """The ETag of the newest version, for `if_match`."""
        response = yield from self._exchange(call("get_workflow", {"workflow_id": workflow_id}))
        parsed(response)
        return response.headers.get("etag")

    @listing
    def list(
        self, *, name: str | None = None, tag: str | None = None, page_size: int | None = None
    ) -> Items[ListedWorkflow]:
        """All workflows in use, in their newest versions, newest first."""
        return paged(self, "list_workflows", query={"name": name, "tag": tag}, page_size=page_size)

    @listing
    def versions(self, workflow_id: str, *, page_size: int | None = None) -> Items[WorkflowSummary]:
        """All versions of a workflow, newest first."""
        return paged(self, "list_workflow_versions", {"workflow_id": workflow_id}, page_size=page_size)

    @listing
    def builds(
        self, workflow_id: str, version: int | None = None, *, page_size: int | None = None
    ) -> Items[WorkflowBuild]:
        """All builds of a version, of the newest by default, newest first: what its runs are started with."""
        path = {"workflow_id": workflow_id}
        return paged(self, "list_workflow_builds", path, query={"version": version}, page_size=page_size)

    @operation
    def stats(
        self, workflow_id: str, since: Moment = None, until: Moment = None, *, bucket: str | None = None
    ) -> Flow[WorkflowStats]:
        """Figures of the runs of a workflow and of its steps in a time, by `hour` or by `day`."""
        query: Query = {"from": since, "to": until, "bucket": bucket}
        return self._answer(call("get_workflow_stats", {"workflow_id": workflow_id}, query=query))

    @operation
    def validate(self, document: Document) -> Flow[ValidationReport]:
        """What is wrong with a workflow, where, and what a run of it would cost. Nothing is stored."""
        return self._answer(call("validate_workflow", body=document))

    @operation
    def compile(self, document: Document) -> Flow[CompiledWorkflow]:
        """What a workflow becomes. Nothing is stored."""
        return self._answer(call("compile_workflow", body=document))

    @operation
    def diff(
        self, workflow_id: str, from_version: int | None = None, to_version: int | None = None
    ) -> Flow[WorkflowDiff]:
        """What is different between two versions: without any, between the newest and the one before it."""
        query = {"from_version": from_version, "to_version": to_version}
        return self._answer(call("diff_workflow", {"workflow_id": workflow_id}, query=query))

    @operation
    def roll_back(self, workflow_id: str, version: int) -> Flow[StoredWorkflow]:
        """Make an earlier version the newest one once more."""
        path = {"workflow_id": workflow_id}
        return self._answer(call("roll_back_workflow", path, body={"version": version}))

    @operation
    def pause(self, workflow_id: str, reason: str | None = None) -> Flow[StoredWorkflow]:
        """Let starts of a workflow be refused. Runs that are under way go on."""
        path = {"workflow_id": workflow_id}
        return self._answer(call("pause_workflow", path, body=given(reason=reason)))

    @operation
    def resume(self, workflow_id: str) -> Flow[StoredWorkflow]:
        """Let a workflow be started again."""
        return self._answer(call("resume_workflow", {"workflow_id": workflow_id}))

    @operation
    def delete(self, workflow_id: str) -> Flow[None]:
        """Take a workflow out of use. Its runs go on."""
        return self._answer(call("delete_workflow", {"workflow_id": workflow_id}))
