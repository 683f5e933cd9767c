"""One bad step never stops the server: it ends as AWS would say it, and everything else goes on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.stepfunctions import workers
from infra.local.stepfunctions.journal import Head
from infra.local.stepfunctions.lambdas import LambdaFunctions
from infra.local.stepfunctions.service import StepFunctions
from infra.local.stepfunctions.workers import NoThreadLeftError, Workers
from tests.local.stepfunctions.support import ACCOUNT, REGION, single, task

# So much for the loop that it is evaluated in a thread.
SLOW = "{% $count($map([1..800000], function($x) {$x * 2})) %}"
LIMIT = "States.DataLimitExceeded"


class ShyError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not telling")


class OddError(BaseException):
    pass


def raising(error: BaseException) -> Callable[[Any, Any], Any]:
    def handler(event: Any, context: Any) -> None:
        raise error

    return handler


def endless(event: Any, context: Any) -> Any:
    return endless(event, context)


def leaving_a_thread(event: Any, context: Any) -> str:
    thread = threading.Thread(target=threading.Event().wait, args=(2,), daemon=False)
    thread.start()
    return "left"


def forking(ends: Callable[[], Any]) -> Callable[[Any, Any], int]:
    """A handler whose child does something, and which returns the child's status."""

    def handler(event: Any, context: Any) -> int:
        child = os.fork()
        if not child:
            ends()
            return 99
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    return handler


def talking(event: Any, context: Any) -> str:
    print("to the output")
    print("to the error output", file=sys.stderr)
    return "said"


FAILING: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "SystemExit": (raising(SystemExit(3)), "Runtime.ExitError"),
    "KeyboardInterrupt": (raising(KeyboardInterrupt()), "Runtime.ExitError"),
    "GeneratorExit": (raising(GeneratorExit()), "Runtime.ExitError"),
    "BaseException": (raising(OddError()), "Runtime.ExitError"),
    "cancelled": (raising(asyncio.CancelledError()), "Runtime.ExitError"),
    "StopIteration": (raising(StopIteration(1)), "StopIteration"),
    "StopAsyncIteration": (raising(StopAsyncIteration()), "StopAsyncIteration"),
    "TimeoutError": (raising(TimeoutError()), "TimeoutError"),
    "MemoryError": (raising(MemoryError()), "MemoryError"),
    "no text": (raising(ShyError()), "ShyError"),
    "recursion": (endless, "RecursionError"),
    "generator": (lambda event, context: (n for n in range(3)), "Runtime.MarshalError"),
    "coroutine function": (lambda event, context: asyncio.Event(), "Runtime.MarshalError"),
    "100 MB": (lambda event, context: "x" * 100_000_000, "Function.ResponseSizeTooLarge"),
    "300 KB": (lambda event, context: "x" * 300_000, LIMIT),
}
RETURNING: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "prints": (talking, "said"),
    "leaves a thread": (leaving_a_thread, "left"),
    "child ends by os._exit": (forking(lambda: os._exit(7)), 7),
    "child ends by sys.exit": (forking(lambda: sys.exit(5)), 5),
    "child raises": (forking(lambda: 1 / 0), 0),
    "child returns": (forking(lambda: None), 0),
}


def run_to_end(client: StepFunctions, name: str, **fields: Any) -> Head:
    definition = json.dumps({"QueryLanguage": "JSONata", **single(task(name, **fields))})
    machine = client.create_state_machine(name=f"m-{name.replace(' ', '-')}", definition=definition)["stateMachineArn"]
    return client.wait_for_end(client.start_execution(stateMachineArn=machine)["executionArn"])


@pytest.fixture(scope="module")
def client() -> Iterator[StepFunctions]:
    """One server for all of them."""
    handlers = {name: handler for name, (handler, _) in (FAILING | RETURNING).items()}
    functions = LambdaFunctions(
        region=REGION, account=ACCOUNT, handlers={**handlers, "good": lambda event, context: event}
    )
    with StepFunctions(functions) as opened:
        yield opened


@pytest.mark.parametrize("name", FAILING)
def test_a_bad_step_fails_its_own_run_alone(client: StepFunctions, name: str) -> None:
    failed = run_to_end(client, name)
    assert (failed.status, failed.error) == ("FAILED", FAILING[name][1])
    assert run_to_end(client, "good").status == "SUCCEEDED"


@pytest.mark.parametrize("name", RETURNING)
def test_an_odd_step_returns_what_it_returns(client: StepFunctions, name: str) -> None:
    ended = run_to_end(client, name, Output="{% $states.result.Payload %}")
    assert json.loads(ended.output or "null") == RETURNING[name][1]


@pytest.mark.parametrize("error", ["Runtime.ExitError", "States.TaskFailed", "States.ALL"])
def test_what_ends_the_runtime_can_be_caught(client: StepFunctions, error: str) -> None:
    states = {"S": task("SystemExit", Catch=[{"ErrorEquals": [error], "Next": "T"}]), "T": {"Type": "Succeed"}}
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "S", "States": states})
    machine = client.create_state_machine(name=f"catch-{error[-4:]}", definition=definition)["stateMachineArn"]
    run = client.start_execution(stateMachineArn=machine)["executionArn"]
    assert json.loads(client.wait_for_end(run).output or "null")["Error"] == "Runtime.ExitError"


def test_fifty_steps_that_hang_exhaust_no_pool_and_delay_no_end() -> None:
    release = threading.Event()
    functions = LambdaFunctions(
        region=REGION,
        account=ACCOUNT,
        handlers={"hang": lambda event, context: release.wait(60), "good": lambda event, context: event},
    )
    with StepFunctions(functions) as client:
        definition = json.dumps({"QueryLanguage": "JSONata", **single(task("hang", TimeoutSeconds=1))})
        machine = client.create_state_machine(name="hang", definition=definition)["stateMachineArn"]
        runs = [client.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(50)]
        assert {client.wait_for_end(run).error for run in runs} == {"States.Timeout"}
        assert run_to_end(client, "good").status == "SUCCEEDED"
    assert not client._thread.is_alive()
    release.set()


def test_steps_that_hang_keep_nobody_from_hearing_of_ends() -> None:
    release, working, told = threading.Event(), threading.Event(), threading.Event()

    def hang(event: Any, context: Any) -> None:
        working.set()
        release.wait(60)

    functions = LambdaFunctions(region=REGION, account=ACCOUNT, handlers={"hang": hang})
    with StepFunctions(functions, threads=1, on_end=lambda head: told.set()) as client:
        arns = {}
        for name, state in (("hang", task("hang")), ("slow", {"Type": "Pass", "Output": SLOW, "End": True})):
            definition = json.dumps({"QueryLanguage": "JSONata", **single(state)})
            arns[name] = client.create_state_machine(name=name, definition=definition)["stateMachineArn"]
        client.start_execution(stateMachineArn=arns["hang"])
        assert working.wait(30)
        run = client.start_execution(stateMachineArn=arns["slow"])["executionArn"]
        assert client.wait_for_end(run).output == "800000"
        assert told.wait(30)
        release.set()


def in_loop(work: Callable[[Workers], Any], threads: int) -> None:
    async def run() -> None:
        await work(Workers(asyncio.get_running_loop(), threads))

    asyncio.run(run())


def test_a_thread_that_is_lost_is_told_of_and_replaced_for_what_waits_already(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    async def work(pool: Workers) -> None:
        hanging = asyncio.create_task(pool.call(release.wait, 60, name="The function f"))
        waiting = asyncio.create_task(pool.call(lambda: "done"))
        await asyncio.sleep(0.05)
        hanging.cancel()
        assert await asyncio.wait_for(waiting, 30) == "done"
        release.set()

    in_loop(work, 1)
    assert caplog.messages == ["The function f works on although nobody waits for it any more; 1 threads do so"]


def test_the_time_of_a_task_begins_when_there_is_a_thread_for_it() -> None:
    def nap(event: Any, context: Any) -> None:
        time.sleep(0.8)

    functions = LambdaFunctions(region=REGION, account=ACCOUNT, handlers={"nap": nap})
    with StepFunctions(functions, threads=1) as client:
        definition = json.dumps({"QueryLanguage": "JSONata", **single(task("nap", TimeoutSeconds=2))})
        machine = client.create_state_machine(name="nap", definition=definition)["stateMachineArn"]
        runs = [client.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(4)]
        assert [client.wait_for_end(run).status for run in runs] == ["SUCCEEDED"] * 4


def test_who_waits_for_a_place_gets_it_in_turn_and_may_leave() -> None:
    go = threading.Event()
    begun: list[int] = []

    async def work(pool: Workers) -> None:
        first = asyncio.create_task(pool.call(go.wait, 60))
        await asyncio.sleep(0)
        others = [
            asyncio.create_task(pool.call(lambda n=n: n, begins=lambda n=n: begun.append(n)))  # type: ignore[misc] # n is an int
            for n in range(5)
        ]
        await asyncio.sleep(0)
        others[1].cancel()
        await asyncio.sleep(0)
        go.set()
        done = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(d).__name__ if isinstance(d, BaseException) else d for d in done] == [
            True,
            0,
            "CancelledError",
            2,
            3,
            4,
        ]
        assert begun == [0, 2, 3, 4]
        assert (pool._open, pool._lost, len(pool._turns), pool._threads) == (0, 0, 0, 1)

    in_loop(work, 1)


def test_work_that_is_done_in_the_moment_its_caller_gives_up_loses_no_thread() -> None:
    go = threading.Event()

    async def work(pool: Workers) -> None:
        job = asyncio.create_task(pool.call(go.wait, 60))
        await asyncio.sleep(0.05)
        go.set()
        while not pool._done:
            time.sleep(0.001)
        time.sleep(0.05)  # the loop has been told of it, and has had no turn
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert (pool._open, pool._lost) == (0, 0)
        assert await pool.call(lambda: "done") == "done"

    in_loop(work, 1)


def test_where_no_thread_is_left_work_is_refused_until_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MOST_REPLACEMENTS", 1)
    release = threading.Event()

    async def work(pool: Workers) -> None:
        hanging = [asyncio.create_task(pool.call(release.wait, 60)) for _ in range(2)]
        waiting = asyncio.create_task(pool.call(lambda: "done"))
        for job in hanging:
            await asyncio.sleep(0.05)
            job.cancel()
        with pytest.raises(NoThreadLeftError, match="All 2 threads"):
            await waiting
        with pytest.raises(NoThreadLeftError):
            await pool.call(lambda: "done")
        release.set()
        while pool._lost:
            await asyncio.sleep(0.01)
        assert await pool.call(lambda: "done") == "done"

    in_loop(work, 1)


def test_a_task_that_no_thread_is_left_for_is_throttled_as_on_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MOST_REPLACEMENTS", 0)
    release = threading.Event()
    functions = LambdaFunctions(
        region=REGION,
        account=ACCOUNT,
        handlers={"hang": lambda event, context: release.wait(60), "good": lambda event, context: event},
    )
    with StepFunctions(functions, threads=1) as client:
        assert run_to_end(client, "hang", TimeoutSeconds=1).error == "States.Timeout"
        throttled = run_to_end(client, "good")
        assert throttled.error == "Lambda.TooManyRequestsException"
        assert (throttled.cause or "").startswith(
            "Rate Exceeded. (Service: AWSLambda; Status Code: 429; Error Code: TooMany"
        )
        release.set()


ENDING = """
import threading
from infra.local.stepfunctions.lambdas import LambdaFunctions
from infra.local.stepfunctions.service import StepFunctions
from tests.local.stepfunctions.test_bad_steps import ACCOUNT, REGION, json, single, task

begun = threading.Semaphore(0)

def hang(event, context):
    begun.release()
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass

with StepFunctions(LambdaFunctions(region=REGION, account=ACCOUNT, handlers={"hang": hang})) as client:
    definition = json.dumps({"QueryLanguage": "JSONata", **single(task("hang"))})
    machine = client.create_state_machine(name="hang", definition=definition)["stateMachineArn"]
    for _ in range(20):
        client.start_execution(stateMachineArn=machine)
    for _ in range(16):
        begun.acquire()
print("closed")
"""


def test_a_process_ends_while_all_its_steps_hang() -> None:
    root = Path(__file__).parents[3]
    arguments = [sys.executable, "-c", ENDING]
    ended = subprocess.run(arguments, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "closed\n", "")
