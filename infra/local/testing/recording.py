"""A run of a server as what its steps answered: the input and the mocks of a case, in a file that the case names.

What is recorded is whole, and secrets are taken out of all of it before anything is written. A step is replayed as it ended, a
failed attempt as its error; what it did within (an agent's turns, a server's pages) is not played again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from infra.local.testing.flows import CONTAINERS, Flow
from workflow_engine.language.walk import walk_steps
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.redaction import Redactor, known_secrets

_KEY: Final = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")
FIRST_WORDS: Final = "# The run "
"""How a recording begins, by which it is known from other files."""
_OF_A_DECISION: Final = ("comment", "payload")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a server tells of a run: its results with every attempt, its workflow, its input."""

    results: Mapping[str, Any]
    workflow: Mapping[str, Any]
    input: Any


def recorded(api: Any, execution_id: str) -> Recorded:
    """A run, read by a client (`workflow_engine.client.Client`). Raises what that does, ValueError for a run that goes on."""
    results = api.runs.results(execution_id, include=["attempts"])
    if results["status"] in ("pending", "running", "waiting"):
        raise ValueError(f"The run is {results['status']}. Record it when it has ended.")
    workflow = api.call("get_executed_workflow", {"execution_id": execution_id})["workflow"]
    page = api.call("list_history", {"execution_id": execution_id}, query={"limit": 1})
    return Recorded(results, workflow, page["items"][0]["details"].get("input") if page["items"] else None)


def recording_text(run: Recorded, tasks: Callable[[Mapping[str, Any]], Flow]) -> str:
    """The file, YAML with values as JSON. `tasks` compiles the workflow, which tells the steps that call something."""
    flow = tasks(run.workflow)
    redactor = Redactor(known_secrets())
    redactor.learn(run.input)
    redactor.learn(dict(run.results))
    mocks = _mocks(run, flow)
    results = run.results
    name = redactor.value(results.get("metadata", {}).get("workflow_name", ""))
    lines = [
        f"{FIRST_WORDS}{results['execution_id']} of {_json(name)}: {results['status']}.",
        "# Secrets have been taken out. Name this file as `recording` of a case.",
        f"input: {_json(redactor.value(run.input))}",
        f"now: {results['started_at']}",
        *(["mocks:"] if mocks else ["mocks: {}"]),
    ]
    for step_id, replies in mocks.items():
        lines.append(f"  {json.dumps(step_id)}:")
        lines += [f"    - {_json(redactor.value(reply))}" for reply in replies]
    return "\n".join(lines) + "\n"


def _json(value: Any) -> str:
    """JSON that is YAML too: no line breaks of Unicode's own, no half of a surrogate pair."""
    return json.dumps(value, ensure_ascii=True)


def _mocks(run: Recorded, flow: Flow) -> dict[str, list[dict[str, Any]]]:
    """Replies by step: in order, or by element for what stands in a list."""
    lists = {str(step["step_id"]) for _, step in walk_steps(dict(run.workflow)) if _is_list(step)}
    found: dict[str, list[dict[str, Any]]] = {}
    for key, result in run.results["step_results"].items():
        segments = _KEY.findall(key)
        step_id, own = segments[-1]
        step = flow.steps.get(step_id)
        if step is None or not step.calls or step.step_type in CONTAINERS:
            continue
        if step_id in lists and not own and _has_elements(key, run.results["step_results"]):
            continue  # its elements have their own
        replies = list(_replies(step.step_type, result))
        elements = [int(number) for name, number in segments if number and name in lists]
        turns = [int(number) for name, number in segments if number and name not in lists]
        for attempt, reply in enumerate(replies, 1):
            if elements:
                turn = f" and turn = {turns[-1] + 1}" if turns else ""
                reply = {"when": f"index = {elements[-1]} and attempt = {attempt}{turn}", **reply}
            found.setdefault(step_id, []).append(reply)
    return found


def _is_list(step: Mapping[str, Any]) -> bool:
    return step.get("step_type") == "map" or step.get("for_each") is not None


def _has_elements(key: str, results: Mapping[str, Any]) -> bool:
    return f"{key}[0]" in results


def _replies(step_type: str, result: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """What a step answered at each of its attempts; nothing where it was not asked."""
    if result["status"] in ("skipped", "pending"):
        return []
    failed = [
        {"error": attempt.get("error_type") or "Error", **_message(attempt.get("error_message"))}
        for attempt in result.get("attempts") or ()
        if attempt["status"] == "failed"
    ]
    if result["status"] == "completed":
        return [*failed, _answer(step_type, result.get("output_data"))]
    if failed:
        return failed
    if result["status"] == "aborted" or result.get("error_type") in ("States.Timeout", None):
        return [{"hang": True}]
    return [{"error": result["error_type"], **_message(result.get("error_message"))}]


def _message(text: str | None) -> dict[str, str]:
    return {"message": text} if text else {}


def _answer(step_type: str, output: Any) -> dict[str, Any]:
    if step_type == "human_approval" and isinstance(output, Mapping) and output.get("decided_by") is not None:
        more = {name: output[name] for name in _OF_A_DECISION if output.get(name) is not None}
        return {"decision": output["decision"], "by": output["decided_by"], **more}
    if step_type == "subflow" and isinstance(output, Mapping):
        return {"output": output.get("subflow_output")}
    return {"output": output}
