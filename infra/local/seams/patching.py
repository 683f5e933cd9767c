"""Reaching into moto. Its interpreter is untyped inside, so it is loaded by name and handled as Any."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any, Final

PARSER: Final = "moto.stepfunctions.parser"


@cache
def parser(path: str) -> Any:
    """The module `path` of moto's Step Functions interpreter, such as "asl.eval.states"."""
    return import_module(f"{PARSER}.{path}")


def replace(owner: Any, name: str, value: Any) -> None:
    """Put `value` in the place of the attribute `name` of a class or module; for a class, of one it inherits, too.

    Raises AttributeError where there is no such attribute: a seam that no longer fits must not pass in silence.
    """
    if not hasattr(owner, name):
        raise AttributeError(f"{owner!r} has no attribute {name!r}: this version of moto needs another seam")
    setattr(owner, name, value)


def extend(owner: Any, name: str, value: Any) -> None:
    """Give a class of moto an attribute that it lacks. Raises AttributeError where it has one of that name already."""
    if hasattr(owner, name):
        raise AttributeError(f"{owner!r} already has an attribute {name!r}: this version of moto needs another seam")
    setattr(owner, name, value)


def replace_everywhere(name: str, value: Any) -> None:
    """Put `value` in the place of a function in every loaded module of the interpreter that imported it by name."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(PARSER) and hasattr(module, name):
            setattr(module, name, value)
