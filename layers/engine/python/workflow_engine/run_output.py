"""What the Output of a machine tells of its run, so that an end is recorded from its event alone.

A machine that ends in success has this Output, always an object:

* The run's output on top: the workflow's explicit `output`, else the outputs of the sinks that completed, by step id.
* `_failed`, always there: ids of the workflow's own steps whose failures were tolerated, 100 of them at most. The parts of a
  list or a container are not among them. Only machines of earlier versions of this service give an
  Output without it; of them nothing but the history tells the output of a run.

A Pass or Wait tells the reader of results what it computes, `{step id: output}`. Where it ends the machine, or a branch beside
which something else has to fit, that record is no part of its Output: it assigns it to a variable that nothing reads, `record`
and the depth of the scope, and the event of its exit has it among the variables that were assigned (API reference,
`StateExitedEventDetails`, `assignedVariables`, which API calls never truncate).

Where a sink's output is over its share, the marker `{"_in_history": true}` stands in its place; where all of it is, the Output
itself has that key. An element of `_failed` is the marker if a container of the workflow may have tolerated failures inside.
Whoever finds a marker reads the output and the failed steps of the run from its history: `run_output` says whether to.

The share of a sink is 240,000 bytes of JSON divided among all sinks that the run returns, less what stands around them; it
counts three bytes for a character that is not ASCII (four beyond the BMP), and escapes. So Step Functions, which carries 262,144
bytes from a state to the next (Quotas related to state throttling, "Maximum input or output size"), carries them all.

No step id begins with an underscore, and the compiler refuses these two as names in an explicit output.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass

FAILED: Final = "_failed"
IN_HISTORY: Final = "_in_history"
MARKER: Final[Mapping[str, Any]] = MappingProxyType({IN_HISTORY: True})
OWN_KEYS: Final = frozenset({FAILED, IN_HISTORY})
"""The keys of an Output that are no part of the run's output."""

_RECORD: Final = "record"

RUN_BYTES: Final = 240_000
"""Of JSON that all sinks of a run have together, with what stands around them."""

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
    if not is_of_a_run(value):
        return RunOutput({}, (), marked=True)
    output = {name: one for name, one in value.items() if name not in OWN_KEYS}
    failed = tuple(one for one in value[FAILED] if isinstance(one, str))
    marked = IN_HISTORY in value or len(failed) < len(value[FAILED]) or any(map(_is_marker, output.values()))
    return RunOutput(output, failed, marked=marked)


def is_of_a_run(value: Any) -> bool:
    """Whether the Output of a machine tells the run's output; those of earlier versions of this service don't."""
    return isinstance(value, dict) and isinstance(value.get(FAILED), list)


def record_variable(depth: int) -> str:
    """The variable of a scope to which the state that ends it assigns what it tells the reader of results."""
    return f"{_RECORD}{depth}"


def assigned_record(variables: Mapping[str, str]) -> str | None:
    """The JSON text of such a record among the variables that a state has assigned, as the event of its exit has them."""
    return next((text for name, text in variables.items() if name.startswith(_RECORD)), None)


def _is_marker(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == MARKER.keys()
