"""What the parser keeps of an operand instead of its tree: the kind of its top node, and depths."""

from __future__ import annotations

from workflow_engine.lazy_dataclass import dataclass


@dataclass(slots=True)
class Operand:
    """A parsed operand: `kind` of its top node, and depths in nodes.

    A path (`kind == "path"`) is kept open, because `.`, `[` and `^` go on adding to it: `steps` is the depth of its
    deepest step but the last, `last` that of the last. Any other operand has only `last`. `tail`: depth as the last
    thing a function does, where a call is wrapped in a thunk.
    """

    kind: str
    last: int = 1
    steps: int = 0
    tail: int = 0
    of_states: bool = False

    @property
    def depth(self) -> int:
        return 1 + max(self.steps, self.last) if self.kind == "path" else self.last

    @property
    def tail_depth(self) -> int:
        return max(self.tail, self.depth)

    def filtered(self, depth: int) -> None:
        """Add a filter of this depth to the node, or to the last step of a path. A filtered call gets no thunk."""
        self.last = max(self.last, 1 + depth)
        if self.tail:
            self.tail = 0 if self.kind == "function" else max(self.tail, 1 + depth)

    def grouped(self, depth: int) -> None:
        """Add a grouping `{key: value}` of this depth to the node."""
        if self.kind == "path":
            self.steps = max(self.steps, depth)
            return
        self.last = max(self.last, 1 + depth)
        if self.tail:
            self.tail = 1 + self.last if self.kind == "function" else max(self.tail, 1 + depth)

    def as_path(self) -> Operand:
        return self if self.kind == "path" else Operand("path", last=self.last)
