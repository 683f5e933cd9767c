"""Who waits for the end of a run hears of it in the moment it is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable

from infra.local.ended_runs import Ends

PATIENCE_SECONDS = 60.0


def comes_to_an_end(wait: Callable[[float], bool]) -> bool:
    """Whether a wait without a limit ends by being told. Only one that has missed it goes on, for ever; it is given up."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(wait(threading.TIMEOUT_MAX)), daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return answers == [True]


def test_an_end_between_the_look_and_the_wait_is_not_missed() -> None:
    ends = Ends()
    with ends.watching("r") as wait:
        ends.tell("r")
        assert comes_to_an_end(wait)


def test_who_watches_hears_of_every_end_of_a_run_and_of_no_other() -> None:
    ends = Ends()
    with ends.watching("r") as wait:
        for _ in range(2):  # a run that is redriven ends again
            ends.tell("another")
            threading.Timer(0.05, ends.tell, ["r"]).start()
            assert comes_to_an_end(wait)
    assert ends._waiting == {}


def test_nobody_waits_any_longer_once_it_is_closed() -> None:
    ends = Ends()
    with ends.watching("r") as before:
        ends.close()
        assert not before(PATIENCE_SECONDS)
    with ends.watching("r") as after:
        assert not after(PATIENCE_SECONDS)
