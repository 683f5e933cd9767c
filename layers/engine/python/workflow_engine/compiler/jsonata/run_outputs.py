"""The Output of a machine in JSONata: how a value is guarded by its size, and how a machine reads what another one gave.

`workflow_engine.run_output` says what the Output looks like.
"""

from __future__ import annotations

import json
from typing import Final

from workflow_engine.compiler.jsonata.fragments import Around, Fragment, Group, Text, bind, call
from workflow_engine.run_output import IN_HISTORY, OWN_KEYS

_SHORT_BELOW: Final = 2_000
"""Bytes. Sinks that have no more each are so many that the text of the longer guard would count in the size of a machine."""

_OWN: Final = json.dumps(sorted(OWN_KEYS), separators=(",", ":"))
_OUTPUT: Final = Text(f"$merge([$sift($o,function($v,$k){{$not($k in {_OWN})}})])")
_IS_MARKED: Final = Text(
    f'"{IN_HISTORY}" in $keys($o) or '
    f'true in [$each($o,function($v){{$type($v)="object"?"{IN_HISTORY}" in $keys($v):false}})]'
)


def output_of_run(value: Fragment) -> Fragment:
    """The run's output in the Output of a machine, `value`: an object without the keys that are no part of it."""
    return Group((bind("o", value), _OUTPUT))


def output_is_marked(value: Fragment) -> Fragment:
    """Whether some of the run's output in the Output of a machine, `value`, is only in its history: a boolean."""
    return Group((bind("o", value), _IS_MARKED))


def guarded(value: Fragment, share: int) -> Fragment:
    """The value, or the marker where its JSON may have more than `share` bytes."""
    return call("y" if share < _SHORT_BELOW else "z", value, Text(str(share)))


def is_over(value: Fragment, most: int) -> Fragment:
    """Whether the JSON of a value, none that has the key of the marker on top, may have more than `most` bytes: a boolean."""
    return call("exists", Around("", (guarded(value, most),), f".{IN_HISTORY}"))
