"""Records are assigned only while something reads them, and emptied after that.

All variables of a run may hold 10 MiB and one Assign 256 KiB (Step Functions developer guide, "Passing data between states
with variables", "Limits"), so what nobody reads any more must not stay. Whatever is read *later* decides:

* a record that nobody reads later is not assigned, one that is only asked for its status holds no output;
* in the state after which nobody reads a record's output, the record is overwritten by its status or by `{}`: in that
  state's own `Assign`, so it costs no state. A Choice cannot do that on its Default path; the next state then does.

Variables belong to the lexical scope (top level, Parallel branch, Map body) that assigns them, so each is treated alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field, fields, replace
from typing import Any, Final, get_args

from workflow_engine.aws_quotas import KIB
from workflow_engine.compiler.ir import (
    Assigns,
    Block,
    Case,
    Elements,
    FailedPassNode,
    FailNode,
    Failure,
    GuardNode,
    JoinNode,
    LoopNode,
    MapNode,
    Node,
    OutputNode,
    ParallelNode,
    PassNode,
    Return,
    RunResult,
    SwitchNode,
    TaskNode,
    Template,
    Value,
    WaitNode,
)
from workflow_engine.compiler.jsonata.fragments import Fragment, Read, VariableRead
from workflow_engine.compiler.jsonata.run_outputs import guarded
from workflow_engine.compiler.records import as_fragment
from workflow_engine.lazy_dataclass import dataclass

SMALL_BYTES: Final = KIB
"""A record known to be smaller than this is not worth the text that would empty it."""

_READ_NOTHING: Final = frozenset(
    {
        "str",
        "str | None",
        "int",
        "bool",
        "int | None",
        "Reference",
        "Check | None",
        "tuple[Return, ...]",
        # What the end of a block reads of it concerns that block alone, which asks for it.
        "tuple[Fragment, ...]",
        "RunResult | None",
        "tuple[Mapping[str, Any], ...]",
    }
)
"""Types of fields without templates, as they are written in `ir`."""

_KINDS: Final = frozenset((*get_args(Node), Block, Case, Elements, Failure, Value))


class _FieldsByKind(dict[type, tuple[str, ...]]):
    """The names of the fields that may read something, by kind of node: most kinds are not in most workflows."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        assert kind in _KINDS
        names = self[kind] = tuple(f.name for f in fields(kind) if f.type not in _READ_NOTHING)
        return names


_READING_FIELDS: Final = _FieldsByKind()

Nodes = tuple[Node, ...]


def drop_dead_records(block: Block) -> Block:
    """The block, and all inside it, without assigning or keeping what nobody reads."""
    return _Liveness(block.result.share if block.result is not None else 0).block(block)


@dataclass(slots=True)
class _Later:
    """What is read from some point of a lexical scope on, and how often: one count for all that is left, nested nodes included,
    so that asking costs the same at any depth.
    """

    left: Counter[VariableRead]

    def __contains__(self, read: VariableRead) -> bool:
        return self.left.get(read, 0) > 0

    def keeps_output(self, variable: str) -> bool:
        """Whether its output is read later, whole or where the marker may take its place."""
        return (variable, True) in self or (variable, None) in self

    def expected(self, reads: Iterable[VariableRead]) -> None:
        self.left.update(reads)

    def passed(self, reads: Iterable[VariableRead]) -> None:
        self.left.subtract(reads)


@dataclass(slots=True)
class _Held:
    """Variables of one lexical scope that may hold an output, and those of them that nobody reads any more."""

    held: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)

    def copy(self) -> _Held:
        return _Held(set(self.held), set(self.dead))

    def join(self, other: _Held) -> None:
        """Where ways meet, a variable may hold what it holds on any of them."""
        self.held |= other.held
        self.dead |= other.dead

    def note_dead(self, reads: frozenset[VariableRead], later: _Later) -> None:
        """After a node with these reads: what it was the last to read is dead."""
        self.dead |= {v for v, whole in reads if whole and v in self.held and not later.keeps_output(v)}

    def emptied(self, later: _Later) -> dict[str, Template]:
        """What to assign to all that is dead, which is held no more then."""
        status = {v: {"status": Read(v, ("status",))} if (v, False) in later else {} for v in sorted(self.dead)}
        self.held -= self.dead
        self.dead.clear()
        return status


@dataclass(frozen=True, slots=True)
class _Liveness:
    """One pass over a machine. `share` are the bytes that an output has at most which only the run's output reads. `known`
    remembers what each node reads; it holds the node too, so that no id is used twice.
    """

    share: int = 0
    known: dict[int, tuple[Node, frozenset[VariableRead]]] = field(default_factory=dict)

    def block(self, block: Block) -> Block:
        wanted: set[VariableRead] = {(r.variable, False) for r in block.returns}
        wanted |= {(r.variable, None if r.share else True) for r in block.returns if r.keeps_output}
        for item in block.tolerated:
            item.add_reads(wanted)
        if block.result is not None:
            wanted |= _read_by_run(block.result)
        if block.failures is not None:
            wanted |= {(block.failures, False), (block.failures, True)}
        later = _Later(Counter(wanted))
        if not block.recovery:
            return replace(block, nodes=self.nodes(block.nodes, later, _Held(), ends=True))
        after_failure = frozenset[VariableRead]().union(*map(self.reads, block.recovery))
        later.expected(after_failure)
        nodes = self.nodes(block.nodes, later, _Held(), ends=True)
        later.passed(after_failure)
        # A failure may have come before anything was assigned, and the run ends anyway: nothing is emptied there.
        return replace(block, nodes=nodes, recovery=self.nodes(block.recovery, later, _Held(), ends=False))

    def nodes(self, nodes: Nodes, later: _Later, held: _Held, *, ends: bool) -> Nodes:
        """`later` is what is read after these nodes. `ends` says that the last of them ends its block: all variables of the
        scope are gone then anyway.
        """
        for node in nodes:
            later.expected(self.reads(node))
        rewritten = []
        for i, node in enumerate(nodes):
            later.passed(self.reads(node))
            rewritten.append(self.node(node, later, held, ends=ends and i == len(nodes) - 1))
        return tuple(rewritten)

    def node(self, node: Node, later: _Later, held: _Held, *, ends: bool) -> Node:
        match node:
            case GuardNode():
                return self._guard(node, later, held, ends=ends)
            case SwitchNode():
                return self._switch(node, later, held, ends=ends)
            case LoopNode():
                return self._loop(node, later, held, ends=ends)
            case FailedPassNode():
                return replace(node, assigns=self._trimmed(node.assigns, later))
            case JoinNode():
                held.note_dead(self.reads(node), later)
                return replace(node, assigns=self._trimmed(node.assigns, later))
            case OutputNode() | FailNode():
                return node
        held.note_dead(self.reads(node), later)
        emptied = {} if ends else held.emptied(later)
        changed: dict[str, Any] = {}
        match node:
            case TaskNode(late=late) if late is not None:
                changed["late"] = self._when_late(late, later, emptied)
            case MapNode():
                changed["body"] = self.block(node.body)
            case ParallelNode():
                trimmed = [replace(b, returns=self._wanted(b.returns, later)) for b in node.branches]
                changed["branches"] = tuple([self.block(b) for b in trimmed])
            case PassNode():
                changed["values"] = tuple([self._kept(v, later) for v in node.values])
            case _:
                pass
        if node.assigns or emptied:
            changed["assigns"] = {**self._trimmed(node.assigns, later), **emptied}
        if not isinstance(node, PassNode | WaitNode) and node.failure is not None:
            changed["failure"] = replace(
                node.failure, assigns={**self._trimmed(node.failure.assigns, later), **emptied}
            )
        rewritten = replace(node, **changed) if changed else node
        held.held.update(_holding(rewritten))
        return rewritten

    def _guard(self, node: GuardNode, later: _Later, held: _Held, *, ends: bool) -> GuardNode:
        skipping = held.copy()
        body = self.nodes(node.body, later, held, ends=ends)
        held.join(skipping)
        held.note_dead(self.reads(node), later)
        instead = node.instead
        if isinstance(instead, FailedPassNode):
            instead = replace(instead, assigns=self._trimmed(instead.assigns, later))
        return replace(node, body=body, instead=instead, skipped=self._trimmed(node.skipped, later))

    def _switch(self, node: SwitchNode, later: _Later, held: _Held, *, ends: bool) -> SwitchNode:
        ways = [held.copy() for _ in node.cases]
        cases = tuple(
            replace(case, nodes=self.nodes(case.nodes, later, way, ends=ends))
            for case, way in zip(node.cases, ways, strict=True)
        )
        default = self.nodes(node.default, later, held, ends=ends)
        for way in ways:
            held.join(way)
        assigns, otherwise = self._trimmed(node.assigns, later), self._trimmed(node.otherwise, later)
        held.note_dead(self.reads(node), later)
        return replace(node, cases=cases, default=default, assigns=assigns, otherwise=otherwise)

    def _loop(self, node: LoopNode, later: _Later, held: _Held, *, ends: bool) -> LoopNode:
        """Whatever a loop reads at all, its next turn may read again. It is emptied when the loop is left."""
        later.expected(self.reads(node))
        body = self.nodes(node.body, later, held, ends=False)
        later.passed(self.reads(node))
        held.note_dead(self.reads(node), later)
        done = {name: self._reduced(name, record, later) for name, record in node.done.items()}
        emptied = {} if ends else held.emptied(later)
        held.held.update(name for name, record in done.items() if "output" in record)
        return replace(node, body=body, done={**emptied, **done})

    # --- what is kept of a record ---

    def _trimmed(self, assigns: Assigns, later: _Later) -> dict[str, Template]:
        """Without records that nobody reads later, and without outputs that nobody reads later."""
        return {name: self._reduced(name, record, later) for name, record in assigns.items() if (name, False) in later}

    def _reduced(self, name: str, record: Template, later: _Later) -> Template:
        if (name, True) in later:
            return record
        status = {"status": record["status"]}
        if (name, None) in later and "output" in record:
            return {**status, "output": guarded(as_fragment(record["output"]), self.share)}
        return status

    def _wanted(self, returns: tuple[Return, ...], later: _Later) -> tuple[Return, ...]:
        return tuple(
            replace(
                r,
                keeps_output=r.keeps_output and later.keeps_output(r.outer),
                share=0 if (r.outer, True) in later else self.share,
            )
            for r in returns
            if (r.outer, False) in later
        )

    def _kept(self, value: Value, later: _Later) -> Value:
        return replace(
            value,
            kept=(value.variable, False) in later,
            keeps_output=later.keeps_output(value.variable),
            share=0 if (value.variable, True) in later else self.share,
        )

    def _when_late(
        self, node: PassNode | FailNode | FailedPassNode, later: _Later, emptied: Assigns
    ) -> PassNode | FailNode | FailedPassNode:
        """The other way out of a Task, which assigns what the Task does."""
        match node:
            case PassNode():
                values = tuple([self._kept(value, later) for value in node.values])
                return replace(node, values=values, assigns={**node.assigns, **emptied})
            case FailedPassNode():
                return replace(node, assigns={**self._trimmed(node.assigns, later), **emptied})
            case FailNode():
                return node

    def reads(self, node: Node) -> frozenset[VariableRead]:
        """What the node reads, at every depth."""
        found = self.known.get(id(node))
        if found is None:
            reads: set[VariableRead] = set()
            self._add_fields(node, reads)
            found = self.known[id(node)] = (node, frozenset(reads))
        return found[1]

    def _add_reads(self, value: Any, reads: set[VariableRead]) -> None:
        match value:
            case Fragment():
                value.add_reads(reads)
            case dict():
                for part in value.values():
                    self._add_reads(part, reads)
            case tuple() | list():
                for part in value:
                    self._add_reads(part, reads)
            case str() | int() | float() | None:
                return
            case Block() | Case() | Elements() | Failure() | Value():
                self._add_fields(value, reads)
            case _:
                reads |= self.reads(value)

    def _add_fields(self, value: Any, reads: set[VariableRead]) -> None:
        for name in _READING_FIELDS[type(value)]:
            self._add_reads(getattr(value, name), reads)


def _read_by_run(result: RunResult) -> set[VariableRead]:
    """What the run's output reads of the sinks."""
    reads: set[VariableRead] = set()
    for sink in result.sinks or ():
        if sink.variable is not None and (sink.carried or not sink.is_sure):
            reads.add((sink.variable, False))
        if sink.variable is not None and sink.carried:
            reads.add((sink.variable, None if sink.step_id in result.only else True))
    return reads


def _holding(node: TaskNode | MapNode | WaitNode | ParallelNode | PassNode) -> Iterator[str]:
    """Variables to which the node assigns an output that may be large."""
    match node:
        case PassNode(values=values):
            for value in values:
                if value.kept and value.keeps_output and (value.size_bound is None or value.size_bound > SMALL_BYTES):
                    yield value.variable
        case ParallelNode(branches=branches):
            yield from (r.outer for b in branches for r in b.returns if r.keeps_output)
        case TaskNode(assigns=assigns) | MapNode(assigns=assigns):
            yield from (name for name, record in assigns.items() if "output" in record)
        case WaitNode():
            return  # a number or a timestamp
