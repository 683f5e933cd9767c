"""`Items` of a Map: the list, or an error that says why there is none to run over."""

from __future__ import annotations

from workflow_engine import aws_quotas
from workflow_engine.compiler.ir import Elements
from workflow_engine.compiler.jsonata.fragments import Fragment, Group, Text, bind


def list_items(elements: Elements) -> Fragment:
    """null counts as an empty list; anything else that is no list, or a list that is too long, fails the step before its
    first element, and a Map can catch that."""
    too_long = ""
    if elements.max_items is not None:
        limit = elements.max_items
        too_long = f'"The list has " & $count($list) & " items, max_items is {limit}."'
    elif elements.room is not None:
        limit = elements.room
        too_long = (
            f'"The list has " & $count($list) & " items; the {aws_quotas.HISTORY_EVENTS:,} history events of a run have room for '
            f'{limit:,} of them. Run over parts of the list, in several runs."'
        )
    check = f'$type($list)="array" and $count($list)>{limit}?$error({too_long}):' if too_long else ""
    code = (
        f'{check}$type($list)="array"?$list:$type($list)="null"?[]:'
        '$error("Needs a list, not a value of type " & $type($list))'
    )
    return Group((bind("list", elements.code), Text(code)))
