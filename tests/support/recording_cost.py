"""What recording a run of many elements costs: processor time, memory, and calls of AWS.

`write_history` puts GetExecutionHistory's answers into files; `python -m tests.support.recording_cost FOLDER` records that
run in a process of its own and prints `{cpu_seconds, memory_mb, uploads, uploaded_mb}` as JSON. botocore works as ever,
only that its requests are answered from the files, so what it takes to read an answer is counted.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from botocore.awsrequest import AWSResponse

from workflow_engine.settings import Settings
from workflow_engine.store.executions import Execution
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import record_execution
from workflow_engine.usecases.runs.record_execution import read_report, record_end

AT_ONCE: Final = 40
"""Elements that a Map works on at once; their events are interleaved."""

PAGE: Final = 1000
OUTLINE: Final = {"steps": [{"id": "s", "type": "custom", "each": True}], "sinks": ["s"]}
WARM_UP: Final = "warm-up"


def write_history(folder: Path, elements: int, output_bytes: int) -> int:
    """The history of a for_each of so many elements, by pages; gives the number of events."""
    page: list[dict[str, Any]] = []
    number = pages = 0

    def write() -> None:
        following = {"nextToken": str(pages + 1)} if number < total else {}
        (folder / f"{pages}.json").write_text(json.dumps({"events": page} | following))

    total = 7 * elements + 6
    for event in _events(elements, output_bytes):
        number += 1
        page.append({"timestamp": 1_768_254_356.123 + number / 100, **event})
        if len(page) == PAGE:
            write()
            page.clear()
            pages += 1
    write()
    assert number == total
    return number


def _events(elements: int, output_bytes: int) -> Iterator[dict[str, Any]]:
    number = 0

    def event(kind: str, previous: int | None = None, **details: Any) -> dict[str, Any]:
        nonlocal number
        number += 1
        named = {f"{kind[0].lower()}{kind[1:]}EventDetails": details}
        if kind.endswith(("StateEntered", "StateExited")):
            named = {f"state{kind.partition('State')[2]}EventDetails": details}
        previous = number - 1 if previous is None else previous
        return {"id": number, "previousEventId": previous, "type": kind, **named}

    yield event("ExecutionStarted", input="{}")
    yield event("MapStateEntered", name="s", input="{}")
    yield event("MapStateStarted", length=elements)
    opened = number
    task = {"resourceType": "lambda", "resource": "invoke"}
    for first in range(0, elements, AT_ONCE):
        batch = range(first, min(first + AT_ONCE, elements))
        before = dict.fromkeys(batch, opened)
        for step in range(7):
            for index in batch:
                match step:
                    case 0:
                        made = event("MapIterationStarted", before[index], name="s", index=index)
                    case 1:
                        made = event("TaskStateEntered", before[index], name="s.each", input=json.dumps({"n": index}))
                    case 2:
                        made = event("TaskScheduled", before[index], **task, parameters=json.dumps("p" * 1000))
                    case 3:
                        made = event("TaskStarted", before[index], **task)
                    case 4:
                        answer = {
                            "ExecutedVersion": "$LATEST",
                            "Payload": _output(index, output_bytes),
                            "StatusCode": 200,
                        }
                        made = event("TaskSucceeded", before[index], **task, output=json.dumps(answer))
                    case 5:
                        made = event("TaskStateExited", before[index], name="s.each", output="{}")
                    case _:
                        made = event("MapIterationSucceeded", before[index], name="s", index=index)
                before[index] = number
                yield made
    yield event("MapStateSucceeded")
    yield event("MapStateExited", name="s", output="[]")
    yield event("ExecutionSucceeded", output="{}")


def _output(index: int, size: int) -> dict[str, Any]:
    rows = [
        {"id": f"row-{index}-{i}", "score": i / 7, "tags": ["a", "b"], "note": "x" * 60} for i in range(size // 140)
    ]
    return {"element": index, "rows": rows}


class _Answer(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.getvalue()


class _Aws:
    """Answers of Step Functions from files; whatever is written is taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sizes: list[int] = []

    def answer(self, request: Any, event_name: str, **_more: Any) -> AWSResponse:
        _, service, operation = event_name.split(".")
        content = b"{}"
        if operation == "GetExecutionHistory":
            asked = json.loads(request.body)
            folder = self.folder / WARM_UP if asked["executionArn"] == WARM_UP else self.folder
            content = (folder / f"{asked.get('nextToken', '0')}.json").read_bytes()
        elif service == "s3":
            self.sizes.append(sum(len(piece) for piece in iter(lambda: request.body.read(1 << 20), b"")))
            content = b""
        return AWSResponse(request.url, 200, {}, _Answer(content))  # type: ignore[arg-type]  # the little that is used


def measure(folder: Path) -> dict[str, float]:
    """Record the run whose history is in the folder. Memory is what the peak lies above that after a small run."""
    engine, aws = Engine(Settings("table", "bucket", "arn:aws:iam::123456789012:role/machines")), _Aws(folder)
    for client in (engine.stepfunctions, engine.dynamodb, engine.s3):
        client.meta.events.register("before-send", aws.answer)  # type: ignore[arg-type]  # what it gives is the answer
    record_execution.outline = lambda *_: OUTLINE
    _record(engine, WARM_UP)
    aws.sizes.clear()
    before, started = _peak_mb(), time.process_time()
    _record(engine, "measured")
    return {
        "cpu_seconds": time.process_time() - started,
        "memory_mb": _peak_mb() - before,
        "uploads": len(aws.sizes),
        "uploaded_mb": sum(aws.sizes) / 1_000_000,
    }


def _record(engine: Engine, arn: str) -> None:
    execution = Execution("t", arn, "w", 1, "Name", "running", "2026-01-12T21:45:56.000Z", arn)
    assert record_end(engine, execution, read_report(engine, execution))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
