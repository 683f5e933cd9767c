"""What the Output of a machine tells of its run, so that an end is recorded from its event alone.

A machine that ends in success has this Output, always an object:

* The run's output on top: the workflow's explicit `output`, else the outputs of the sinks that completed, by step id.
* `_failed`, always there: ids of the workflow's own steps whose failures were tolerated, in the order of the document, the
  first 100. The parts of a list or a container are not among them. Only machines of earlier versions of this service give an
  Output without it; of them nothing but the history tells the output of a run.
* `_steps`, where the last state is one whose record the reader of results needs (Pass, Wait): that record, `{step id:
  output}`, which every other such state has as its whole output. It is whole whatever stands on top.

Where a sink's output is over its share, the marker `{"_in_history": true}` stands in its place; where all of it is, the Output
itself has that key. An element of `_failed` is the marker if a container may have tolerated failures inside. Whoever
finds a marker reads the output and the failed steps of the run from its history: `run_output` says whether to.

The share of a sink is 240,000 bytes of JSON divided among all sinks that the run returns, less what stands around them; it
counts three bytes for a character that is not ASCII (four beyond the BMP), and escapes. So Step Functions, which carries 262,144
bytes from a state to the next (Quotas related to state throttling, "Maximum input or output size"), carries them all.

No step id, and no name in an explicit output, begins with an underscore (the compiler refuses such a name of these three).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass

FAILED: Final = "_failed"
STEPS: Final = "_steps"
IN_HISTORY: Final = "_in_history"
MARKER: Final[Mapping[str, Any]] = MappingProxyType({IN_HISTORY: True})
OWN_KEYS: Final = frozenset({FAILED, STEPS, IN_HISTORY})
"""The keys of an Output that are no part of the run's output."""

MAX_FAILED_STEPS: Final = 100
"""Of the steps that failed, so many are named: a run may have thousands."""


@dataclass(frozen=True, slots=True)
class RunOutput:
    """The output of a run and the ids of its steps whose failures were tolerated. Where `marked`, both are incomplete: the
    history has them.
    """

    output: dict[str, Any]
    failed_steps: tuple[str, ...] = ()
    marked: bool = False


def run_output(value: Any) -> RunOutput:
    """What the Output of a machine tells; `value` is the parsed JSON of it, as in the event of an execution's end.

    It is marked for a machine of an earlier version of this service, too. A step's own output that looks like the marker
    costs a needless look at the history, which has the same.
    """
    if not isinstance(value, dict) or not isinstance(value.get(FAILED), list):
        return RunOutput({}, (), marked=True)
    output = {name: one for name, one in value.items() if name not in OWN_KEYS}
    failed = tuple(one for one in value[FAILED] if isinstance(one, str))
    marked = IN_HISTORY in value or len(failed) < len(value[FAILED]) or any(map(_is_marker, output.values()))
    return RunOutput(output, failed, marked=marked)


def step_records(value: Any) -> Any:
    """What the output of a state tells of the steps that it computes, `{step id: output}`: in the last state beside the run's
    output, in every other all of it.
    """
    return value[STEPS] if isinstance(value, dict) and STEPS in value else value


def _is_marker(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == MARKER.keys()
