"""`dataclass`, put off: as that of the standard library, but the methods are generated when a class is first used.

The library writes the source of six methods for each class and compiles it. That was a third of what a process did before it
could validate a workflow, and most of these methods are never called. Here a class has its slots at once, and stubs in the
place of its methods: the first object needs `__init__`, which is generated alone; whoever needs another method, or the
fields, has the library make all of them.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field
from typing import TYPE_CHECKING, Any, Final

_FIELDS: Final = "__dataclass_fields__"
_NO_FIELDS: Final = ("ClassVar", "InitVar", "KW_ONLY")
_generating: Final = threading.RLock()

_OWN: Final = frozenset({"__init__", "__setattr__", "__delattr__", "__match_args__"})
"""Made here, for a class with slots; the library is asked for one without them."""

_NOT_GIVEN: Final = object()
"""The default in `__init__` of a field that has a factory."""


def _lazily(written: type, names: tuple[str, ...], *, frozen: bool) -> type:
    """The class with slots for its fields. `written` is the class as it stands in the source."""
    own = vars(written)
    defaults = {name: own.get(name, MISSING) for name in names}  # the library takes some of them out of the class
    is_complete = False

    def complete() -> Any:
        nonlocal is_complete
        with _generating:
            if not is_complete:
                before = own.keys() - stubs.keys()
                written.__doc__ = slotted.__doc__ or slotted.__name__  # else the library writes a signature
                dataclasses.dataclass(frozen=frozen)(written)
                for name in own.keys() - before - _OWN:
                    setattr(slotted, name, own[name])
                is_complete = True
        return slotted

    def with_init() -> Any:
        with _generating:
            if slotted.__init__ is stubs.get("__init__"):  # type: ignore[misc]  # no subclass is meant
                slotted.__init__ = _init(slotted, _fields(written, defaults), frozen=frozen)  # type: ignore[misc]
        return slotted

    stubs = _stubs(own, complete, with_init, frozen=frozen)
    attributes = {name: value for name, value in own.items() if name not in names}
    for name in ("__dict__", "__weakref__"):
        attributes.pop(name, None)
    inherited = {name for base in written.__mro__[1:] for name in vars(base).get("__slots__", ())}
    attributes |= (_FROZEN if frozen else {}) | stubs
    attributes |= {
        "__replace__": _replaced,
        _FIELDS: _FieldsWhenAsked(complete),
        "__slots__": tuple(name for name in names if name not in inherited),
        "__match_args__": _match_args(written, names),
    }
    slotted: type = type(written)(written.__name__, written.__bases__, attributes)
    slotted.__qualname__ = written.__qualname__
    return slotted


class _FieldsWhenAsked:
    """In the place of the library's mark of a dataclass: completes the class that is asked for it, as `dataclasses.fields`,
    `replace` and a dataclass that inherits do.
    """

    __slots__ = ("_complete",)

    def __init__(self, complete: Callable[[], Any]) -> None:
        self._complete = complete

    def __get__(self, _instance: object, _owner: type) -> dict[str, Any]:
        fields: dict[str, Any] = vars(self._complete())[_FIELDS]
        return fields


def _stubs(
    own: Any, complete: Callable[[], Any], with_init: Callable[[], Any], *, frozen: bool
) -> dict[str, Callable[..., Any] | None]:
    """Methods that generate what comes in their place, and call it; none for those that the class writes itself. They call
    the method of their own class, since `self` may be of a subclass.
    """

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        with_init().__init__(self, *args, **kwargs)

    stubs: dict[str, Callable[..., Any] | None] = {
        "__init__": init,
        "__repr__": lambda self: complete().__repr__(self),
        "__eq__": lambda self, other: complete().__eq__(self, other),
    }
    stubs = {name: stub for name, stub in stubs.items() if name not in own}
    if own.get("__hash__") is None:  # absent, or Python's mark beside an `__eq__`
        stubs["__hash__"] = (lambda self: complete().__hash__(self)) if frozen else None
    return stubs


def _fields(written: type, defaults: Mapping[str, Any]) -> dict[str, Field[Any]]:
    """The fields in the order of `__init__`: a field that a base has, too, stands in its place there."""
    found: dict[str, Field[Any]] = {}
    for base in reversed(written.__mro__[1:]):
        found |= getattr(base, _FIELDS, {})
    for name, default in defaults.items():
        found[name] = default if isinstance(default, Field) else dataclasses.field(default=default)
    return found


def _init(slotted: type, fields: dict[str, Field[Any]], *, frozen: bool) -> Callable[..., None]:
    scope: dict[str, Any] = {"_not_given": _NOT_GIVEN, "_set": object.__setattr__}
    parameters, lines = ["self"], []
    for name, field in fields.items():
        has_default = field.default is not MISSING
        has_factory = field.default_factory is not MISSING
        scope[f"_default_{name}"] = field.default if has_default else field.default_factory
        value = name
        if has_factory:
            made = f"_default_{name}()"
            value = f"{made} if {name} is _not_given else {name}" if field.init else made
        elif not field.init:
            if not has_default:
                continue  # `__post_init__` sets it
            value = f"_default_{name}"
        if field.init:
            default = "=_not_given" if has_factory else f"=_default_{name}" if has_default else ""
            parameters.append(name + default)
        lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(slotted, "__post_init__"):
        lines.append("self.__post_init__()")
    source = f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines or ["pass"])
    exec(source, scope)  # noqa: S102  # of names of fields alone, as the library does
    init: Callable[..., None] = scope["__init__"]
    init.__module__, init.__qualname__ = slotted.__module__, f"{slotted.__qualname__}.__init__"
    return init


def _match_args(written: type, names: tuple[str, ...]) -> tuple[str, ...]:
    inherited = [name for base in reversed(written.__mro__[1:]) for name in vars(base).get("__match_args__", ())]
    return tuple(dict.fromkeys([*inherited, *(n for n in names if getattr(vars(written).get(n), "init", True))]))


def _replaced(self: Any, /, **changes: Any) -> Any:
    """What `copy.replace` calls, from Python 3.13 on."""
    return dataclasses.replace(self, **changes)


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_FROZEN: Final = {
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    # What pickle and copy take, since they could set no field otherwise.
    "__getstate__": _state,
    "__setstate__": _set_state,
}


def _dataclass(*, frozen: bool = False, slots: bool = False, **options: Any) -> Callable[[type], type]:
    """The decorator, with the arguments of `dataclasses.dataclass`. Classes without slots, with further options, or with
    annotations that are no fields are the library's, made at once.
    """

    def decorated(written: type) -> type:
        annotations: dict[str, Any] = vars(written).get("__annotations__", {})
        is_simple = (
            slots and not options and not any(word in str(a) for a in annotations.values() for word in _NO_FIELDS)
        )
        if is_simple:
            return _lazily(written, tuple(annotations), frozen=frozen)
        return dataclasses.dataclass(frozen=frozen, slots=slots, **options)(written)

    return decorated


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    dataclass = _dataclass
