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
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from operator import is_
from typing import Any, Final

from workflow_engine.compiler.jsonata.helpers import HELPERS
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.jsonata.syntax import BINDING_POWER
from workflow_engine.lazy_dataclass import dataclass

_WORDS: Final = frozenset({"and", "or", "in", "true", "false", "null", "function"})
_TIGHTEST: Final = 100
_HELPER_CALLS: Final[Mapping[str, str]] = {f"${name}": name for name in HELPERS}

VariableRead = tuple[str, bool | None]
"""A variable, and False for the status of its record, True for the rest, None for an output of which the marker may take the
place (`workflow_engine.run_output`). Who reads the rest, or such an output, reads the status, too."""


class Fragment:
    """Any JSONata. The classes below are all there are, and each has the three methods that are open here. Not by `abc`, whose
    classes make `isinstance` slower; the compiler asks it at every node.
    """

    __slots__ = ()

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

    def source(self) -> tuple[str, frozenset[str]]:
        """The source, and the helpers whose definitions it needs in front of it."""
        text: list[str] = []
        helpers: set[str] = set()
        self.write(text, helpers)
        return "".join(text), frozenset(helpers)

    def add_reads(self, found: set[VariableRead]) -> None:
        raise NotImplementedError  # each class has its own; an ABC would make every isinstance of the compiler twice as slow

    def renamed(self, names: Mapping[str, str]) -> Fragment:
        """The same with the machine's variables read under other names."""
        raise NotImplementedError  # each class has its own

    def write(self, text: list[str], helpers: set[str]) -> None:
        """Add the source to `text`, piece by piece, and the names of the helpers that it calls to `helpers`."""
        raise NotImplementedError  # each class has its own


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


class _Compound(Fragment):
    """Made of other fragments, and of text that is not looked into."""

    __slots__ = ()
    parts: tuple[Fragment, ...]

    def add_reads(self, found: set[VariableRead]) -> None:
        for part in self.parts:
            part.add_reads(found)

    def renamed(self, names: Mapping[str, str]) -> Fragment:
        parts = tuple([part.renamed(names) for part in self.parts])
        if all(map(is_, parts, self.parts)):
            return self
        same: Any = self  # each class below is a dataclass
        changed: Fragment = replace(same, parts=parts)
        return changed

    def _write_parts(self, before: str, between: str, after: str, text: list[str], helpers: set[str]) -> None:
        text.append(before)
        for position, part in enumerate(self.parts):
            if position:
                text.append(between)
            part.write(text, helpers)
        text.append(after)


@dataclass(frozen=True, slots=True)
class Call(_Compound):
    """`function(a,b)`: a function of JSONata, one of `helpers.HELPERS`, both with their `$`, or the source of one."""

    function: str
    parts: tuple[Fragment, ...]

    def write(self, text: list[str], helpers: set[str]) -> None:
        if self.function in _HELPER_CALLS:
            helpers.add(_HELPER_CALLS[self.function])
        self._write_parts(self.function + "(", ",", ")", text, helpers)


@dataclass(frozen=True, slots=True)
class Infix(_Compound):
    """Operands with the same operator between them, which has the spaces that a word needs: `Infix(" and ", (a, b, c))`."""

    operator: str
    parts: tuple[Fragment, ...]

    @property
    def binding(self) -> int:
        return BINDING_POWER[self.operator.strip()]

    def write(self, text: list[str], helpers: set[str]) -> None:
        for position, operand in enumerate(self.parts):
            if position:
                text.append(self.operator)
            # An operator is taken with what is on its left.
            is_loose = operand.binding < self.binding + (position > 0)
            (Group((operand,)) if is_loose else operand).write(text, helpers)


@dataclass(frozen=True, slots=True)
class Conditional(_Compound):
    """`test?then:otherwise`."""

    parts: tuple[Fragment, Fragment, Fragment]

    @property
    def binding(self) -> int:
        return BINDING_POWER["?"]

    def write(self, text: list[str], helpers: set[str]) -> None:
        test, then, otherwise = self.parts
        (Group((test,)) if test.binding <= self.binding else test).write(text, helpers)
        text.append("?")
        then.write(text, helpers)
        text.append(":")
        otherwise.write(text, helpers)


@dataclass(frozen=True, slots=True)
class Object(_Compound):
    """An object constructor with fields of these names in this order."""

    names: tuple[str, ...]
    parts: tuple[Fragment, ...]

    def write(self, text: list[str], helpers: set[str]) -> None:
        before = "{"
        for name, value in zip(self.names, self.parts, strict=True):
            text.append(before + _key(name))
            value.write(text, helpers)
            before = ","
        text.append("}" if self.names else "{}")


@dataclass(frozen=True, slots=True)
class Array(_Compound):
    """An array constructor. It splices lists among its items, by one level."""

    parts: tuple[Fragment, ...]

    def write(self, text: list[str], helpers: set[str]) -> None:
        self._write_parts("[", ",", "]", text, helpers)


@dataclass(frozen=True, slots=True)
class Group(_Compound):
    """`(statement;statement;value)`. Of one part alone: the brackets around it."""

    parts: tuple[Fragment, ...]

    def write(self, text: list[str], helpers: set[str]) -> None:
        self._write_parts("(", ";", ")", text, helpers)


@dataclass(frozen=True, slots=True)
class Bind(_Compound):
    """`$name:=value`: a local variable of the group around it. `Text("$name")` reads it."""

    name: str
    parts: tuple[Fragment]

    @property
    def binding(self) -> int:
        return BINDING_POWER[":="]

    def write(self, text: list[str], helpers: set[str]) -> None:
        self._write_parts(f"${self.name}:=", "", "", text, helpers)


@dataclass(frozen=True, slots=True)
class Around(_Compound):
    """One fragment between two texts that bind tightly to it: `item`, `function`."""

    before: str
    parts: tuple[Fragment]
    after: str

    def write(self, text: list[str], helpers: set[str]) -> None:
        self._write_parts(self.before, "", self.after, text, helpers)


NULL: Final = Text("null")
NO_FIELDS: Final = Object((), ())


def call(function: str, *arguments: Fragment) -> Call:
    """A call of a function of JSONata, or of a helper: `call("n", value, name)`."""
    return Call("$" + function, arguments)


def if_assigned(read: Read, otherwise: Fragment) -> Group:
    """What is read of a variable that may never have been assigned, in the one form that `verify` knows to be safe."""
    return Group((Conditional((call("exists", read), read, otherwise)),))


def bind(name: str, value: Fragment) -> Bind:
    """`$name:=value`."""
    return Bind(name, (value,))


def item(of: Fragment, index: int) -> Around:
    """`of[index]`, counted from 0 on, or from the end for a negative index. `of` has no operator at its top."""
    return Around("", (of,), f"[{index}]")


def function(parameter: str, body: Fragment) -> Around:
    """`function($parameter){body}`."""
    return Around(f"function(${parameter}){{", (body,), "}")


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
    return Object(tuple(fields), tuple(fields.values()))
