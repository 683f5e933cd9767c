"""The intermediate representation to Amazon States Language: names to jump to, and what every way out of a state gives.

Stage 5. Canonical: equal blocks give equal bytes. Inner states have `Output: {}`, so that nothing travels twice; results are
read from the history (Tasks) and from the output of Pass and Wait states, `{step_id: output}`. The last one has the run's output
(`workflow_engine.run_output`), and puts such a record into a variable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, Final

from workflow_engine.compiler.asl.expressions import rendered
from workflow_engine.compiler.asl.fusing import fused
from workflow_engine.compiler.asl.items import list_items
from workflow_engine.compiler.asl.returns import FAILURES, carried, carried_after_failure, records_from_branches
from workflow_engine.compiler.asl.run_results import run_result, tolerated_list
from workflow_engine.compiler.asl.ways import fails_by_author, reachable
from workflow_engine.compiler.ir import (
    HANDED,
    Assigns,
    Block,
    Check,
    FailedPassNode,
    FailNode,
    GuardNode,
    JoinNode,
    LoopNode,
    MapNode,
    Node,
    OutputNode,
    ParallelNode,
    PassNode,
    SwitchNode,
    TaskNode,
    Template,
    WaitNode,
    task_output,
)
from workflow_engine.compiler.jsonata.fragments import NULL, Array, Call, Fragment, Read, Text, call, if_assigned
from workflow_engine.compiler.jsonata.states import INDEX, INPUT, ITEM, RESULT
from workflow_engine.compiler.records import CAUGHT_ERROR, CAUGHT_MESSAGE, as_fragment
from workflow_engine.data_limit import DATA_LIMIT_EXCEEDED, told_as_caught
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.run_output import FAILED, record_variable
from workflow_engine.state_names import END, START, derived_name, step_of
from workflow_engine.told_failures import told_as_failed

State = dict[str, Any]

LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"
TIMEOUT: Final = "States.Timeout"

_SHORT_MESSAGE: Final = call("substring", CAUGHT_MESSAGE, Text("0"), Text("4000"))
"""It stands beside the element of a list, and what a Catcher gives nothing catches."""
_NO_ELEMENT: Final[Mapping[str, Fragment]] = MappingProxyType({})
_ELEMENT: Final[Mapping[str, Fragment]] = {"item": ITEM, "index": INDEX}


def render_machine(block: Block, timeout_seconds: int) -> dict[str, Any]:
    """The machine as ASL. `timeout_seconds` is the run's own limit; the run then ends as timed out."""
    machine: dict[str, Any] = rendered(
        {"QueryLanguage": "JSONata", "TimeoutSeconds": timeout_seconds, **_states(block, {})}
    )
    return machine


def definition_text(machine: Mapping[str, Any]) -> str:
    """The definition as it is created and hashed: compact, keys sorted, non-ASCII characters as they are."""
    return json.dumps(machine, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@dataclass(slots=True)
class _Rendering:
    """One block while its states are written.

    `end` is the state that catches jumps to the block's end, once something jumps there; `ends` counts such states of the
    whole machine, by the step they are named after. `recovery` is the first of the failure steps' states, which critical
    failures lead to; where there is none they lead to the block's end. `carries` is what the states hand on as their input,
    because they run for an element of a list: `{item, index}`, and in a map inside of others `at`, the positions of those.
    `fails` says that a step only fails here: what stands after it may never be entered.
    `depth` is that of its scope.
    """

    block: Block
    ends: dict[str, int]
    carries: Mapping[str, Fragment]
    depth: int
    states: dict[str, State] = field(default_factory=dict)
    end: str | None = None
    recovery: str | None = None
    fails: bool = False

    # --- the ways out of a state ---

    def leave(self, following: str | None, assigns: Assigns, own: Template = None) -> State:
        """Fields of a state that goes on to `following`, or that ends the block when that is None.

        `own` is what the state gives the reader of results (Pass and Wait); a state that ends the block gives the
        block's result too.
        """
        if following is not None:
            state: State = {"Assign": dict(assigns)} if assigns else {}
            return {**state, "Output": self.handed_on(own), "Next": following}
        if own and (self.block.kind == "machine" or self.block.apart):
            return {"Assign": {record_variable(self.depth): own}, "Output": self._result(assigns, None), "End": True}
        return {"Output": self._result(assigns, own), "End": True}

    def handed_on(self, own: Template = None) -> Template:
        """Output of a state that another one follows: what it gives the reader of results, and the element of the list."""
        if not self.carries:
            return {} if own is None else own
        return INPUT if own is None else {**own, **self.carries}

    def _result(self, assigns: Assigns, own: Template) -> Template:
        """What the block gives when it ends in a state that would assign `assigns`."""
        if self.block.kind == "machine":
            return run_result(self.block, assigns)
        records = {r.variable: assigns.get(r.variable, carried(r)) for r in self.block.returns}
        result = {**(own or {}), "_vars": records} if records else own if own is not None else {}
        failures = self.block.failures
        if failures is not None and failures in assigns:
            result = {**result, FAILURES: assigns[failures]}
        return {**result, FAILED: tolerated_list(self.block, assigns)} if self.block.tolerated else result

    def target(self, following: str | None, hint: str) -> str:
        """A state to jump to: `following`, or the block's own last state, made when something first jumps there."""
        if following is not None:
            return following
        if self.end is None:
            hint = step_of(hint)
            self.ends[hint] = number = self.ends.get(hint, 0) + 1
            self.end = derived_name(hint, END, number)
            self.states[self.end] = {"Type": "Succeed", "Output": self._result_at_end()}
        return self.end

    def _result_at_end(self) -> Template:
        """What a block gives where jumps to its end meet. After a failure steps have not begun that would have a record."""
        failures = self.block.failures
        match self.block.kind:
            case "machine":
                return run_result(self.block, {})
            case "element":
                return NULL if failures is None else if_assigned(Read(failures), NULL)
        if failures is None:
            return self._result({}, None)
        records = carried_after_failure(self.block.returns, failures, self.block.room)
        return {
            **({"_vars": records} if records else {}),
            FAILURES: if_assigned(Read(failures), Text("[]")),
            **({FAILED: tolerated_list(self.block, {})} if self.block.tolerated else {}),
        }

    def ending(self, hint: str) -> str:
        """Where a critical failure leads."""
        return self.recovery or self.target(None, hint)

    # --- nodes ---

    def sequence(self, nodes: tuple[Node, ...], following: str | None) -> str | None:
        """Writes the nodes so that the last goes on to `following`. Returns the name of the first state."""
        at = following
        for node in reversed(nodes):
            # Where a branch ends with a Parallel, it makes no difference whether something in that failed.
            if not (isinstance(node, JoinNode) and node.of_branches and at is None and self.block.kind == "branch"):
                at = self.node(node, at)
        return at

    def node(self, node: Node, following: str | None) -> str:
        match node:
            case TaskNode():
                self.states[node.name] = self._task(node, following)
            case PassNode():
                self.states[node.name] = self._pass(node, following)
            case WaitNode():
                self.states[node.name] = self._wait(node, following)
            case MapNode():
                self.states[node.name] = self._map(node, following)
            case ParallelNode():
                self.states[node.name] = {
                    "Type": "Parallel",
                    "Branches": [_states(b, self.ends, self.carries, self.depth + 1) for b in node.branches],
                    **self._caught(node, following),
                    **self.leave(
                        following,
                        {**node.assigns, **records_from_branches(node.branches), **_lists_from_branches(node)},
                        _nothing_caught(node),
                    ),
                }
            case JoinNode():
                self._join(node, following)
            case GuardNode():
                self._guard(node, following)
            case LoopNode():
                return self._loop(node, following)
            case SwitchNode():
                self._switch(node, following)
            case FailNode():
                self.fails = True
                self.states[node.name] = {"Type": "Fail", "Error": node.error, "Cause": node.cause}
            case FailedPassNode():
                own = {"error_type": node.error, "error_message": node.cause}
                if node.ends is not None:
                    self.fails = True
                    following = self.ending(node.name)
                assigns = {**node.assigns, **(node.ends or {})}
                self.states[node.name] = {"Type": "Pass", **self.leave(following, assigns, own)}
            case OutputNode():
                output = node.output
                if self.block.kind == "machine":
                    output = {**output, FAILED: tolerated_list(self.block, {})}
                self.states[node.name] = {"Type": "Succeed", "Output": output}
        return node.name

    def _caught(self, node: TaskNode | MapNode | ParallelNode, following: str | None, plain: Template = None) -> State:
        """Catchers for whatever may fail. States.ALL leaves out States.DataLimitExceeded, which its own name catches. `plain`
        is what a state hands on whose catcher has nothing to tell.
        """
        catchers = [*self._late(node, following), *self._failed(node, following, plain)]
        return {"Catch": catchers} if catchers else {}

    def _late(self, node: TaskNode | MapNode | ParallelNode, following: str | None) -> list[State]:
        if not isinstance(node, TaskNode) or node.late is None:
            return []
        return [{"ErrorEquals": [TIMEOUT], "Output": self.handed_on(), "Next": self.node(node.late, following)}]

    def _failed(self, node: TaskNode | MapNode | ParallelNode, following: str | None, plain: Template) -> list[State]:
        if node.failure is None:
            return []
        failure = node.failure
        assigns = {**failure.assigns, **(failure.ends or {})}
        assign: State = {"Assign": assigns} if assigns else {}
        target = self.target(following, node.name) if failure.ends is None else self.ending(node.name)
        told = self.handed_on(told_as_caught(node.name))
        told_all = self.handed_on(
            told_as_failed(node.name, CAUGHT_ERROR, _SHORT_MESSAGE) if fails_by_author(node) else plain
        )
        return [
            {"ErrorEquals": [name], **assign, "Output": output, "Next": target}
            for name, output in ((DATA_LIMIT_EXCEEDED, told), ("States.ALL", told_all))
        ]

    def _task(self, node: TaskNode, following: str | None) -> State:
        state: State = {"Type": "Task", "Resource": node.resource or LAMBDA_INVOKE, "Arguments": node.arguments}
        if node.timeout is not None:
            state["TimeoutSeconds"] = node.timeout
        if node.heartbeat is not None:
            state["HeartbeatSeconds"] = node.heartbeat
        if node.retry:
            state["Retry"] = [dict(r) for r in node.retry]
        state.update(self._caught(node, following))
        if node.check is not None:
            self.states[node.check.name] = self._check(node, node.check, following)
            return {**state, "Output": self.handed_on({HANDED: node.output}), "Next": node.check.name}
        own = self._element(node.output, following)
        return {**state, **self.leave(following, node.assigns, _nothing_caught(node) if own is None else own)}

    def _check(self, node: TaskNode, check: Check, following: str | None) -> State:
        """It goes on as the Task would, and what it was handed goes no further."""
        own = self._element(task_output(None), following)
        return {
            "Type": "Task",
            "Resource": LAMBDA_INVOKE,
            "Arguments": check.arguments,
            "Retry": [dict(r) for r in check.retry],
            **self._caught(node, following, {}),
            **self.leave(following, node.assigns, {} if own is None else own),
        }

    def _element(self, bare: Template, following: str | None) -> Template:
        """What a state gives that ends one element of a Map; None for any other state."""
        if following is not None or self.block.kind != "element":
            return None
        return bare if self.block.element is None else self.block.element

    def _map(self, node: MapNode, following: str | None) -> State:
        return {
            "Type": "Map",
            "Items": list_items(node.elements),
            "ItemSelector": {
                "item": Text("$states.context.Map.Item.Value"),
                "index": Text("$states.context.Map.Item.Index"),
                **({"at": _positions(node.depth)} if node.depth else {}),
            },
            "MaxConcurrency": node.max_concurrency,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                **_states(node.body, self.ends, _element(node), self.depth + 1),
            },
            **self._caught(node, following),
            **self.leave(following, node.assigns, _nothing_caught(node)),
        }

    def _wait(self, node: WaitNode, following: str | None) -> State:
        own = {node.step_id: node.output}
        return {"Type": "Wait", "Seconds": node.seconds, **self.leave(following, node.assigns, own)}

    def _pass(self, node: PassNode, following: str | None) -> State:
        values = fused(node.values)
        if following is not None:
            assigns = {**{v.variable: values.record(i) for i, v in enumerate(node.values) if v.kept}, **node.assigns}
            outputs = values.all_outputs({}, self.carries if len(node.values) > 1 else {})
            if isinstance(outputs, Fragment):
                return {
                    "Type": "Pass",
                    **({"Assign": assigns} if assigns else {}),
                    "Output": outputs,
                    "Next": following,
                }
            return {"Type": "Pass", **self.leave(following, assigns, outputs)}
        if self.block.kind == "element":
            return {"Type": "Pass", "Output": self._element(values.output(len(node.values) - 1), None), "End": True}
        own = {v.variable: values.record(i) for i, v in enumerate(node.values)}
        if self.block.kind == "machine" or self.block.apart:
            return {"Type": "Pass", **self.leave(None, {**own, **node.assigns}, values.all_outputs({}, {}))}
        others = {r.variable: carried(r) for r in self.block.returns if r.variable not in own}
        failed = {FAILED: tolerated_list(self.block, own)} if self.block.tolerated else {}
        outputs = values.all_outputs(others, {name: as_fragment(value) for name, value in failed.items()})
        return {
            "Type": "Pass",
            "Output": outputs if isinstance(outputs, Fragment) else {**outputs, **failed},
            "End": True,
        }

    def _guard(self, node: GuardNode, following: str | None) -> None:
        instead = self.node(node.instead, following) if node.instead is not None else None
        first = self.sequence(node.body, following)
        rule: State = {"Condition": node.skip_when, "Next": instead or self.target(following, node.name)}
        if node.skipped:
            rule["Assign"] = dict(node.skipped)
        rule["Output"] = self.handed_on()
        self.states[node.name] = {
            "Type": "Choice",
            "Choices": [rule],
            "Default": first or self.target(following, node.name),
            "Output": self.handed_on(),
        }

    def _join(self, node: JoinNode, following: str | None) -> None:
        assigns = {**node.assigns, **(node.ends or {})}
        rule: State = {"Condition": node.failed, **({"Assign": assigns} if assigns else {})}
        target = self.target(following, node.name) if node.ends is None else self.ending(node.name)
        self.states[node.name] = {
            "Type": "Choice",
            "Choices": [{**rule, "Output": self.handed_on(), "Next": target}],
            "Default": self.target(following, node.name),
            "Output": self.handed_on(),
        }

    def _switch(self, node: SwitchNode, following: str | None) -> None:
        default = self.sequence(node.default, following) or self.target(following, node.step_id)
        # The Assign of the state goes with its Default. Were it to hold for the rules too, it would do no harm: `assigns` is
        # the same in all of them, and where there is an `otherwise`, every case assigns that in its end.
        assign: State = {"Assign": dict(node.assigns)} if node.assigns else {}
        otherwise = {**node.assigns, **node.otherwise}
        rules = []
        for case in node.cases:
            first = self.sequence(case.nodes, following) or self.target(following, node.step_id)
            rules.append({"Condition": case.condition, "Next": first, **assign, "Output": self.handed_on()})
        self.states[node.name] = {
            "Type": "Choice",
            "Choices": rules,
            "Default": default,
            **({"Assign": otherwise} if otherwise else {}),
            "Output": self.handed_on(),
        }

    def _loop(self, node: LoopNode, following: str | None) -> str:
        """A Pass that starts the loop, the Choice that decides on each turn, the body with an edge back to the Choice."""
        out_of_turns = self.node(node.instead, following)
        first = self.sequence(node.body, node.name)
        assert first is not None, "a loop without steps"
        leave: State = {
            "Condition": node.stop,
            "Assign": dict(node.done),
            "Output": self.handed_on(None if node.output is None else {node.step_id: node.output}),
            "Next": self.target(following, node.step_id),
        }
        again: State = {
            "Condition": node.may_go_on,
            "Assign": dict(node.again),
            "Output": self.handed_on(),
            "Next": first,
        }
        self.states[node.name] = {
            "Type": "Choice",
            "Choices": [leave, again],
            "Default": out_of_turns,
            "Output": self.handed_on(),
        }
        start = derived_name(node.step_id, START)
        self.states[start] = {
            "Type": "Pass",
            "Assign": dict(node.start),
            "Output": self.handed_on(),
            "Next": node.name if node.before else first,
        }
        return start


def _lists_from_branches(node: ParallelNode) -> Assigns:
    """The notes of what failed in the branches, and the ids of steps whose failures were tolerated, each as one list."""
    lists = {node.failures: FAILURES, node.tolerated: FAILED}
    return {name: Text(f"[{RESULT.code}.{key}]") for name, key in lists.items() if name is not None}


def _nothing_caught(node: TaskNode | MapNode | ParallelNode) -> Template:
    """What a state that has catchers gives when it succeeds: not its input, where what an earlier turn told may stand."""
    has_catchers = node.failure is not None or (isinstance(node, TaskNode) and node.late is not None)
    return {} if has_catchers else None


def _element(node: MapNode) -> Mapping[str, Fragment]:
    return {**_ELEMENT, "at": Text("$states.input.at")} if node.depth else _ELEMENT


def _positions(depth: int) -> Fragment:
    """The positions of the elements around a map, outermost first: of its state's input, which is theirs."""
    index = Text("$states.input.index")
    return Array((index,)) if depth == 1 else Call("$append", (Text("$states.input.at"), index))


def _states(block: Block, ends: dict[str, int], carries: Mapping[str, Fragment] = _NO_ELEMENT, depth: int = 0) -> State:
    """`StartAt` and `States` of a block, the states in the order in which they run."""
    rendering = _Rendering(block, ends, carries, depth)
    rendering.recovery = rendering.sequence(block.recovery, None)
    start = rendering.sequence(block.nodes, None)
    start = start or rendering.target(None, "workflow")
    states = dict(reversed(rendering.states.items()))
    return {"StartAt": start, "States": reachable(start, states) if rendering.fails else states}
