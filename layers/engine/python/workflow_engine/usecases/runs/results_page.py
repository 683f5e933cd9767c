"""Results of a run as they are answered: in pages that Lambda carries, with links to outputs that are too large for one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

from workflow_engine.errors import ConflictError, InvalidRequestError, NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import cursors
from workflow_engine.store.results import (
    LARGE_OUTPUT_BYTES,
    PAGE_BYTES,
    LargeOutput,
    RunResults,
    StepResult,
    body_bytes,
)
from workflow_engine.suggestions import suggest
from workflow_engine.usecases.engine import Caller
from workflow_engine.usecases.runs.advised import advice_of_step, advised_error
from workflow_engine.usecases.runs.step_details import refuse_unknown_includes

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

MAX_INLINE_OUTPUT_BYTES: Final = 1024 * 1024
"""An output with more bytes of JSON is always a link."""

LINK_SECONDS: Final = 900
"""How long a presigned address may be used; the credentials of a function may end it sooner."""


_WITHOUT_COST: Final[dict[str, Json]] = {"cost_usd": None}
"""Of a step whose results an earlier version of this service has kept."""


@dataclass(frozen=True, slots=True)
class ResultsQuery:
    """What of the results is asked for. `limit` None: as many as a page holds. `steps`: only these and their parts.
    `links`: outputs of steps over 64 KB as links. `include`: what is told beside (`step_details.INCLUDES`).
    """

    limit: int | None = None
    cursor: str | None = None
    steps: tuple[str, ...] = ()
    links: bool = False
    include: tuple[str, ...] = ()


EVERYTHING: Final = ResultsQuery()


@dataclass(frozen=True, slots=True)
class Output:
    """An output: its JSON text, or where it is when Lambda would not carry it."""

    text: str | None
    href: str | None = None


def results_page(
    caller: Caller, execution_id: str, results: RunResults, query: ResultsQuery = EVERYTHING
) -> answers.Results:
    """`{...run, output, output_link?, step_results, step_io_data, next_cursor}`. An `output` over 1 MB is null, and
    `output_link` has its `{href, bytes}`; a step's `output_data` likewise. `href` is null where nothing holds the output in
    one piece: the list of a map's outputs that would be too large for that, whose parts have results of their own.
    `step_io_data` has the `output_data` of the same steps once more, null for one over 64 KB.

    Every page tells all of the run itself, its output included. One without steps leads to them by its cursor where they were
    not read (`RunResults.is_unread`). Raises InvalidRequestError for steps that the workflow does
    not have, and for a cursor that was not given for this run and these steps.
    """
    _refuse_unknown(results, query)
    refuse_unknown_includes(query.include)
    scope = f"results/{execution_id}/{','.join(query.steps)}"
    position = None
    if query.cursor is not None:
        ordinal, key = cursors.decode(caller.tenant_id, scope, query.cursor)
        position = (int(ordinal), str(key))
    unknown: dict[str, Json] = {"failed_steps": None, "usage": None, "cost_usd": None}
    head = unknown | dict(results.run) | {"error": advised_error(results.run["error"])} | _told_output(results)
    room = PAGE_BYTES - body_bytes(head)
    page = results.page(
        position,
        max_bytes=room,
        limit=query.limit,
        steps=query.steps or None,
        inline_up_to=LARGE_OUTPUT_BYTES if query.links else _most_inline(room),
        size_of=_bytes_of_both,
        more=partial(_beside, execution_id, results, query.include),
    )
    following = (0, "") if results.is_unread else page.next  # no step has this key, so the page begins at the first
    told = head | {
        "step_results": {r.key: _told_step(results, r) for r in page.results},
        "step_io_data": {r.key: {"output_data": _repeated(r.result)} for r in page.results},
        "next_cursor": None if following is None else cursors.encode(caller.tenant_id, scope, list(following)),
    }
    return cast("answers.Results", told)  # most of it is kept as JSON


def _beside(execution_id: str, results: RunResults, include: tuple[str, ...], step: StepResult) -> dict[str, Json]:
    """What is told beside a step's result: advice on its error, and the details that are asked for."""
    advice = advice_of_step(step.result)
    return advice | _details(execution_id, results, include, step) if include else advice


def _details(execution_id: str, results: RunResults, include: tuple[str, ...], step: StepResult) -> dict[str, Json]:
    """What is asked for beside a step's result; null where nothing is known of it."""
    known = results.steps.details(step.ordinal)
    told: dict[str, Json] = {}
    if "inputs" in include:
        received = known.received if known is not None and isinstance(known.received, dict) else {}
        told |= {"input_data": received.get("input_data"), "config": received.get("config")}
        if known is not None and known.link is not None:
            told["input_link"] = _link(results, LargeOutput(*known.link))
    if "attempts" in include:
        told["attempts"] = known.attempts if known is not None else None
        told["function_name"] = known.function_name if known is not None else None
        told["logs_href"] = f"/executions/{execution_id}/logs?step={quote(step.key, safe='')}"
    return told


def _repeated(result: Mapping[str, Json]) -> Json:
    """The output of a step where it stands a second time: not if it is large."""
    output = result["output_data"]
    return output if body_bytes(output) <= LARGE_OUTPUT_BYTES else None


def _bytes_of_both(results: Mapping[str, Mapping[str, Json]]) -> int:
    """What results take in `step_results` and in `step_io_data`."""
    size = body_bytes(dict(results))
    # Where all of it is small each output is, and need not be looked at by itself.
    of = _output_data if size <= LARGE_OUTPUT_BYTES else _repeated
    return size + body_bytes({key: {"output_data": of(result)} for key, result in results.items()})


def _output_data(result: Mapping[str, Json]) -> Json:
    return result["output_data"]


def _most_inline(room: int) -> int:
    """A megabyte, or half of one beside an output of the run that takes much room: a page has at least one result, and ASCII
    JSON in a string has up to three and a half times the bytes.
    """
    return MAX_INLINE_OUTPUT_BYTES if room >= PAGE_BYTES // 2 else MAX_INLINE_OUTPUT_BYTES // 2


def step_output(execution_id: str, results: RunResults, key: str) -> Output:
    """The output of one step, or part of one, by its key in `step_results`.

    Raises NotFoundError for a key that the run does not have, or a step that has not completed; ConflictError for an output
    that nothing holds in one piece.
    """
    result = results.step(key)
    if result is None and results.steps.total == 0 and not results.unknown((key,)):
        raise NotFoundError("What the steps of this run gave is lost: Step Functions has forgotten its history.")
    if result is None:
        raise NotFoundError(f"This run has no step '{key[:200]}'.{suggest(key[:200], results.steps.tops)}")
    status = result.result["status"]
    if status != "completed":
        raise NotFoundError(f"Step '{key}' has no output: it is {status}.")
    parts = f"/executions/{execution_id}/results?steps={quote(key)}"
    return _output(results, result.result["output_data"], result.large, parts)


def run_output(execution_id: str, results: RunResults) -> Output:
    """The output of a run. Raises NotFoundError for a run that has not completed; ConflictError for an output that nothing
    holds in one piece.
    """
    status = results.run["status"]
    if status != "completed":
        raise NotFoundError(f"Execution '{execution_id}' has no output: it is {status}.")
    return _output(results, results.output, results.large_output, f"/executions/{execution_id}/results")


def _output(results: RunResults, value: Json, large: LargeOutput | None, parts: str) -> Output:
    if large is None:
        return Output(json.dumps(value, separators=(",", ":")))
    if large.link is None:
        raise ConflictError(
            f"The output would be put together from {large.size:,} bytes of outputs of its parts. Read those: GET {parts} has "
            "their keys."
        )
    if large.size <= PAGE_BYTES:
        content = results.payloads.fetch(large.link)
        if len(content) + content.count(b'"') + content.count(b"\\") <= PAGE_BYTES:
            return Output(content.decode())
    return Output(None, results.payloads.url(large.link, LINK_SECONDS))


def _refuse_unknown(results: RunResults, query: ResultsQuery) -> None:
    unknown = results.unknown(query.steps)
    if unknown:
        name = unknown[0][:200]
        raise InvalidRequestError(
            f"The workflow of this run has no step '{name}'.{suggest(name, results.steps.tops)} The query parameter steps "
            "takes step ids, or keys of step_results, joined by commas."
        )


def _told_output(results: RunResults) -> dict[str, Json]:
    large = results.large_output
    if large is None:
        return {"output": results.output}
    if large.link is not None and large.size <= MAX_INLINE_OUTPUT_BYTES:
        return {"output": results.load(large)}
    return {"output": None, "output_link": _link(results, large)}


def _told_step(results: RunResults, told: StepResult) -> Mapping[str, Json]:
    result = _WITHOUT_COST | told.result
    if told.large is None:
        return result
    return result | {"output_link": _link(results, told.large)}


def _link(results: RunResults, large: LargeOutput) -> dict[str, Json]:
    """Where a client reads an output that is too large for an answer, which needs no credentials and no function there."""
    return {"href": None if large.link is None else results.payloads.url(large.link, LINK_SECONDS), "bytes": large.size}
