"""Lists whose length only the run tells, against the 25,000 history events of a run.

A list is checked where its length is first known, before anything is paid for it: a list in the workflow itself by the
plan, one of the run's input when a run is asked for (`events_of_input`), one that a step makes by the Map's own `Items`
(`bound_lists`). The last two refuse only what cannot fit: every element is counted at the fewest events that it takes,
without retries, without what a condition may skip. So no run is refused that could have completed.

What a list costs in events is said by inline Maps alone; a Map in distributed mode has histories of its own, and would
not be counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from workflow_engine import aws_quotas
from workflow_engine.compiler.ir import Block, GuardNode, LoopNode, MapNode, Node, ParallelNode, SwitchNode, all_nodes
from workflow_engine.compiler.reports.plan import RUN_EVENTS, count_block, count_element
from workflow_engine.language.diagnostics import Diagnostic, Json, pointer
from workflow_engine.language.paths import value_at
from workflow_engine.language.syntax import ScopeReference, Segment, Wildcard
from workflow_engine.lazy_dataclass import dataclass

Room = Callable[[MapNode], int | None]
"""How many elements of a Map the history of the run can take at most."""


def bound_lists(block: Block) -> Block:
    """The machine's block in which every list that nobody bounds has the room that the rest of the run leaves for it: for its
    elements, for what undoes them one by one, and for the other failure steps.
    """
    maps = _maps(block)
    if all(node.elements.most is not None for node in maps):
        return block
    sure = count_block(block).events_low + count_block(Block(block.recovery)).events_low
    left = max(0, aws_quotas.HISTORY_EVENTS - RUN_EVENTS - sure)
    undoing: Counter[str] = Counter()
    for node in maps:
        if node.elements.undone is not None:
            undoing[node.elements.undone] += count_element(node).events_low

    def room(node: MapNode) -> int | None:
        if node.elements.undone is not None:  # no more than the list that is undone
            return None
        return left // (count_element(node).events_low + undoing[node.step_id])

    return _bounded(block, room)


def _bounded(block: Block, room: Room) -> Block:
    return replace(block, nodes=_bounded_nodes(block.nodes, room), recovery=_bounded_nodes(block.recovery, room))


def _bounded_nodes(nodes: tuple[Node, ...], room: Room) -> tuple[Node, ...]:
    return tuple(_bounded_node(node, room) for node in nodes)


def _bounded_node(node: Node, room: Room) -> Node:
    match node:
        case MapNode(elements=elements):
            if elements.most is None:
                elements = replace(elements, room=room(node))
            return replace(node, elements=elements, body=_bounded(node.body, room))
        case ParallelNode():
            return replace(node, branches=tuple(_bounded(b, room) for b in node.branches))
        case GuardNode() | LoopNode():
            return replace(node, body=_bounded_nodes(node.body, room))
        case SwitchNode():
            cases = tuple(replace(case, nodes=_bounded_nodes(case.nodes, room)) for case in node.cases)
            return replace(node, cases=cases, default=_bounded_nodes(node.default, room))
        case _:
            return node


def unbounded_warnings(block: Block) -> list[Diagnostic]:
    """A warning for each list that nobody bounds; `bound_lists` has been here."""
    found = []
    for node in _maps(block):
        if node.elements.room is not None:
            detail = (
                f"Nothing bounds the list of '{node.step_id}'. A run has {aws_quotas.HISTORY_EVENTS:,} history events, room for "
                f"{node.elements.room:,} elements at most; a longer list fails the step before its first element. Give "
                "max_items to say how many you expect."
            )
            found.append(Diagnostic("WFE-W513", node.elements.place, detail))
    return found


def _maps(block: Block) -> list[MapNode]:
    """All Maps of a machine's block, at every depth."""
    return [node for node in all_nodes((*block.nodes, *block.recovery)) if isinstance(node, MapNode)]


# --- lists of the run's input ---


def fan_out(block: Block) -> dict[str, Any]:
    """What the lists of the run's input cost, as JSON: `{events, lists}`, or `{}` where no list is read from the input.

    `events` are those of a run whose lists are all empty. A list is `{step_id, word, path, events, lists, max_items?}`: where
    it starts (`input` or the `item` of the list around it), the segments below that (null for `[*]`), the events of one
    element and the lists that run per element. A list of a known length stands there with its `times`, for what is inside
    of it. Only what surely runs is listed: nothing behind a condition.
    """
    lists = _certain_lists(block.nodes)
    return {"events": count_block(block).events_low + RUN_EVENTS, "lists": lists} if lists else {}


def _certain_lists(nodes: tuple[Node, ...]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for node in nodes:
        match node:
            case MapNode():
                found += _list(node)
            case ParallelNode():
                for branch in node.branches:
                    found += _certain_lists(branch.nodes)
            case LoopNode(before=False):
                found += _certain_lists(node.body)
    return found


def _list(node: MapNode) -> list[dict[str, Any]]:
    inside = _certain_lists(node.body.nodes)
    elements = node.elements
    if elements.least > 0:
        within = [entry for entry in inside if entry.get("word") != "item"]
        return [{"times": elements.least, "lists": within}] if within else []
    if not isinstance(elements.origin, ScopeReference) or elements.origin.word not in ("input", "item"):
        return []
    path = [None if isinstance(segment, Wildcard) else segment for segment in elements.origin.path]
    events = count_element(node).events_low
    entry = {"step_id": node.step_id, "word": elements.origin.word, "path": path, "events": events, "lists": inside}
    return [entry if elements.max_items is None else {**entry, "max_items": elements.max_items}]


@dataclass(frozen=True, slots=True)
class TooManyElements:
    """A run that its input makes too long: the list that takes most of the events, and how many the run would take."""

    step_id: str
    pointer: str
    elements: int
    events: int

    @property
    def detail(self) -> str:
        return (
            f"The run would take {self.events:,} history events; Step Functions allows {aws_quotas.HISTORY_EVENTS:,}. Step "
            f"'{self.step_id}' runs over {self.elements:,} elements in all. Start several runs with a part of the list each."
        )


def events_of_input(costs: Mapping[str, Any], run_input: Json) -> TooManyElements | None:
    """Why a run with this input cannot complete within its history; None if it may. `costs` is what `fan_out` gave."""
    if not costs:
        return None
    counts: dict[str, _Taken] = {}
    for entry in costs["lists"]:
        _take(entry, run_input, None, 1, counts)
    events = costs["events"] + sum(taken.events for taken in counts.values())
    if events <= aws_quotas.HISTORY_EVENTS:
        return None
    step_id, worst = max(counts.items(), key=lambda pair: pair[1].events)
    return TooManyElements(step_id, worst.pointer, worst.elements, events)


@dataclass(slots=True)
class _Taken:
    pointer: str
    elements: int = 0
    events: int = 0


def _take(entry: Mapping[str, Any], run_input: Json, item: Json, times: int, counts: dict[str, _Taken]) -> None:
    """Add what a list costs, run `times` times, to the counts by step."""
    if "times" in entry:
        for inner in entry["lists"]:
            _take(inner, run_input, item, times * entry["times"], counts)
        return
    path: tuple[Segment, ...] = tuple(Wildcard() if segment is None else segment for segment in entry["path"])
    value = value_at(item if entry["word"] == "item" else run_input, path)
    elements = value if isinstance(value, list) else []
    if len(elements) > entry.get("max_items", len(elements)):
        return  # the step fails before its first element, and may be one that may fail
    taken = counts.setdefault(entry["step_id"], _Taken(_pointer(entry, run_input)))
    taken.elements += times * len(elements)
    taken.events += times * len(elements) * entry["events"]
    # A list that is the same for each element is read once for all of them.
    own = [inner for inner in entry["lists"] if _reads_item(inner)]
    for inner in entry["lists"]:
        if inner not in own:
            _take(inner, run_input, None, times * len(elements), counts)
    for element in elements if own else ():
        for inner in own:
            _take(inner, run_input, element, times, counts)


def _reads_item(entry: Mapping[str, Any]) -> bool:
    """Whether the list itself starts at the element around it. What is inside it has an element of its own."""
    return entry.get("word") == "item"


def _pointer(entry: Mapping[str, Any], run_input: Json) -> str:
    """Where the list stands in a request's body: the input, as far as the path leads to one place of it."""
    place, value = pointer("input"), run_input
    for segment in entry["path"] if entry["word"] == "input" else ():
        if not isinstance(value, dict if isinstance(segment, str) else list) or segment is None:
            break
        segment = segment % len(value) if isinstance(segment, int) else segment
        place, value = place + pointer(segment), value_at(value, (segment,))
    return place
