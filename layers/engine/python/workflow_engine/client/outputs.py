"""Results and outputs of runs, put together from their pages and from where large outputs lie."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from workflow_engine.client.calls import Call, Query, call, parsed
from workflow_engine.client.flows import Flow, Methods
from workflow_engine.client.transport import Request, Response

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import OutputLink, Results


def all_results(methods: Methods, execution_id: str, query: Query, *, linked: bool) -> Flow[Results]:
    """All pages in one, of which the last tells how the run is; with `linked`, what lies elsewhere replaces its link."""
    results: Results | None = None
    cursor: str | None = None
    while True:
        route = call("get_results", {"execution_id": execution_id}, query={**query, "cursor": cursor})
        page: Results = yield from methods._answer(route)
        if linked:  # at once, since a link holds for minutes only
            yield from _fetch_linked(methods, execution_id, page)
        if results is not None:
            page["step_results"] = results["step_results"] | page["step_results"]
            page["step_io_data"] = results["step_io_data"] | page["step_io_data"]
        results = page
        cursor = page["next_cursor"]
        if cursor is None:
            return results


def output(methods: Methods, execution_id: str, step: str | None) -> Flow[Any]:
    """The output of a run or of a step, from where it lies. Raises ApiProblem (404, 409)."""
    path = {"execution_id": execution_id}
    route = call("get_output", path) if step is None else call("get_step_output", {**path, "step": step})
    response = yield from methods._exchange(route)
    if response.status == HTTPStatus.SEE_OTHER:
        response = yield from _fetched(methods, response.headers["location"])
    return parsed(response)


def _fetch_linked(methods: Methods, execution_id: str, page: Results) -> Flow[None]:
    if _leads_somewhere(page.get("output_link")):
        page["output"] = yield from _linked(methods, execution_id, page["output_link"], None)
        del page["output_link"]
    for key, step in page["step_results"].items():
        if _leads_somewhere(step.get("output_link")):
            step["output_data"] = yield from _linked(methods, execution_id, step["output_link"], key)
            del step["output_link"]
        if _leads_somewhere(step.get("input_link")):
            received = parsed((yield from _fetched(methods, str(step["input_link"]["href"]))))
            step["input_data"], step["config"] = received["input_data"], received["config"]
            del step["input_link"]


def _leads_somewhere(link: OutputLink | None) -> bool:
    """Whether there is an address: what nothing holds in one piece has none."""
    return link is not None and link["href"] is not None


def _linked(methods: Methods, execution_id: str, link: OutputLink, step: str | None) -> Flow[Any]:
    """What a link leads to; the API is asked for it where the link has expired."""
    response = yield from _fetched(methods, str(link["href"]))
    if response.status == HTTPStatus.OK:
        return parsed(response)
    return (yield from output(methods, execution_id, step))


def _fetched(methods: Methods, address: str) -> Flow[Response]:
    return (yield from methods._exchange(Call(Request("GET", address), is_idempotent=True)))
