"""Whoever has to hear of the ends of runs hears of them all, however long that takes, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from infra.local.stepfunctions.journal import Head
from infra.local.stepfunctions.lambdas import LambdaFunctions
from infra.local.stepfunctions.news import AT_ONCE
from infra.local.stepfunctions.service import StepFunctions, sqlite_in
from infra.local.stepfunctions.sqlite_journal import SqliteJournal
from tests.local.stepfunctions.support import create, engine, single, until
from tests.local.stepfunctions.test_bad_steps import SLOW
from tests.local.stepfunctions.test_service import machine

RUNS = 20


def test_ends_that_wait_to_be_told_are_not_held_in_memory(tmp_path: Path) -> None:
    release, told = threading.Event(), list[str]()

    def hear(head: Head) -> None:
        release.wait(60)
        told.append(head.arn)

    async def work() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        on = engine(journal, on_end=hear)
        arn = create(on, single({"Type": "Succeed"}))
        runs = [on.start(arn, "{}").arn for _ in range(RUNS)]
        for run in runs:
            await on.end_of(run)
        await asyncio.sleep(0.05)
        gc.collect()
        held = [found for found in gc.get_objects() if isinstance(found, Head) and found.machine == arn]
        assert len(held) <= AT_ONCE
        release.set()
        await until(lambda: not journal.unfinished())
        journal.close()
        assert sorted(told) == sorted(runs)

    asyncio.run(work())


def test_who_is_slow_to_hear_of_ends_keeps_no_expression_waiting() -> None:
    release = threading.Event()

    async def work() -> None:
        on = engine(on_end=lambda _: release.wait(60))
        quick, slow = (create(on, single(s)) for s in ({"Type": "Succeed"}, {"Type": "Pass", "Output": SLOW}))
        for _ in range(RUNS):
            await on.end_of(on.start(quick, "{}").arn)
        async with asyncio.timeout(30):
            assert (await on.end_of(on.start(slow, "{}").arn)).output == "800000"
        release.set()

    asyncio.run(work())


def test_who_hears_of_an_end_when_it_is_closed_hears_it_out(tmp_path: Path) -> None:
    begun, told = threading.Event(), list[str]()

    def hear(head: Head) -> None:
        begun.set()
        time.sleep(0.2)
        told.append(head.arn)

    functions = LambdaFunctions(region="us-east-1", account="123456789012")
    with StepFunctions(functions, journal=sqlite_in(tmp_path), on_end=hear) as client:
        run = client.start_execution(stateMachineArn=machine(client, {"Type": "Succeed"}))["executionArn"]
        assert begun.wait(30)
    assert told == [run]
    journal = SqliteJournal(tmp_path / "stepfunctions.db")
    assert journal.unfinished() == []
    journal.close()


def test_who_gives_up_to_hear_of_an_end_because_it_is_over_is_told_next_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun, closing, told = threading.Event(), threading.Event(), list[str]()

    def give_up(_: Any) -> None:
        begun.set()
        closing.wait(30)
        time.sleep(0.05)
        raise RuntimeError("Not now.")

    functions = LambdaFunctions(region="us-east-1", account="123456789012")
    with StepFunctions(functions, journal=sqlite_in(tmp_path), on_end=give_up) as client:
        run = client.start_execution(stateMachineArn=machine(client, {"Type": "Succeed"}))["executionArn"]
        assert begun.wait(30)
        threading.Timer(0.05, closing.set).start()
    assert caplog.text == ""
    again = threading.Event()

    def hear(head: Head) -> None:
        told.append(head.arn)
        again.set()

    with StepFunctions(functions, journal=sqlite_in(tmp_path), on_end=hear):
        assert again.wait(30)
    assert told == [run]
