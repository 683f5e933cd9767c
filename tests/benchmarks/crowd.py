"""The embedded engine alone, with very many runs that wait.

`python -m tests.benchmarks.crowd RUNS parked|awake` prints JSON, in a process of its own: `waiting` runs, `threads`, and by how
many bytes of memory the process grew for each run (`bytes_per_run`).
"""

from __future__ import annotations

import gc
import json
import math
import re
import sys
import tempfile
import threading
from pathlib import Path

from infra.local.stepfunctions.engine import PARK_AFTER_SECONDS
from infra.local.stepfunctions.lambdas import LambdaFunctions
from infra.local.stepfunctions.service import StepFunctions, sqlite_in

WARM_UP = 100
MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "Keep",
    "States": {
        "Keep": {"Type": "Pass", "Assign": {"text": "{% $states.input.text %}"}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 86_400, "End": True},
    },
}


def rss_bytes() -> int:
    """This process's memory."""
    gc.collect()
    found = re.search(r"^VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def crowd(runs: int, *, is_parked: bool) -> dict[str, float]:
    """Start so many runs, and look at the process when all of them wait."""
    functions = LambdaFunctions(region="us-east-1", account="123456789012")
    park_after = PARK_AFTER_SECONDS if is_parked else math.inf
    with (
        tempfile.TemporaryDirectory() as folder,
        StepFunctions(functions, journal=sqlite_in(Path(folder)), park_after=park_after) as client,
    ):
        arn = client.create_state_machine(name="waits", definition=json.dumps(MACHINE))["stateMachineArn"]

        def start(number: int) -> str:
            answer = client.start_execution(stateMachineArn=arn, name=f"r{number}", input='{"text": "a small input"}')
            return str(answer["executionArn"])

        for number in range(WARM_UP):
            start(number)
        before = rss_bytes()
        last = ""
        for number in range(WARM_UP, WARM_UP + runs):
            last = start(number)
        while client.get_execution_history(executionArn=last)["events"][-1]["type"] != "WaitStateEntered":
            pass
        grown = rss_bytes() - before
        return {
            "waiting": len(_running(client, arn)) - WARM_UP,
            "threads": threading.active_count(),
            "bytes_per_run": grown / runs,
        }


def _running(client: StepFunctions, arn: str) -> list[str]:
    found: list[str] = []
    token = None
    while True:
        page = client.list_executions(
            stateMachineArn=arn, statusFilter="RUNNING", maxResults=1000, **({"nextToken": token} if token else {})
        )
        found += [execution["executionArn"] for execution in page["executions"]]
        token = page.get("nextToken")
        if token is None:
            return found


if __name__ == "__main__":
    print(json.dumps(crowd(int(sys.argv[1]), is_parked=sys.argv[2] == "parked")))
