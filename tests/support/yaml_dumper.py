"""JSON values as YAML 1.2 in whatever style is asked for, by PyYAML's emitter with the resolver of the core schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_MERGE = re.compile(r"^<<$")
_RESOLVERS = (("merge", _MERGE), ("null", _NULL), ("bool", _BOOL), ("int", _INT), ("float", _FLOAT))


def dumped(value: Any, style_of: Callable[[str], str | None], **options: Any) -> str:
    """The text of a value. `style_of` chooses the style of each text that is no key: None, `'`, `"`, `|` or `>`."""

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML brings no types
        yaml_implicit_resolvers = {  # noqa: RUF012 - this is how PyYAML is told of them
            None: [(f"tag:yaml.org,2002:{name}", shape) for name, shape in _RESOLVERS]
        }

        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_representer(
        str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style_of(text))
    )
    Dumper.add_representer(
        float, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", repr(number))
    )
    return str(yaml.dump(value, Dumper=Dumper, sort_keys=False, **options))
