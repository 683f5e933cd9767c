"""A process that runs machines until it is killed: `python -m tests.local.stepfunctions.victim FOLDER RUNS`.

It writes each call of a function into FOLDER/calls, and ends when all its runs have.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from infra.local.stepfunctions.sqlite_journal import SqliteJournal
from tests.local.stepfunctions.crashes import CHILD, MACHINE, Calls, answer_tokens
from tests.local.stepfunctions.support import create, engine, in_skipping_time


class WrittenCalls(Calls):
    """Counts what was called before by others, too."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        for line in path.read_text().splitlines() if path.exists() else ():
            step, key = line.split(" ")
            self.counts[step, key] += 1
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def _count(self, event: Any) -> int:
        os.write(self._file, f"{event['step']} {event.get('key', '')}\n".encode())
        time.sleep(0.002)
        return super()._count(event)


async def work(folder: Path, runs: int) -> None:
    journal = SqliteJournal(folder / "journal.db")
    on = engine(journal, WrittenCalls(folder / "calls").handlers(), threads=4, randomness=random.Random())
    on.recover()
    create(on, CHILD, name="child")
    machine = create(on, MACHINE, name="parent")
    for number in range(runs):
        if journal.head(f"{machine.replace(':stateMachine:', ':execution:')}:run-{number}") is None:
            on.start(machine, "{}", f"run-{number}")
    answering = asyncio.create_task(answer_tokens(on))
    while journal.unfinished():
        await asyncio.sleep(1)
    answering.cancel()
    on.close()
    journal.close()


if __name__ == "__main__":
    in_skipping_time(lambda: work(Path(sys.argv[1]), int(sys.argv[2])))
