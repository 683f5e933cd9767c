"""Functions of the generated JSONata, and which of them call which.

An expression that uses one carries its definition, so their length is part of the size of a machine (AWS: 1 MB). That
is why names are single letters and why nothing is said twice. Every function is total: it takes any value, undefined
included, never raises and never is undefined (`u` alone may be undefined, for what is no number).

Traps of JSONata 2.0.6, the version Step Functions runs, that decide how the code is written:

* A sequence of one element turns into that element and an empty one into undefined, unless `[]` follows it.
  `[$map(l,f)[]]` gives a list for every list, and keeps inner lists: the constructor splices exactly one level.
* `$lookup(v,k)` also finds what every JavaScript object inherits, such as `toString`; `k in $keys(v)` does not.
* `<` and its kin raise for anything but two numbers or two strings, `$contains` and `$substring` for all but strings.
* `$boolean` of a list asks its elements. `{"length":0}=[]` is true.
* `$string` keeps 15 digits of a number, so longer integers go through `$formatBase`.
* A parameter that is not given is undefined: `n` counts nested lists in `$d` by appending dots to it.

One kind of value is beyond help: the evaluator takes an object with a key `_jsonata_lambda` or `_jsonata_function` that
is true for a function, and raises when it is passed to any function.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Final

from workflow_engine.language.syntax import MAX_LIST_NESTING
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.run_output import MARKER

NUMERIC_STRING: Final = r"^-?[0-9]{1,99}(\.[0-9]{1,99})?([eE][-+]?[0-9]{1,2})?$"
"""Strings that order as numbers. The bounds keep them finite, because `$number` raises for an infinite one."""


@dataclass(frozen=True, slots=True)
class Helper:
    """The function's source (`function(...){...}`) and the helpers it calls."""

    code: str
    needs: frozenset[str] = frozenset()


def _helper(code: str, *needs: str) -> Helper:
    return Helper(code, frozenset(needs))


_MARKER: Final = json.dumps(dict(MARKER), separators=(",", ":"))
_TOO_DEEP: Final = "." * MAX_LIST_NESTING

HELPERS: Final[Mapping[str, Helper]] = {
    # a(v): v if it is a list, else [].
    "a": _helper('function($v){$type($v)="array"?$v:[]}'),
    # b(v, s): both are strings and v begins with s.
    "b": _helper('function($v,$s){$type($v)&$type($s)="stringstring"and $substring($v,0,$length($s))=$s}'),
    # e(v, s): both are strings and v ends with s. With v the shorter, lengths differ whatever is cut.
    "e": _helper('function($v,$s){$type($v)&$type($s)="stringstring"and $substring($v,$length($v)-$length($s))=$s}'),
    # f(v): v is filled, that is none of null, "", [] and {}.
    "f": _helper("function($v){$v=0 or $v=false or $t($v)}", "t"),
    # h(v, k): v has k: a string the substring, a list the element, an object the key.
    "h": _helper(
        'function($v,$k){$type($v)="array"?true in $map($v,function($x){$x=$k}):'
        '$type($v)="string"?$type($k)="string"and $contains($v,$k):$k in $keys($v)}'
    ),
    # l(v): v if it is a list, else null.
    "l": _helper('function($v){$type($v)="array"?$v:null}'),
    # m(c): the message in the cause c of a failure: of JSON with an errorMessage that, else all of it. Regular expressions say
    # \x5c for a backslash: JSONata takes a bracket behind one for no bracket, and does not find their end.
    "m": _helper(
        'function($c){($s:=$substringAfter($c,"\\"errorMessage\\":");$substring($c,0,1)="{"and $contains($s,/^ ?"/)?('
        '$a:=$substringAfter($s,"\\"");$t:=$replace($a,/\\x5c./,"__");$b:=$substring($a,0,$length($substringBefore($t,"\\"")));'
        '$contains($t,"\\"")and $not($contains($replace($b,/\\x5c["\\x5c\\x2fbfnrt]|\\x5cu[0-9a-fA-F]{4}/,""),'
        '/[\\x00-\\x1f\\x5c]/))?$parse("\\""&$b&"\\""):$c):$c)}'
    ),
    # n(v, k): the member named k of an object; of a list, that of each element; else null.
    "n": _helper(
        f'function($v,$k,$d){{$type($v)="array"?$d="{_TOO_DEEP}"?null:[$map($v,$n(?,$k,$d&"."))[]]:'
        "$k in $keys($v)?$lookup($v,$k):null}"
    ),
    # o(v): v, null for undefined.
    "o": _helper("function($v){$exists($v)?$v:null}"),
    # q(v, k): -1, 0 or 1 as v is below, equal to or above k; null when the two have no order.
    "q": _helper(
        'function($v,$k){$type($v)&$type($k)="stringstring"or $exists($v:=$u($v))and $exists($k:=$u($k))?'
        "$v=$k?0:$v>$k?1:-1:null}",
        "u",
    ),
    # s(v): v as the text that a template shows.
    "s": _helper(
        'function($v){$v=null?"":$type($v)="number"and $floor($v)=$v?$formatBase($v):$string($v)}',
    ),
    # t(v): false for null, false, 0, "", [] and {}, else true.
    "t": _helper('function($v){$type($v)="array"?$v!=[]:$boolean($v)}'),
    # u(v): a number or numeric string as a number, else undefined.
    "u": _helper(
        f'function($v){{$type($v)="number"?$v:$type($v)="string"?$contains($v,/{NUMERIC_STRING}/)?$number($v)}}'
    ),
    # w(v, f): f of each element of a list; null for anything else.
    "w": _helper('function($v,$f){$type($v)="array"?[$map($v,$f)[]]:null}'),
    # y(v, n): v if its JSON surely has at most n bytes, else the marker of `run_output`. In few characters, for machines that
    # have it in many states: as if every character took 3 bytes and every number had five times its digits.
    "y": _helper(f"function($v,$n){{$length($string([$v]))*15<=$n?$v:{_MARKER}}}"),
    # z(v, n): the same, counting 3 bytes for each character that is not ASCII, 4 if it is beyond the BMP; numbers as they are
    # unless `$string` rounds one. No regular expression matches more than 500 times: some evaluators copy the text for each.
    "z": _helper(
        'function($v,$n){($s:=$string([$v]);$l:=$length($s);$l*15<=$n?$v:($r:=$replace($s,/[^ -~]+/,"",500);'
        "($l+($contains($s,/[^\\u0000-\\ud7ff\\ue000-\\uffff]/)?3:2)*($contains($r,/[^ -~]/)?$l:$l-$length($r)))"
        f"*($parse($s)=[$v]?1:5)<=$n?$v:{_MARKER}))}}"
    ),
}


@cache
def definitions(names: frozenset[str]) -> str:
    """`$a:=function...;` of these helpers and all they call, in the order of `HELPERS`. The empty string for none."""
    wanted: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending.extend(HELPERS[name].needs)
    return "".join(f"${name}:={helper.code};" for name, helper in HELPERS.items() if name in wanted)
