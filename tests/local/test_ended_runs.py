"""Who waits for the end of a run hears of it in the moment it is recorded."""

from __future__ import annotations

import threading
import time

from infra.local.ended_runs import Ends

LONG = 60.0


def test_an_end_between_the_look_and_the_wait_is_not_missed() -> None:
    ends = Ends()
    with ends.watching("r") as wait:
        ends.tell("r")
        began = time.monotonic()
        assert wait(LONG)
    assert time.monotonic() - began < LONG / 2


def test_who_watches_hears_of_every_end_of_a_run_and_of_no_other() -> None:
    ends = Ends()
    with ends.watching("r") as wait:
        for _ in range(2):  # a run that is redriven ends again
            ends.tell("another")
            threading.Timer(0.05, ends.tell, ["r"]).start()
            began = time.monotonic()
            assert wait(LONG)
            assert time.monotonic() - began < LONG / 2
    assert ends._waiting == {}


def test_nobody_waits_any_longer_once_it_is_closed() -> None:
    ends = Ends()
    with ends.watching("r") as before:
        ends.close()
        assert not before(LONG)
    with ends.watching("r") as after:
        assert not after(LONG)
