"""What every state may read besides variables: `$states`, as Step Functions fills it."""

from __future__ import annotations

from typing import Final

from workflow_engine.compiler.jsonata.fragments import Text, name_step

INPUT: Final = Text("$states.input")
ITEM: Final = Text("$states.input.item")
INDEX: Final = Text("$states.input.index")
"""The element of a list travels as the states' input: AWS documents the context object's Map.Item for ItemSelector only."""

RESULT: Final = Text("$states.result")
PAYLOAD: Final = Text("$states.result.Payload")
"""What a Lambda function gave."""

ENTERED: Final = Text("$states.context.State.EnteredTime")
"""The time of entry, not $now(): two expressions of one state then give the same text."""

TOKEN: Final = Text("$states.context.Task.Token")
"""By which whoever holds it answers the task. There is one in tasks that wait for that."""

REDRIVE: Final = Text("($exists($states.context.Execution.RedriveCount)?$states.context.Execution.RedriveCount:0)")
"""How often the run was redriven."""


def from_input(*names: str) -> Text:
    """What is at this path in the execution input, which all states read: config, literals and ARNs travel there."""
    return Text("$states.context.Execution.Input" + "".join(map(name_step, names)))
