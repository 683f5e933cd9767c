"""`client.approvals`: what waits for a decision, and the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workflow_engine.client.calls import call, given
from workflow_engine.client.flows import Flow, Items, Methods, listing, operation
from workflow_engine.client.paging import paged

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import Approval, Decision


class ApprovalMethods(Methods):
    """Methods of approvals. Each raises ConnectionFailedError, and ApiProblem for what the API refuses."""

    @listing
    def list(
        self, *, role: str | None = None, execution_id: str | None = None, page_size: int | None = None
    ) -> Items[Approval]:
        """All open ones, oldest first."""
        return paged(self, "list_approvals", query={"role": role, "execution_id": execution_id}, page_size=page_size)

    @operation
    def approve(
        self,
        execution_id: str,
        step: str,
        *,
        element: str | None = None,
        comment: str | None = None,
        payload: Any = None,
    ) -> Flow[Decision]:
        """Approve what a step asks; `element` is its place, such as `outer[3].inner`, where it stands inside of a list or loop.

        A decision is made once. It is not sent again where it may have been made: after ConnectionLostError or TimedOutError look
        whether it still is in `list`.
        """
        return self._decided("approve_step", execution_id, step, element, comment, payload)

    @operation
    def deny(
        self,
        execution_id: str,
        step: str,
        *,
        element: str | None = None,
        comment: str | None = None,
        payload: Any = None,
    ) -> Flow[Decision]:
        """Deny it, in the same way."""
        return self._decided("deny_step", execution_id, step, element, comment, payload)

    def _decided(
        self, name: str, execution_id: str, step: str, element: str | None, comment: str | None, payload: Any
    ) -> Flow[Decision]:
        path = {"execution_id": execution_id, "step": step}
        body = given(comment=comment, payload=payload)
        return self._answer(call(name, path, query={"element": element}, body=body))
