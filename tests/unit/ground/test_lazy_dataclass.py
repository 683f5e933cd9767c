"""Classes whose methods are generated late are told from the library's by nothing."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import field
from typing import Any, Generic, TypeVar

import pytest

import functions
import infra.local
import workflow_engine
from workflow_engine.lazy_dataclass import _lazily, dataclass

T = TypeVar("T")

SPARED = ("functions.step_agent", "functions.api_tools", "functions.api_agents")
"""Their imports bring SDKs; they have no classes of this kind of their own."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Named(Point, Generic[T]):
    name: str = "origin"
    y: int = 7


@dataclass(slots=True)
class Counter:
    by_name: dict[str, int]
    total: int = field(init=False)
    cached: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.by_name.values())


@dataclass(frozen=True, slots=True)
class Quiet:
    secret: str

    def __repr__(self) -> str:
        return "Quiet(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quiet)


def lazy_classes() -> Iterator[type]:
    for package in (workflow_engine, functions, infra.local):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.startswith(SPARED) or module.name.startswith("infra.local.cli"):
                continue
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, type) and found.__module__ == module.name and dataclasses.is_dataclass(found):
                    yield found


def test_a_class_is_as_if_the_library_had_made_it() -> None:
    assert Point(1) == Point(1, 0, [])
    assert Point(1) != Point(2)
    assert repr(Named(x=1, name="n")) == "Named(x=1, y=7, tags=[], name='n')"
    assert Point.__doc__ == "A point."
    assert Named.__match_args__ == ("x", "y", "tags", "name")
    assert [f.name for f in dataclasses.fields(Named)] == ["x", "y", "tags", "name"]
    assert dataclasses.replace(Point(1), y=5) == Point(1, 5)
    assert dataclasses.asdict(Named(1)) == {"x": 1, "y": 7, "tags": [], "name": "origin"}
    assert not hasattr(Point(1), "__dict__")


def test_objects_of_a_class_share_no_default() -> None:
    Point(1).tags.append("a")
    assert Point(1).tags == []


def test_a_frozen_class_hashes_by_value_and_another_not_at_all() -> None:
    assert hash(Quiet("a")) == hash(Quiet("a"))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Counter({}))


@pytest.mark.parametrize(
    "change", [lambda p: setattr(p, "x", 2), lambda p: setattr(p, "z", 2), lambda p: delattr(p, "x")]
)
def test_a_frozen_object_cannot_be_changed(change: Callable[[Point], None]) -> None:
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        change(point)
    assert point == Point(1)


def test_fields_out_of_init_get_their_default_or_what_post_init_gives() -> None:
    counter = Counter({"a": 1, "b": 2})
    assert (counter.total, counter.cached) == (3, None)
    counter.cached = 4
    assert repr(counter) == "Counter(by_name={'a': 1, 'b': 2}, total=3, cached=4)"


def test_it_makes_no_difference_which_method_is_used_first() -> None:
    @dataclass(slots=True)
    class Late:
        x: int
        cached: int | None = field(default=None, init=False)

    assert [f.name for f in dataclasses.fields(Late)] == ["x", "cached"]
    assert (Late(1).x, Late(1).cached) == (1, None)
    with pytest.raises(TypeError, match="takes 2 positional arguments"):
        Late(1, 2)  # type: ignore[call-arg]


def test_methods_that_the_class_writes_stay() -> None:
    assert repr(Quiet("a")) == "Quiet(…)"
    assert Quiet("a") == Quiet("b")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_objects_are_copied_and_pickled(copied: Callable[[Point], Point]) -> None:
    assert copied(Named(1, 2, ["a"], "b")) == Named(1, 2, ["a"], "b")


def test_an_object_that_is_unpickled_before_any_was_made_is_whole() -> None:
    module = "workflow_engine.usecases.engine"
    unpickled = pickle.dumps(importlib.import_module(module).Caller("t", "u"))
    code = f"import pickle; print(pickle.loads({unpickled!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Caller(tenant_id='t', user_id='u', roles=frozenset())\n"


def test_wrong_arguments_are_refused_in_pythons_words() -> None:
    with pytest.raises(TypeError, match=r"Point.__init__\(\) missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'z'"):
        Point(1, z=2)  # type: ignore[call-arg]


def test_threads_that_use_a_class_first_at_the_same_time_all_get_their_object() -> None:
    for _ in range(50):

        class Written:
            x: int
            y: int = 2

        made = _lazily(Written, ("x", "y"), frozen=True)
        barrier, found = threading.Barrier(4), list[Any]()

        def use(made: Any = made, barrier: threading.Barrier = barrier, found: list[Any] = found) -> None:
            barrier.wait()
            found.append((made(1) == made(1, 2), hash(made(3)) == hash(made(3)), made(x=4).y))

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [(True, True, 2)] * 4


def test_every_class_of_ours_takes_the_arguments_that_the_library_would_have_it_take() -> None:
    compared = 0
    for made in lazy_classes():
        if "__init__" not in vars(made) or made.__dataclass_params__.init is False:  # type: ignore[attr-defined]
            continue
        fields = [f for f in dataclasses.fields(made) if f.init]
        with suppress(Exception):
            made()  # whatever it needs, its own `__init__` is there then
        parameters = list(inspect.signature(made.__init__).parameters.values())[1:]  # type: ignore[misc]
        in_order = sorted(fields, key=lambda f: f.kw_only is True)
        assert [p.name for p in parameters] == [f.name for f in in_order], made
        for parameter, declared in zip(parameters, in_order, strict=True):
            has_default = declared.default is not dataclasses.MISSING
            has_factory = declared.default_factory is not dataclasses.MISSING
            assert (parameter.default is not parameter.empty) == (has_default or has_factory), made
            assert not has_default or parameter.default is declared.default, made
        slots = {s for base in made.__mro__ for s in vars(base).get("__slots__", ())}
        assert {f.name for f in dataclasses.fields(made)} <= slots or hasattr(made, "__dict__"), made
        assert made.__match_args__ == tuple(f.name for f in fields if not f.kw_only), made  # type: ignore[attr-defined]
        compared += 1
    assert compared > 200
