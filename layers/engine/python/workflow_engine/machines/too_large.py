"""`States.DataLimitExceeded` in the product's words: what was too large, by how much where that is known, what to do. Pure.

Step Functions says neither: its cause names a service or a state, and what was too large is not in the history. Only the
elements of a list are, since each of them passed by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from workflow_engine import state_names
from workflow_engine.data_limit import DATA_LIMIT_EXCEEDED
from workflow_engine.machines.timeline import Failure, Iteration, Timeline, Visit

_CARRIES: Final = "that Step Functions carries from one step to the next"
_RETURN_LESS: Final = "Return less, or store the data in S3 and return its address."
_MAP_LESS: Final = "Map only the fields that it needs, or pass the address of data in S3."
_LIST_LESS: Final = (
    "Return less from each element, or store the results in S3 and return their addresses, or run over a shorter list "
    "(max_items refuses a longer one)."
)


def in_words(failure: Failure, visit: Visit | None, timeline: Timeline) -> str | None:
    """The message of a failure. `visit` is the state that failed, where that is known."""
    if failure.type != DATA_LIMIT_EXCEEDED:
        return failure.message
    match visit:
        case None:
            return _larger("What is passed on", None, _RETURN_LESS)
        case Visit(kind="Map"):
            return _of_a_list(timeline.iterations.get((visit.frames, visit.step_id), {}).values())
        case Visit(kind="Task", attempts=0):
            return _larger("What its input_mapping and configuration give the step", None, _MAP_LESS)
        case Visit(kind="Task"):
            return _larger("Its result", None, _RETURN_LESS)
        case Visit(kind="Parallel", suffix=state_names.TRY):
            return _larger("What it, or a step inside it, received or gave", None, _RETURN_LESS)
        case Visit(kind="Parallel"):
            return _larger("What they give back together", None, _RETURN_LESS)
        case _:
            return _larger("Its output", None, _MAP_LESS)


def _of_a_list(elements: Collection[Iteration]) -> str:
    """A Map fails by itself when its elements have all succeeded; otherwise one of them was too large."""
    if any(element.status != "completed" for element in elements):
        return _larger("What one of its elements received or gave", None, _RETURN_LESS)
    # Beside the results, the brackets of the list and the commas between them.
    size = sum((4 if element.output is None else element.output.size) + 1 for element in elements) + 1
    return _larger(f"The results of its {len(elements):,} elements together", size, _LIST_LESS)


def _larger(what: str, size: int | None, advice: str) -> str:
    """`size` in bytes, None where it is not known; one within the limit is that of the wrong thing, and not told."""
    # The compiler is slow to import, and this is rare.
    from workflow_engine.aws_quotas import PAYLOAD_BYTES

    known = f" with {size:,} bytes" if size is not None and size > PAYLOAD_BYTES else ""
    by = f", by {size - PAYLOAD_BYTES:,} bytes" if known and size is not None else ""
    return f"{what}{known} exceeded the {PAYLOAD_BYTES:,} bytes {_CARRIES}{by}. {advice}"
