"""Rounds of what is due, one after the other, so that none keeps the others from being done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from workflow_engine.errors import ThrottledError
from workflow_engine.observability import get_logger
from workflow_engine.store.due import after
from workflow_engine.store.table import Key
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)

LEAST_SECONDS: Final = 60.0
"""Nothing is begun with less time left: to know whether a decision arrived, a history may have to be read, and the first reminder
of a kind makes a state machine.
"""


def work_off(
    engine: Engine,
    due: Iterable[Key],
    look: Callable[[Engine, Key], str | None],
    counts: dict[str, int],
    seconds_left: Callable[[], float],
    again_after: float,
) -> None:
    """Look at all that is due, and count what `look` gives, and `failed`. What is not taken off its list meanwhile is due again
    after so many seconds. The round ends with its time, or with the account's quota; the next one goes on from there.
    """
    for key in due:
        if seconds_left() < LEAST_SECONDS:
            return
        try:
            # First, so that one that ends the process does not keep the others from being looked at.
            engine.due.postpone(key, after(engine.timestamp(), again_after))
            done = look(engine, key)
        except ThrottledError:
            return
        except Exception:
            logger.exception("what is due was not done", extra={"record": "/".join(key)})
            done = "failed"
        if done is not None:
            counts[done] += 1
