"""Names of states: what the compiler calls them, and what the reader of results makes of them in a history.

A state that computes a step is called by the step's id. What stands around it is `<step id>.<suffix>`, numbered from the
second on. Step ids have no dot.
"""

from __future__ import annotations

from typing import Final

EACH: Final = "each"
"""The step itself, for one element of its for_each."""
GUARD: Final = "guard"
"""Decides whether this step, and those after it that share its fate, run at all."""
CHECK: Final = "check"
"""Looks at the time of a delay, which comes from data."""
FAIL: Final = "fail"
"""Fails the step without having run it, or the run."""
PARALLEL: Final = "parallel"
"""Around steps that run side by side. It is named by the first of them and is none of them."""
JOIN: Final = "join"
"""After such a Parallel: whether a critical step in it has failed."""
TRY: Final = "try"
"""Around a step whose own states cannot catch its failure."""
START: Final = "start"
WHILE: Final = "while"
UNTIL: Final = "until"
"""Before the first turn of a loop, and where it decides on each turn."""
SWITCH: Final = "switch"
OUTPUT: Final = "output"
"""Gives the output of a container."""
LATE: Final = "late"
"""Gives what a step comes to whose answer has not come in time."""
HELD: Final = "held"
"""Holds what a step's function gave to the step type's output_schema. Step and check are told as one."""
END: Final = "end"
"""Where jumps to the end of a block lead."""

WORKFLOW_OUTPUT: Final = "workflow.output"
"""Gives the run's output."""
WORKFLOW_FAILED: Final = "workflow.failed"
"""Ends a run whose failure steps have run."""
STATES_OF_THE_WORKFLOW: Final = frozenset({WORKFLOW_OUTPUT, WORKFLOW_FAILED})
"""States that belong to no step."""


_OF_NO_STEP: Final = frozenset({PARALLEL, JOIN, END})
"""Of what forks, joins and ends branches: such a state is named after a step only to have a name."""


def derived_name(step_id: str, suffix: str, number: int = 1) -> str:
    """The name of a state that stands around a step's own."""
    return f"{step_id}.{suffix}" if number == 1 else f"{step_id}.{suffix}{number}"


def step_of(name: str) -> str:
    """The id of the step that the state is named after."""
    return name.partition(".")[0]


def owner_of(name: str) -> str | None:
    """The id of the step that a state is entered for; None where it is there for no step by itself."""
    return None if name in STATES_OF_THE_WORKFLOW or role_of(name) in _OF_NO_STEP else step_of(name)


def suffix_of(name: str) -> str:
    """The suffix with its number; "" of a step's own state."""
    return name.partition(".")[2]


def role_of(name: str) -> str:
    """What a derived state is for: `guard` of `a.guard2`, "" for a step's own state."""
    return suffix_of(name).partition(".")[0].rstrip("0123456789")
