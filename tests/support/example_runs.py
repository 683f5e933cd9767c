"""The examples of `statemachines/examples`, run as their files say.

`runs/*.json` has `input` and what is `expected` of the results; `files` that are stored before, `[name, text]` or a list of such,
whose references become entries of the input; `peer`, the JSON answers of a server by path and query, whose address stands for
`{peer}` in the input; `decisions` that are made while the run waits; `workflows`, files beside the workflow that are stored before
under the ids that they have.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply

EXAMPLES: Final = sorted((Path(__file__).parents[2] / "statemachines" / "examples").iterdir())
RUNS: Final = [run for example in EXAMPLES for run in sorted(example.glob("runs/*.json"))]
ENDED: Final = frozenset({"completed", "failed", "cancelled", "timed_out"})
MOST_LOOKS: Final = 600

Call = Callable[[str, str, Any], tuple[int, Any]]
"""Sends JSON by method and path; gives the status and the JSON answer."""


def load(path: Path) -> Any:
    """A file of an example."""
    return json.loads(path.read_text(encoding="utf-8"))


def name_of(run: Path) -> str:
    """What a test of a run is called."""
    return f"{run.parts[-3]}-{run.stem}"


def results_of(run: Path, call: Call) -> Any:
    """The results of the workflow beside a run."""
    said = load(run)
    with _peer(said.get("peer")) as url:
        given = json.loads(json.dumps(said["input"]).replace("{peer}", url))
        for part, files in said.get("files", {}).items():
            given[part] = _stored(call, files)
        for stored in said.get("workflows", ()):
            document = load(run.parents[1] / stored)
            _done(call, "PUT", f"/workflows/{document['workflow_id']}", document)
        body = {"workflow": load(run.parents[1] / "workflow.json"), "input": given}
        execution_id = _done(call, "POST", "/workflows/execute", body)["execution_id"]
        for decision in said.get("decisions", ()):
            _decide(call, execution_id, decision)
        for _ in range(MOST_LOOKS):
            results = _done(call, "GET", f"/executions/{execution_id}/results?wait=10")
            if results["status"] in ENDED:
                return results
    raise AssertionError(f"{name_of(run)} has no end.")


def difference(expected: Any, actual: Any, place: str = "") -> str | None:
    """Where `actual` does not have what is expected of it; objects may have more keys. None if it has all."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = (difference(v, actual.get(k), f"{place}/{k}") for k, v in expected.items())
        return next((f for f in found if f), None)
    return None if expected == actual else f"{place}: {expected!r} is not {actual!r}"


def _done(call: Call, method: str, path: str, body: Any = None) -> Any:
    status, answer = call(method, path, body)
    assert status < 300, answer
    return answer


def _stored(call: Call, files: Any) -> Any:
    if isinstance(files[0], list):
        return [_stored(call, file) for file in files]
    name, text = files
    content = base64.b64encode(text.encode()).decode()
    return _done(call, "POST", "/files", {"file_name": name, "content": content})["reference"]


def _decide(call: Call, execution_id: str, decision: dict[str, Any]) -> None:
    path = f"/executions/{execution_id}/steps/{decision['step']}/{decision['verb']}"
    for _ in range(MOST_LOOKS):
        status, answer = call("POST", path, decision["body"])
        if status != 404:  # it is not asked yet
            assert status == 200, answer
            return
        time.sleep(0.05)
    raise AssertionError(f"{decision['step']} does not ask.")


@contextlib.contextmanager
def _peer(answers: dict[str, Any] | None) -> Iterator[str]:
    """A server that answers so, and its address."""
    if answers is None:
        yield ""
        return

    def answer(received: Received) -> Reply:
        asked = f"{received.path}?{received.query}" if received.query else received.path
        return json_reply(answers[asked]) if asked in answers else json_reply({"asked": asked}, 404)

    with VendorServer(answer=answer) as server:
        yield server.url
