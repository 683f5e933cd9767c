"""One pass over a JSONata expression: is it JSONata 2.0.6, what does it read, how deep is its syntax tree?

A Pratt parser with the binding powers of the reference implementation. It builds no tree: each operand is summed up in
an `Operand`, and the facts that the verifier needs are noted on the way. Depth counts the typed nodes of the tree that
`jsonata(text).ast()` of npm `jsonata@2.0.6` returns, path steps, filters and tail-call thunks included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import Final

from workflow_engine.language.jsonata.operands import Operand
from workflow_engine.language.jsonata.tokens import JsonataSyntaxError, Token, next_token
from workflow_engine.lazy_dataclass import dataclass

MAX_NESTING: Final = 120
"""Where reading stops: nested deeper than this, an expression is over every limit and would exhaust Python's stack."""

BINDING_POWER: Final[dict[str, int]] = {
    **dict.fromkeys(("[", "(", "@", "#"), 80),
    ".": 75,
    "{": 70,
    **dict.fromkeys(("*", "/", "%", "**"), 60),
    **dict.fromkeys(("+", "-", "&"), 50),
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "^", "~>", "in"), 40),
    "and": 30,
    "or": 25,
    "?": 20,
    ":=": 10,
}
_BINARY: Final = frozenset({"+", "-", "*", "/", "%", "=", "!=", "<", "<=", ">", ">=", "&", "and", "or", "in", "~>"})
_UNARY_MINUS: Final = 70
_LAMBDA_WORDS: Final = frozenset({"function", "λ"})


class NestedTooDeepError(Exception):
    """The expression is nested deeper than `MAX_NESTING`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an expression reads.

    `variables`: names without `$` that the expression does not bind itself, built-in functions included.
    `states_fields`: the first step after `$states`. `context_names`: names, `$`, `*` and `**` that would be read from a
    context item, in order.
    """

    depth: int
    variables: frozenset[str]
    states_fields: frozenset[str]
    context_names: tuple[str, ...]
    reads_root: bool


def read_expression(text: str) -> Reading:
    """Parse `text` (without the `{% %}`). Raises JsonataSyntaxError, or NestedTooDeepError."""
    return _Parser(text).read()


@dataclass(slots=True)
class _Scope:
    """Variables that an expression binds in one block or function; `pending` are reads by functions, bound later perhaps."""

    bound: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)


class _Parser:
    """State of one parse: the current token, the scopes, and the facts found so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.token = Token("end", "", 0)
        self.nesting = 0
        self.in_context = False
        self.functions = 0
        self.scopes = [_Scope()]
        self.variables: set[str] = set()
        self.states_fields: set[str] = set()
        self.context_names: list[str] = []
        self.reads_root = False

    def read(self) -> Reading:
        self.advance()
        if self.token.kind == "end":
            raise JsonataSyntaxError("the expression is empty")
        operand = self.expression(0)
        if self.token.kind != "end":
            raise JsonataSyntaxError(f"unexpected {self.token.value!r} before offset {self.token.end}")
        self.variables |= self.scopes[0].pending - self.scopes[0].bound
        return Reading(
            operand.depth,
            frozenset(self.variables),
            frozenset(self.states_fields),
            tuple(dict.fromkeys(self.context_names)),
            self.reads_root,
        )

    def advance(self, *, after_operand: bool = False) -> Token:
        """Go to the next token and return the one left behind."""
        left = self.token
        self.token = next_token(self.text, left.end, after_operand=after_operand)
        return left

    def expect(self, kind: str, *, after_operand: bool = False) -> None:
        if self.token.kind != kind:
            raise JsonataSyntaxError(f"expected {kind!r} before offset {self.token.end}, found {self.token.value!r}")
        self.advance(after_operand=after_operand)

    @contextmanager
    def inside_context(self) -> Iterator[None]:
        """Later steps of a path, filters, sort terms and groupings have a context item: names there are its fields."""
        before, self.in_context = self.in_context, True
        yield
        self.in_context = before

    @contextmanager
    def scope(self) -> Iterator[_Scope]:
        inner = _Scope()
        self.scopes.append(inner)
        yield inner
        self.scopes.pop()
        self.scopes[-1].pending |= inner.pending - inner.bound

    def note_variable(self, name: str) -> None:
        if name == "":
            self.note_context("$")
        elif name == "$":
            self.reads_root = True
        elif not any(name in scope.bound for scope in self.scopes):
            # A function may run after a later binding of its block, so what it reads is decided when the block ends.
            (self.scopes[-1].pending if self.functions else self.variables).add(name)

    def note_context(self, name: str) -> None:
        if not self.in_context:
            self.context_names.append(name)

    # Operands

    def expression(self, power: int) -> Operand:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise NestedTooDeepError
        token = self.advance(after_operand=True)
        start = _PREFIX.get(token.kind)
        if start is None:
            raise JsonataSyntaxError(f"unexpected {token.value or 'end of expression'!r} before offset {token.end}")
        left = start(self, token)
        while power < BINDING_POWER.get(self.token.kind, 0):
            token = self.advance()
            go_on = _INFIX.get(token.kind)
            if go_on is None:
                raise JsonataSyntaxError(f"{token.value!r} before offset {token.end} is not a binary operator")
            left = go_on(self, token, left)
        self.nesting -= 1
        return left

    def literal(self, token: Token) -> Operand:
        if token.kind == "string" and self.token.kind == ".":
            self.note_context(token.value)  # As a step of a path, text is a name.
        return Operand(token.kind)

    def name(self, token: Token) -> Operand:
        if token.value in _LAMBDA_WORDS and self.token.kind == "(":
            return Operand("lambda")
        self.note_context(token.value)
        return Operand("path")

    def wildcard(self, token: Token) -> Operand:
        self.note_context(token.value)
        return Operand("wildcard")

    def parent(self, token: Token) -> Operand:
        return Operand("parent")

    def variable(self, token: Token) -> Operand:
        if self.token.kind == ":=":
            return Operand("binding:" + token.value)
        self.note_variable(token.value)
        is_states = token.value == "states" and not any("states" in scope.bound for scope in self.scopes)
        return Operand("variable", of_states=is_states)

    def negation(self, token: Token) -> Operand:
        operand = self.expression(_UNARY_MINUS)
        return operand if operand.kind == "number" else Operand("unary", 1 + operand.depth)

    def block(self, token: Token) -> Operand:
        deepest, tail = 0, 0
        with self.scope():
            while self.token.kind != ")":
                operand = self.expression(0)
                tail = max(deepest, operand.tail_depth)
                deepest = max(deepest, operand.depth)
                if self.token.kind != ";":
                    break
                self.advance()
        self.expect(")", after_operand=True)
        return Operand("block", 1 + deepest, tail=1 + tail)

    def array(self, token: Token) -> Operand:
        deepest = 0
        while self.token.kind != "]":
            item = self.expression(0).depth
            if self.token.kind == "..":
                self.advance()
                item = 1 + max(item, self.expression(0).depth)
            deepest = max(deepest, item)
            if self.token.kind != ",":
                break
            self.advance()
        self.expect("]", after_operand=True)
        return Operand("array", 1 + deepest)

    def object(self, token: Token) -> Operand:
        return Operand("object", 1 + self.pairs())

    def pairs(self) -> int:
        """`key: value, ... }`; the depth of the deepest key or value."""
        deepest = 0
        while self.token.kind != "}":
            key = self.expression(0).depth
            self.expect(":")
            deepest = max(deepest, key, self.expression(0).depth)
            if self.token.kind != ",":
                break
            self.advance()
        self.expect("}", after_operand=True)
        return deepest

    def transform(self, token: Token) -> Operand:
        with self.inside_context():
            deepest = self.expression(0).depth
            self.expect("|")
            deepest = max(deepest, self.expression(0).depth)
            if self.token.kind == ",":
                self.advance()
                deepest = max(deepest, self.expression(0).depth)
        self.expect("|")
        return Operand("transform", 1 + deepest)

    # Operators

    def binary(self, token: Token, left: Operand) -> Operand:
        return Operand("binary", 1 + max(left.depth, self.expression(BINDING_POWER[token.kind]).depth))

    def step(self, token: Token, left: Operand) -> Operand:
        if left.of_states and self.token.kind in ("name", "string"):
            self.states_fields.add(self.token.value)
        path = left.as_path()
        with self.inside_context():
            right = self.expression(BINDING_POWER["."])
        if right.kind in ("number", "value"):
            raise JsonataSyntaxError(
                f"a number, true, false or null cannot be a step of a path, before offset {token.end}"
            )
        return Operand("path", last=right.last, steps=max(path.steps, path.last, right.steps))

    def filter(self, token: Token, left: Operand) -> Operand:
        if self.token.kind == "]":
            self.advance()
            return left
        with self.inside_context():
            # A filter is a node of its own between the step and the expression.
            left.filtered(1 + self.expression(0).depth)
        self.expect("]", after_operand=True)
        return left

    def order(self, token: Token, left: Operand) -> Operand:
        path = left.as_path()
        self.expect("(")
        deepest = 0
        with self.inside_context():
            while True:
                if self.token.kind in ("<", ">"):
                    self.advance()
                deepest = max(deepest, self.expression(0).depth)
                if self.token.kind != ",":
                    break
                self.advance()
        self.expect(")")
        return Operand("path", last=1 + deepest, steps=max(path.steps, path.last))

    def group(self, token: Token, left: Operand) -> Operand:
        with self.inside_context():
            left.grouped(self.pairs())
        return left

    def call(self, token: Token, left: Operand) -> Operand:
        if left.kind == "lambda":
            return self.function()
        deepest, partial = left.depth, False
        while self.token.kind != ")":
            if self.token.kind == "?":
                self.advance()
                partial = True
            else:
                deepest = max(deepest, self.expression(0).depth)
            if self.token.kind != ",":
                break
            self.advance()
        self.expect(")", after_operand=True)
        # A tail call is wrapped in a thunk, which is one more node; a partial application is not.
        return Operand("function", 1 + deepest, tail=0 if partial else 2 + deepest)

    def function(self) -> Operand:
        """`function($a, $b)<signature>{body}` after its opening parenthesis."""
        with self.scope() as scope:
            while self.token.kind == "variable":
                scope.bound.add(self.advance(after_operand=True).value)
                if self.token.kind != ",":
                    break
                self.advance()
            self.expect(")", after_operand=True)
            if self.token.kind == "<":
                while self.token.kind not in ("{", "end"):
                    self.advance()
            self.expect("{")
            self.functions += 1
            body = self.expression(0).tail_depth
            self.functions -= 1
        self.expect("}")
        return Operand("function value", 1 + max(bool(scope.bound), body))

    def condition(self, token: Token, left: Operand) -> Operand:
        then = self.expression(0)
        deepest, tail = max(left.depth, then.depth), max(left.depth, then.tail_depth)
        if self.token.kind == ":":
            self.advance()
            otherwise = self.expression(0)
            deepest, tail = max(deepest, otherwise.depth), max(tail, otherwise.tail_depth)
        return Operand("condition", 1 + deepest, tail=1 + tail)

    def bind(self, token: Token, left: Operand) -> Operand:
        kind, _, name = left.kind.partition(":")
        if kind != "binding":
            raise JsonataSyntaxError(f"the left side of ':=' before offset {token.end} is not a variable")
        value = self.expression(BINDING_POWER[":="] - 1)
        self.scopes[-1].bound.add(name)
        return Operand("bind", 1 + value.depth)

    def focus(self, token: Token, left: Operand) -> Operand:
        """`path@$v` and `path#$i` bind a variable for the rest of the path."""
        if self.token.kind != "variable":
            raise JsonataSyntaxError(f"{token.value!r} before offset {token.end} must be followed by a variable")
        self.scopes[-1].bound.add(self.advance(after_operand=True).value)
        return left if token.kind == "@" else left.as_path()


_PREFIX: Final[dict[str, Callable[[_Parser, Token], Operand]]] = {
    **dict.fromkeys(("string", "number", "value", "regex"), _Parser.literal),
    **dict.fromkeys(("name", "and", "or", "in"), _Parser.name),
    **dict.fromkeys(("*", "**"), _Parser.wildcard),
    "%": _Parser.parent,
    "variable": _Parser.variable,
    "-": _Parser.negation,
    "(": _Parser.block,
    "[": _Parser.array,
    "{": _Parser.object,
    "|": _Parser.transform,
}
_INFIX: Final[dict[str, Callable[[_Parser, Token, Operand], Operand]]] = {
    **dict.fromkeys(_BINARY, _Parser.binary),
    ".": _Parser.step,
    "[": _Parser.filter,
    "^": _Parser.order,
    "{": _Parser.group,
    "(": _Parser.call,
    "?": _Parser.condition,
    ":=": _Parser.bind,
    "@": _Parser.focus,
    "#": _Parser.focus,
}
