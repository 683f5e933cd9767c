"""A `workflow serve` in a process of its own to put under load, and what the kernel says that it costs."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.asl_cases import REPOSITORY
from tests.support.http_client import ApiClient

COMMAND: Final = (sys.executable, "-m", "infra.local.cli")
SECONDS_TO_START: Final = 60
TICKS: Final = os.sysconf("SC_CLK_TCK")

Row = Callable[[str, str, str, str], None]
"""Takes a row of a table: what, figure, the figure to reach, from what it comes."""

STEP: Final = """
def handler(event, context):
    return {"text": event["input_data"]["text"].upper()}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """The process and how to ask it."""

    process: subprocess.Popen[str]
    client: ApiClient

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer, which is none of a failure."""
        answer = self.client.call(method, path, body)
        assert answer.status < 400, answer
        return answer.body

    def cpu(self) -> float:
        """Seconds of CPU of all its threads so far, to a hundredth."""
        after_name = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def rss_kb(self) -> int:
        """Its memory, in KB."""
        return self._status("VmRSS")

    def threads(self) -> int:
        """How many threads it has."""
        return self._status("Threads")

    def _status(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])


@contextmanager
def serving(folder: Path, *, durable: bool) -> Iterator[Server]:
    """A server with the step type `shout`, as long as the context lasts. `folder` holds its data and its steps."""
    steps = folder / "steps"
    steps.mkdir(parents=True, exist_ok=True)
    (steps / "shout.py").write_text(STEP)
    kept = ["--data", str(folder / "data")] if durable else ["--in-memory"]
    arguments = [*COMMAND, "serve", "--port", "0", *kept, "--steps", str(steps)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(arguments, cwd=REPOSITORY, stderr=log, text=True)
    try:
        yield Server(process, ApiClient(_address(process, folder / "log")))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"The server did not start: {log.read_text()}")


def chain(steps: int) -> dict[str, Any]:
    """A workflow of so many `shout` in a row."""
    texts = ["input.text", *(f"s{number}.text" for number in range(steps - 1))]
    return {
        "name": f"Chain of {steps}",
        "steps": [
            {"step_id": f"s{number}", "step_type": "shout", "config": {}, "input_mapping": {"text": text}}
            for number, text in enumerate(texts)
        ],
    }


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work` gives for 0, 1, ..., each in a thread of its own."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def milliseconds(work: Callable[[], object], times: int) -> list[float]:
    """How long each of so many calls took, after one."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def child_cpu(arguments: Iterable[str]) -> float:
    """Seconds of CPU of a command and what it starts. Fails when the command does."""
    process = subprocess.Popen(
        [*arguments], cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, told
    return used.ru_utime + used.ru_stime


def ratio(one: Iterable[str], other: Iterable[str], pairs: int) -> tuple[float, float, float]:
    """CPU of a command over that of another, the median of pairs that ran one after the other, and the medians of both."""
    one, other = tuple(one), tuple(other)
    measured = [(child_cpu(one), child_cpu(other)) for _ in range(pairs)]
    return (
        statistics.median(a / b for a, b in measured),
        statistics.median(a for a, _ in measured),
        statistics.median(b for _, b in measured),
    )


def steps_a_second_on(peer: str, steps: int, runs: int, rounds: int) -> float:
    """Steps per CPU second of `tests.benchmarks.peers`."""
    arguments = [sys.executable, "-m", "tests.benchmarks.peers", peer, str(steps), str(runs), str(rounds)]
    done = subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return float(json.loads(done.stdout.splitlines()[-1]))


def stored(server: Server, workflow: dict[str, Any]) -> str:
    """The path that starts a workflow, which is stored now."""
    return f"/workflows/{server.ask('POST', '/workflows', workflow)['workflow_id']}/execute"
