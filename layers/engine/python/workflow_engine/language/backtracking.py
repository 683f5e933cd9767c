"""Whether a pattern can make a backtracking engine take exponential time, as those of JSONata do on AWS and here.

A pattern is seen as an automaton whose states are its positions (each set of characters), after Glushkov. It can take
exponential time if it is ambiguous in a loop: if from a position back to the same one two different ways read the same
text (Weber and Seidl, "On the degree of ambiguity of finite automata", criterion EDA), as in `(a+)+` or `(a|a)*`. It is
harmless where the rest of the pattern may be empty: the engine then never has to try the second way. Many ways without such
a loop (`a?a?a?...`, `.*.*.*.*.*`) are found by counting those that read the same character over and over.

Counted repetitions are loops here unless they are short, references back to a group stand for the group again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, TypeVar

from workflow_engine.ecma_patterns import (
    Assertion,
    Backreference,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Ranges,
    Repeat,
    Sequence,
    complement,
    parse,
)
from workflow_engine.lazy_dataclass import dataclass

MAX_POSITIONS: Final = 1_000
MAX_PAIRS: Final = 100_000
"""Steps of the search, after which a pattern counts as too complex to be judged."""
MAX_WAYS: Final = 1_000_000
"""Ways to read 64 times the same character: of four `.*` in a row 50,000, of six 10 million."""

_MAX_COPIES: Final = 8
_PUMPED: Final = 64

T = TypeVar("T")

Ways: TypeAlias = Mapping[int, int]
"""Positions, each with the number of ways to get there, 2 for all more."""


class BacktrackingError(ValueError):
    """A pattern that can take exponential time. The message is a sentence with advice."""


def check_backtracking(pattern: str) -> None:
    """Raise BacktrackingError for a pattern with which a text can keep a backtracking engine busy for ever, and PatternError
    for one that is none.
    """
    root = parse(pattern).root
    groups = {node.number: node.body for node in _nodes(root) if isinstance(node, Group) and node.number}
    for node in (root, *(look.body for look in _nodes(root) if isinstance(look, Look))):
        automaton = _Automaton(groups)
        whole = automaton.read(node, 1)
        exits = set(whole.last_free)
        loops = automaton.loops()
        if any(automaton.is_ambiguous(loop) for loop in loops if not loop & exits):
            raise BacktrackingError(
                "a text can be matched in so many ways that this may take for ever: repetitions stand within each other, or "
                "alternatives of a repetition begin alike. Write (a+)+ as a+, (a|ab)* as (ab?)*, and keep apart what repeats."
            )
        if automaton.most_ways(whole.first, exits) > MAX_WAYS:
            raise BacktrackingError(
                "too many repetitions or optional parts follow each other that match the same characters; join them."
            )


def _nodes(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        found = stack.pop()
        yield found
        match found:
            case Sequence(parts) | Choice(parts):
                stack += parts
            case Repeat(body=body) | Group(body=body) | Look(body=body):
                stack.append(body)
            case _:
                pass


@dataclass(frozen=True, slots=True)
class _Part:
    """What Glushkov's construction knows of a part: positions that may come first and last, in how many ways it may be
    empty. `free` and `last_free` are the same if no assertion held.
    """

    first: Ways
    last: Ways
    empty: int
    last_free: Ways
    empty_free: int


_NOTHING: Final = _Part({}, {}, 1, {}, 1)
_ASSERTED: Final = _Part({}, {}, 1, {}, 0)


def _sum(*several: tuple[Ways, int]) -> dict[int, int]:
    total: dict[int, int] = {}
    for ways, times in several:
        for position, count in ways.items():
            if times:
                total[position] = min(2, total.get(position, 0) + count * times)
    return total


class _Automaton:
    def __init__(self, groups: Mapping[int, Node]) -> None:
        self._groups = groups
        self._chars: list[Ranges] = []
        self._next: list[dict[int, int]] = []
        self._steps = 0
        self._open: set[int] = set()

    def read(self, node: Node, copies: int) -> _Part:
        """Add a part; `copies` is how often it stands in the automaton because of repetitions around it."""
        match node:
            case Chars():
                return self._position(node)
            case Sequence(parts):
                whole = _NOTHING
                for part in parts:
                    whole = self._joined(whole, self.read(part, copies))
                return whole
            case Choice(options):
                read = [self.read(option, copies) for option in options]
                return _Part(
                    _sum(*((part.first, 1) for part in read)),
                    _sum(*((part.last, 1) for part in read)),
                    min(2, sum(part.empty for part in read)),
                    _sum(*((part.last_free, 1) for part in read)),
                    min(2, sum(part.empty_free for part in read)),
                )
            case Group(body):
                return self.read(body, copies)
            case Repeat():
                return self._repeated(node, copies)
            case Backreference(group):
                return self._again(group, copies)
            case Look() | Assertion():
                return _ASSERTED

    def _position(self, chars: Chars) -> _Part:
        if len(self._chars) >= MAX_POSITIONS:
            raise BacktrackingError("it is too complex to be checked; write a shorter one.")
        ranges = complement(()) if chars.properties else chars.ranges
        self._chars.append(complement(ranges) if chars.negated and not chars.properties else ranges)
        self._next.append({})
        here = {len(self._chars) - 1: 1}
        return _Part(here, here, 0, here, 0)

    def _again(self, group: int | str, copies: int) -> _Part:
        """A group once more. One that it stands in, or that is not there, is empty to ECMA-262."""
        if not isinstance(group, int) or group in self._open or group not in self._groups:
            return _NOTHING
        self._open.add(group)
        part = self.read(self._groups[group], copies)
        self._open.discard(group)
        return part

    def _repeated(self, repeat: Repeat, copies: int) -> _Part:
        least, most = repeat.least, repeat.most
        if most == 0:
            return _NOTHING
        if most is None or most * copies > _MAX_COPIES:
            return self._looped(repeat, copies)
        whole = _NOTHING
        for _ in range(most - least):  # from the inside: (x(x)?)?
            inner = self._joined(self.read(repeat.body, copies * most), whole)
            whole = _Part(inner.first, inner.last, 1, inner.last_free, 1)
        for _ in range(least):
            whole = self._joined(self.read(repeat.body, copies * most), whole)
        return whole

    def _looped(self, repeat: Repeat, copies: int) -> _Part:
        body = self.read(repeat.body, copies)
        # An iteration that reads nothing ends a loop, unless the count demands more of them: then any may be empty.
        self._connect(body.last, body.first, 2 if body.empty and repeat.least > 1 else 1)
        if not repeat.least:
            return _Part(body.first, body.last, 1, body.last_free, 1)
        if repeat.least == 1 or body.empty_free:
            return body
        # The engine gets past the loop after so many iterations only, and before that tries every way to divide the text.
        return _Part(body.first, body.last, body.empty, {}, body.empty_free)

    def _joined(self, one: _Part, other: _Part) -> _Part:
        self._connect(one.last, other.first, 1)
        return _Part(
            _sum((one.first, 1), (other.first, one.empty)),
            _sum((other.last, 1), (one.last, other.empty)),
            min(2, one.empty * other.empty),
            _sum((other.last_free, 1), (one.last_free, other.empty_free)),
            min(2, one.empty_free * other.empty_free),
        )

    def _connect(self, sources: Ways, targets: Ways, times: int) -> None:
        for source, ways in sources.items():
            following = self._next[source]
            self._spend(len(targets))
            for target, more in targets.items():
                following[target] = min(2, following.get(target, 0) + ways * more * times)

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_PAIRS:
            raise BacktrackingError("it is too complex to be checked; write a shorter one.")

    def loops(self) -> list[set[int]]:
        """The positions that lie in one loop, or in loops that meet."""
        return [set(c) for c in _components({p: list(n) for p, n in enumerate(self._next)}) if _is_loop(c, self._next)]

    def is_ambiguous(self, loop: set[int]) -> bool:
        """Whether some text leads from a position of a loop back to it in two ways."""
        if any(ways > 1 for position in loop for target, ways in self._next[position].items() if target in loop):
            return True
        following: dict[tuple[int, int], list[tuple[int, int]]] = {}
        queue = [(position, position) for position in sorted(loop)]
        while queue:
            pair = queue.pop()
            if pair in following:
                continue
            following[pair] = [
                (min(a, b), max(a, b))
                for a in self._next[pair[0]]
                if a in loop
                for b in self._next[pair[1]]
                if b in loop and self._overlap(a, b)
            ]
            queue += following[pair]
        return any(
            any(one == other for one, other in component) and any(one != other for one, other in component)
            for component in _components(following)
        )

    def _overlap(self, one: int, other: int) -> bool:
        self._spend(1)
        if one == other:
            return True
        return any(a <= d and c <= b for a, b in self._chars[one] for c, d in self._chars[other])

    def most_ways(self, first: Ways, exits: set[int]) -> int:
        """In how many ways a text of one character, again and again, can be read at most without reaching an exit."""
        most = 0
        for code in sorted({ranges[0][0] for ranges in self._chars if ranges})[:64]:
            takes = [any(low <= code <= high for low, high in ranges) for ranges in self._chars]
            now = {position: ways for position, ways in first.items() if takes[position]}
            for _ in range(_PUMPED):
                following: dict[int, int] = {}
                for position, ways in now.items():
                    for target, more in self._next[position].items():
                        if takes[target]:
                            following[target] = following.get(target, 0) + ways * more
                now = following
                if not now.keys() & exits:
                    most = max(most, sum(now.values()))
                if not now or most > MAX_WAYS:
                    break
        return most


def _is_loop(component: list[int], following: list[dict[int, int]]) -> bool:
    return len(component) > 1 or component[0] in following[component[0]]


def _components(graph: Mapping[T, list[T]]) -> list[list[T]]:
    """Strongly connected components (Tarjan), without recursion."""
    order: dict[T, int] = {}
    low: dict[T, int] = {}
    path: list[T] = []
    on_path: set[T] = set()
    found: list[list[T]] = []
    for root in graph:
        if root in order:
            continue
        work = [(root, iter(graph[root]))]
        order[root] = low[root] = len(order)
        path.append(root)
        on_path.add(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    path.append(target)
                    on_path.add(target)
                    work.append((target, iter(graph[target])))
                    break
                if target in on_path:
                    low[node] = min(low[node], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    component: list[T] = []
                    while not component or component[-1] != node:
                        component.append(path.pop())
                        on_path.discard(component[-1])
                    found.append(component)
    return found
