"""The intermediate representation: a machine as nested blocks of nodes, before states have names to jump to.

Stage 3 makes it, stage 4 rewrites it, stage 5 renders it. A `Block` runs its nodes one after the other; only `asl` turns that
into `Next` and `End`. A template is JSON that may hold fragments of JSONata, evaluated on the values at state entry.

Every lexical scope of the machine (top level, Parallel branch, Map body) owns variables named by its depth. What a branch
gives back is its last state's output, `{"_vars": {variable: record}}`; step ids start with a letter, so `_vars` is no step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, Final, Literal

from workflow_engine.compiler.jsonata.children import CHILD_RESULT
from workflow_engine.compiler.jsonata.fragments import Fragment
from workflow_engine.compiler.jsonata.states import PAYLOAD, RESULT
from workflow_engine.language.syntax import Reference
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.subflows import START_EXECUTION

ANSWERED_INVOKE: Final = "arn:aws:states:::lambda:invoke.waitForTaskToken"
"""The resource of a Task whose function only begins the step: somebody answers it later."""

Template = Any
"""JSON in which a fragment stands for the value that it has in the run."""

Assigns = Mapping[str, Template]
"""Variable name (without `$`) to the template of its value."""


@dataclass(frozen=True, slots=True)
class Return:
    """What a branch gives back for one step: its record, from the inner `variable` to the `outer` one; where it is `unsure`, the
    step may not have begun, and there is none.
    """

    step_id: str
    variable: str
    outer: str
    keeps_output: bool
    unsure: bool = False
    share: int = 0
    """Bytes that its output may have where only the run's own output reads it; 0 where something else does."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A step whose output is part of the run's. `variable` holds its record at the end of the machine. `is_sure` says that it
    has completed then; where its output is not `carried` to there, it is left to the history.
    """

    step_id: str
    variable: str | None
    is_sure: bool
    carried: bool


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a machine gives as the run's output, where that is not explicit: the outputs of the sinks, `share` bytes of each at
    most. Those in `only` nothing else reads, so that their records hold no more than that either. No sinks at all where there
    are too many of them to carry anything.
    """

    sinks: tuple[Sink, ...] | None
    share: int = 0
    only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes in order, and what the last of them gives.

    `branch`: `{"_vars": ...}` with the records in `returns`. `element`: the step's bare output (null where it was skipped), so
    that the Map's `$states.result` is the list of outputs, untouched. `machine`: the run's output, see `run_output`.
    """

    nodes: tuple[Node, ...]
    returns: tuple[Return, ...] = ()
    kind: Literal["branch", "element", "machine"] = "branch"
    element: Template = None
    """For `element`: what the last state gives, if it is not the bare result of the Task or Pass that it is."""
    failures: str | None = None
    """For a branch in which a critical step may fail: the variable that then holds the notes of it. They are given back
    beside the records, which may be missing where steps had not begun. For an element that fails alone: what it then gives."""
    room: int = 0
    """Of such a branch: bytes that its records may have together after a failure, so that they can leave it."""
    recovery: tuple[Node, ...] = ()
    """For `machine`: the failure steps, which failures lead to, and the end of the run after them."""
    apart: bool = False
    """For a branch: what its last state tells the reader of results is no part of what the branch gives."""
    result: RunResult | None = None
    """For `machine`: the run's output, None where an `OutputNode` gives it."""
    tolerated: tuple[Fragment, ...] = ()
    """For `machine`, and branches of it: items of the list of steps whose failures were tolerated; a list among them stands
    for its own items. They read variables of the block alone."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a Catcher assigns. A node without one is critical: its failure ends the run.

    `ends` is None where the run goes on. Else the failure ends the block, a branch to its end, the machine to its failure
    steps, and `ends` is assigned besides: the note of the failure that is read there.
    """

    assigns: Assigns
    ends: Assigns | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """The state after a Task that holds what that gave to a schema: it gives the same, or fails as the Task itself would.

    It receives what the Task gave under `HANDED` of its input, and reads no variable.
    """

    name: str
    arguments: Template
    retry: tuple[Mapping[str, Any], ...]


HANDED: Final = "given"
"""Where the input of a check has what the Task before it gave."""


@dataclass(frozen=True, slots=True)
class TaskNode:
    """One step that is done elsewhere: by a Lambda function, or as `resource` says: by a worker of this activity, by whoever
    answers what a function has begun, or by a run of another machine. `output` is what it gives, in templates of its own. A
    worker that tells nothing for `heartbeat` seconds is taken for lost. `late` is where it goes on when its time is over, if
    that is no failure like others. `result` is its output where that is not what every Task of the resource gives. With a
    `check` it is two states, of which the second assigns; both fail alike.
    """

    name: str
    step_id: str
    arguments: Template
    timeout: Template | None
    retry: tuple[Mapping[str, Any], ...]
    assigns: Assigns
    failure: Failure | None
    max_retries: int = 0
    resource: str | None = None
    heartbeat: int | None = None
    late: PassNode | FailNode | FailedPassNode | None = None
    result: Fragment | None = None
    check: Check | None = None

    @property
    def output(self) -> Fragment:
        return task_output(self.resource) if self.result is None else self.result


def task_output(resource: str | None) -> Fragment:
    """What a Task of this resource gives."""
    if resource == START_EXECUTION:
        return CHILD_RESULT
    return PAYLOAD if resource is None else RESULT


@dataclass(frozen=True, slots=True)
class Value:
    """One pure step inside a Pass state: its output, and the record kept of it, if any."""

    step_id: str
    output: Fragment
    variable: str
    kept: bool
    keeps_output: bool
    size_bound: int | None
    """Upper bound of the output in bytes of JSON, None when it depends on data of unknown size."""
    share: int = 0
    """As in `Return`, of what is kept."""
    may_raise: bool = False
    """Whether an author's own expression is in it. Then the state it is in must be named after this step, for whom Step
    Functions blames is a state."""


@dataclass(frozen=True, slots=True)
class PassNode:
    """Pure steps computed in one state, in order; a later one may read the variable of an earlier one.

    `assigns` is what is assigned besides the records of the values.
    """

    name: str
    values: tuple[Value, ...]
    assigns: Assigns = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WaitNode:
    """A delay. `output` is the step's output once the wait is over."""

    name: str
    step_id: str
    seconds: Template
    output: Fragment
    assigns: Assigns


@dataclass(frozen=True, slots=True)
class Elements:
    """The list that a Map runs over: `code` is its value, `origin` the reference that it is the value of.

    `least` and `most` bound how many elements it has, None where only the run can tell. `max_items` is what the author
    allows, `room` how many elements the history of a run can take at most, where nobody bounds the list; a longer list
    fails the step before its first element. `place` is the pointer of the list in the document. `undone` is the step whose
    completed elements these are.
    """

    code: Fragment
    origin: Reference
    place: str
    max_items: int | None = None
    least: int = 0
    most: int | None = None
    room: int | None = None
    undone: str | None = None


@dataclass(frozen=True, slots=True)
class MapNode:
    """A body run once per element; what it gives is one element's output, `$states.result` the list of them in order.

    `depth` is how many other maps are around it: their positions are handed into the body, which sees only its own.
    """

    name: str
    step_id: str
    elements: Elements
    max_concurrency: int
    body: Block
    assigns: Assigns
    failure: Failure | None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class ParallelNode:
    """Independent blocks. What they return is assigned, and `assigns`. A single branch is there for its Catch. `failures`
    is the variable that takes the notes of what failed inside the branches, where something may; `tolerated` the one that takes
    the ids of steps in them whose failures were tolerated.
    """

    name: str
    branches: tuple[Block, ...]
    assigns: Assigns
    failure: Failure | None = None
    failures: str | None = None
    tolerated: str | None = None


@dataclass(frozen=True, slots=True)
class JoinNode:
    """After a Parallel or Map: where `failed` (a boolean) says that something in it failed, assigns the records in `assigns`,
    and with `ends` that too and ends the block; else goes on.
    """

    name: str
    failed: Fragment
    assigns: Assigns
    ends: Assigns | None
    of_branches: bool = False
    """Whether it is after a Parallel, whose own result tells at the end of a branch what it would tell."""


@dataclass(frozen=True, slots=True)
class GuardNode:
    """Runs `body` unless `skip_when` (a boolean) holds; then `skipped` is assigned and `instead` runs, if given."""

    name: str
    skip_when: Fragment
    skipped: Assigns
    body: tuple[Node, ...]
    instead: FailNode | FailedPassNode | None = None


@dataclass(frozen=True, slots=True)
class FailNode:
    """Ends the run as failed. `by_author` says that error and cause are those of a `fail` step, which no other
    place of the machine knows.
    """

    name: str
    error: Template
    cause: Template
    by_author: bool = False


@dataclass(frozen=True, slots=True)
class FailedPassNode:
    """Records that a step failed without a Task that could fail, and goes on: the output names the error for the reader.
    `ends` is as in `Failure`.
    """

    name: str
    step_id: str
    error: Template
    cause: Template
    assigns: Assigns
    ends: Assigns | None = None


@dataclass(frozen=True, slots=True)
class OutputNode:
    """What the run, or one element of a map, gives: the last state of its block."""

    name: str
    output: Template


@dataclass(frozen=True, slots=True)
class LoopNode:
    """`body` again and again until `stop` (a boolean) holds, tested before each turn or after it.

    `start` is assigned before the first turn, `again` before each further one, `done` in the end: the loop's own variable
    holds `{"turn", "output"}` while it runs. `output` is the step's explicit output, None where it is that of the sinks,
    which the reader has. Running out of turns leads to `instead`.
    """

    name: str
    step_id: str
    before: bool
    stop: Fragment
    may_go_on: Fragment
    max_iterations: int
    start: Assigns
    again: Assigns
    done: Assigns
    output: Template
    body: tuple[Node, ...]
    instead: FailNode | FailedPassNode


@dataclass(frozen=True, slots=True)
class Case:
    """Nodes that run when `condition` (a boolean) is the first that holds."""

    condition: Fragment
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class SwitchNode:
    """One Choice over cases. `assigns` holds whichever is taken, `otherwise` when none is."""

    name: str
    step_id: str
    cases: tuple[Case, ...]
    default: tuple[Node, ...]
    assigns: Assigns
    otherwise: Assigns = field(default_factory=dict)


Node = (
    TaskNode
    | PassNode
    | WaitNode
    | MapNode
    | ParallelNode
    | JoinNode
    | GuardNode
    | LoopNode
    | SwitchNode
    | FailNode
    | FailedPassNode
    | OutputNode
)


def all_nodes(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """These nodes and all that are inside of them, at every depth, in order."""
    for node in nodes:
        yield node
        match node:
            case MapNode():
                yield from all_nodes(node.body.nodes)
            case ParallelNode():
                for branch in node.branches:
                    yield from all_nodes(branch.nodes)
            case GuardNode() | LoopNode():
                yield from all_nodes(node.body)
            case SwitchNode():
                for case in node.cases:
                    yield from all_nodes(case.nodes)
                yield from all_nodes(node.default)


def ends_in_pass(nodes: tuple[Node, ...], step_id: str) -> set[bool]:
    """Whether the paths through a block end in the Pass state that computes the step: on each, or both answers."""
    match nodes[-1] if nodes else None:
        case PassNode(values=values):
            return {any(v.step_id == step_id for v in values)}
        case TaskNode(late=PassNode() as late):
            return {False} | ends_in_pass((late,), step_id)
        case GuardNode(body=body):
            return {False} | ends_in_pass(body, step_id)
        case SwitchNode(cases=cases, default=default):
            return ends_in_pass(default, step_id).union(*(ends_in_pass(c.nodes, step_id) for c in cases))
        case _:
            return {False}
