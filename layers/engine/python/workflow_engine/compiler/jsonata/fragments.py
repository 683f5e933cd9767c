"""JSONata as a tree of fragments, which are put together freely and become text once, in `compiler.asl`.

A fragment that stands for a value always has one (null for missing, never undefined: Step Functions fails a state whose
expression is undefined). What later stages ask is a property of the tree: the variables of the machine that it reads, how
tightly it binds, the helper functions it calls. Helpers are named, not inlined; their definitions are written in front of a
whole expression, once.

Only `Read` reads a variable of a machine. A `Text` is source that reads none: paths from `$states`, literals, the bodies of
functions, an author's expression, whose own variables are what its names mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import is_
from typing import Any, Final

from workflow_engine.compiler.jsonata.helpers import HELPERS
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.jsonata.syntax import BINDING_POWER

_WORDS: Final = frozenset({"and", "or", "in", "true", "false", "null", "function"})
_TIGHTEST: Final = 100
_HELPER_CALLS: Final[Mapping[str, str]] = {f"${name}": name for name in HELPERS}

VariableRead = tuple[str, bool]
"""A variable, and False for the status of its record, True for the rest. Who reads the rest reads the status, too."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """Any JSONata. The classes below are all there are."""

    @property
    def parts(self) -> tuple[Fragment, ...]:
        """The fragments that this one is directly made of."""
        return ()

    @property
    def binding(self) -> int:
        """The binding power of the operator at the top, JSONata's own number; greater than all where there is none."""
        return _TIGHTEST

    @property
    def reads(self) -> frozenset[VariableRead]:
        """What is read of the machine's variables, at any depth."""
        found: set[VariableRead] = set()
        self.add_reads(found)
        return frozenset(found)

    def add_reads(self, found: set[VariableRead]) -> None:
        for part in self.parts:
            part.add_reads(found)

    def renamed(self, names: Mapping[str, str]) -> Fragment:
        """The same with the machine's variables read under other names."""
        parts = self.parts
        changed = tuple([part.renamed(names) for part in parts])
        return self if all(map(is_, changed, parts)) else self._of(changed)

    def write(self, text: list[str], helpers: set[str]) -> None:
        """Add the source to `text`, piece by piece, and the names of the helpers that it calls to `helpers`."""
        raise NotImplementedError

    def source(self) -> tuple[str, frozenset[str]]:
        """The source, and the helpers whose definitions it needs in front of it."""
        text: list[str] = []
        helpers: set[str] = set()
        self.write(text, helpers)
        return "".join(text), frozenset(helpers)

    def _of(self, parts: tuple[Fragment, ...]) -> Fragment:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Text(Fragment):
    """Source that is no concern of the compiler any more; it reads no variable of the machine."""

    code: str

    def add_reads(self, found: set[VariableRead]) -> None:
        return

    def renamed(self, names: Mapping[str, str]) -> Text:
        return self

    def write(self, text: list[str], helpers: set[str]) -> None:
        text.append(self.code)


@dataclass(frozen=True, slots=True)
class Read(Fragment):
    """A variable of the machine, or what is at `path` in it: `$variable.status`."""

    variable: str
    path: tuple[str, ...] = ()

    def add_reads(self, found: set[VariableRead]) -> None:
        found.add((self.variable, False))
        if self.path[:1] != ("status",):
            found.add((self.variable, True))

    def renamed(self, names: Mapping[str, str]) -> Read:
        name = names.get(self.variable)
        return self if name is None else Read(name, self.path)

    def write(self, text: list[str], helpers: set[str]) -> None:
        text.append("$" + self.variable)
        text.extend(map(name_step, self.path))


@dataclass(frozen=True, slots=True)
class Call(Fragment):
    """`function(arguments)`: a function of JSONata, one of `helpers.HELPERS`, both with their `$`, or the source of one."""

    function: str
    arguments: tuple[Fragment, ...]

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return self.arguments

    def write(self, text: list[str], helpers: set[str]) -> None:
        if self.function in _HELPER_CALLS:
            helpers.add(_HELPER_CALLS[self.function])
        text.append(self.function)
        _write_list("(", self.arguments, ",", ")", text, helpers)

    def _of(self, parts: tuple[Fragment, ...]) -> Call:
        return Call(self.function, parts)


@dataclass(frozen=True, slots=True)
class Infix(Fragment):
    """Operands with the same operator between them, which has the spaces that a word needs: `Infix(" and ", (a, b, c))`."""

    operator: str
    operands: tuple[Fragment, ...]

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return self.operands

    @property
    def binding(self) -> int:
        return BINDING_POWER[self.operator.strip()]

    def write(self, text: list[str], helpers: set[str]) -> None:
        # An operator is taken with what is on its left.
        power = self.binding
        loose = [one.binding < power + (place > 0) for place, one in enumerate(self.operands)]
        operands = [Group((one,)) if wrap else one for one, wrap in zip(self.operands, loose, strict=True)]
        _write_list("", operands, self.operator, "", text, helpers)

    def _of(self, parts: tuple[Fragment, ...]) -> Infix:
        return Infix(self.operator, parts)


@dataclass(frozen=True, slots=True)
class Conditional(Fragment):
    """`test?then:otherwise`."""

    test: Fragment
    then: Fragment
    otherwise: Fragment

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return (self.test, self.then, self.otherwise)

    @property
    def binding(self) -> int:
        return BINDING_POWER["?"]

    def write(self, text: list[str], helpers: set[str]) -> None:
        test = Group((self.test,)) if self.test.binding <= self.binding else self.test
        test.write(text, helpers)
        text.append("?")
        self.then.write(text, helpers)
        text.append(":")
        self.otherwise.write(text, helpers)

    def _of(self, parts: tuple[Fragment, ...]) -> Conditional:
        return Conditional(*parts)


@dataclass(frozen=True, slots=True)
class Object(Fragment):
    """An object constructor with these fields in this order."""

    fields: tuple[tuple[str, Fragment], ...]

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return tuple([value for _, value in self.fields])

    def add_reads(self, found: set[VariableRead]) -> None:
        for _, value in self.fields:
            value.add_reads(found)

    def write(self, text: list[str], helpers: set[str]) -> None:
        before = "{"
        for name, value in self.fields:
            text.append(before + _key(name))
            value.write(text, helpers)
            before = ","
        text.append("}" if self.fields else "{}")

    def _of(self, parts: tuple[Fragment, ...]) -> Object:
        return Object(tuple(zip((name for name, _ in self.fields), parts, strict=True)))


@dataclass(frozen=True, slots=True)
class Array(Fragment):
    """An array constructor. It splices lists among its items, by one level."""

    items: tuple[Fragment, ...]

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return self.items

    def write(self, text: list[str], helpers: set[str]) -> None:
        _write_list("[", self.items, ",", "]", text, helpers)

    def _of(self, parts: tuple[Fragment, ...]) -> Array:
        return Array(parts)


@dataclass(frozen=True, slots=True)
class Item(Fragment):
    """`of[index]`, counted from 0 on, or from the end for a negative index."""

    of: Fragment
    index: int

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return (self.of,)

    def write(self, text: list[str], helpers: set[str]) -> None:
        self.of.write(text, helpers)
        text.append(f"[{self.index}]")

    def _of(self, parts: tuple[Fragment, ...]) -> Item:
        return Item(parts[0], self.index)


@dataclass(frozen=True, slots=True)
class Bind(Fragment):
    """`$name:=value`: a local variable of the block around it. `Text("$name")` reads it."""

    name: str
    value: Fragment

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return (self.value,)

    @property
    def binding(self) -> int:
        return BINDING_POWER[":="]

    def write(self, text: list[str], helpers: set[str]) -> None:
        text.append(f"${self.name}:=")
        self.value.write(text, helpers)

    def _of(self, parts: tuple[Fragment, ...]) -> Bind:
        return Bind(self.name, parts[0])


@dataclass(frozen=True, slots=True)
class Group(Fragment):
    """`(statement;statement;value)`. Of one part alone: the brackets around it."""

    statements: tuple[Fragment, ...]

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return self.statements

    def write(self, text: list[str], helpers: set[str]) -> None:
        _write_list("(", self.statements, ";", ")", text, helpers)

    def _of(self, parts: tuple[Fragment, ...]) -> Group:
        return Group(parts)


@dataclass(frozen=True, slots=True)
class Function(Fragment):
    """`function($parameter){body}`."""

    parameter: str
    body: Fragment

    @property
    def parts(self) -> tuple[Fragment, ...]:
        return (self.body,)

    def write(self, text: list[str], helpers: set[str]) -> None:
        text.append(f"function(${self.parameter}){{")
        self.body.write(text, helpers)
        text.append("}")

    def _of(self, parts: tuple[Fragment, ...]) -> Function:
        return Function(self.parameter, parts[0])


def _write_list(
    before: str, parts: Sequence[Fragment], between: str, after: str, text: list[str], helpers: set[str]
) -> None:
    text.append(before)
    for position, part in enumerate(parts):
        if position:
            text.append(between)
        part.write(text, helpers)
    text.append(after)


NULL: Final = Text("null")


def call(function: str, *arguments: Fragment) -> Call:
    """A call of a function of JSONata, or of a helper: `call("n", value, name)`."""
    return Call("$" + function, arguments)


def name_step(name: str) -> str:
    """A path step that reads `name`: `.name`, or with backticks where it is no plain identifier."""
    if name.isascii() and name.isidentifier() and name not in _WORDS:
        return "." + name
    if "`" in name:
        raise ValueError(f"JSONata cannot quote the name {name!r}")
    return f".`{name}`"


_encode: Final[Callable[[Any], str]] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def string_literal(text: str) -> str:
    """A JSONata string literal, without `%}`. JSON's escapes are JSONata's; non-ASCII characters stay as they are."""
    return _encode(text).replace("%}", "%\\u007d")


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    return string_literal(name) + ":"


def json_literal(value: Json) -> Text:
    """Any JSON value as JSONata source: JSON itself, but without `%}`, which ends an ASL expression."""
    return Text(_encode(value).replace("%}", "%\\u007d"))


def object_fragment(fields: Mapping[str, Fragment]) -> Object:
    """An object constructor with these keys in this order."""
    return Object(tuple(fields.items()))
