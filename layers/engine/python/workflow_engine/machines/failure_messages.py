"""Messages of failures for the author of a workflow: which step and parameter failed, why, and what types were met. Pure.

Step Functions quotes the generated expression, and says neither what it read nor of what type that was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.timeline import Failure, Timeline, Visit
from workflow_engine.machines.too_large import in_words
from workflow_engine.state_names import FAIL

if TYPE_CHECKING:
    from workflow_engine.machines.values_read import ValuesRead

EVALUATION_ERROR: Final = "States.QueryEvaluationError"
_RAISED_BY_AUTHOR: Final = "D3137: "
"""JSONata's code of what `$error` raised: the text after it is written for people."""
_INPUT_FIELD: Final = "Arguments/Payload/input_data/"
"""Where the compiler puts each entry of a Task's input_mapping that has an author's own expressions. A step that is a Pass is
computed in one expression: any of its entries may be to blame."""
_RESULT_FIELDS: Final = ("Assign", "Output")
"""Of a Task, where nothing of an author's is evaluated."""
_LIST_FIELD: Final = "Items"
_EXPRESSION_IN_CAUSE: Final = re.compile(
    r".*The JSONata expression '.*' specified for the field '(?P<field>.*?)' "
    r"(?:threw an error during evaluation[.:]\s*(?P<raised>.+)|(?P<rest>.+))",
    re.DOTALL,
)
"""A colon stands before what has no code of JSONata: that time or memory ran out."""


def needs_values(visit: Visit) -> bool:
    """Whether the message of a failure at this visit may tell what was read."""
    return visit.role == FAIL or (visit.failure is not None and visit.failure.type == EVALUATION_ERROR)


@dataclass(slots=True)
class FailureMessages:
    """Makes the messages of one run. `steps` has the outline's entry of every step; those of workflows that were saved
    earlier have no `reads`, and nothing is told of types. `values` is asked for once, where a message needs it.
    """

    timeline: Timeline
    steps: Mapping[str, Mapping[str, Any]]
    values: Callable[[], ValuesRead]
    _values: ValuesRead | None = field(default=None, init=False)

    def message(self, failure: Failure, visit: Visit | None) -> str | None:
        """The message of a failure. `visit` is the state that failed, or one around it, where that is known."""
        if failure.type == EVALUATION_ERROR and failure.message is not None:
            return self._of_evaluation(failure.message, self.timeline.visit_named_in(failure.message) or visit)
        told = in_words(failure, visit, self.timeline)
        if told is None or visit is None or visit.role != FAIL:
            return told
        return self._with_types(told, visit, self._entries(visit).values())

    def _of_evaluation(self, cause: str, visit: Visit | None) -> str:
        told = _EXPRESSION_IN_CAUSE.fullmatch(cause)
        if told is None:
            return cause
        field, why = told["field"], (told["raised"] or "").removeprefix(_RAISED_BY_AUTHOR)
        if field == _LIST_FIELD:
            return self._of_list(why or _told(field, told["rest"]), visit)
        if visit is not None and visit.kind == "Task" and field.startswith(_RESULT_FIELDS):
            return why or _told(field, told["rest"])
        entries = self._entries(visit)
        if field.startswith(_INPUT_FIELD):
            name = field.removeprefix(_INPUT_FIELD)
            entries = {name: entries.get(name, [])}
        if not entries:
            return why or _told(field, told["rest"])
        of_step = f" of step '{visit.step_id}'" if visit is not None else ""
        subject = f"The expression of {_either(entries)} in the input_mapping{of_step}"
        text = f"{subject} failed. {why}" if why else f"{subject} {told['rest']}"
        return self._with_types(text, visit, entries.values())

    def _of_list(self, why: str, visit: Visit | None) -> str:
        """What a map or for_each runs over is no list, or too long a one."""
        reads = self._reads(visit)
        place = next((name for name in ("for_each", "items") if name in reads), None)
        if visit is None or place is None:
            return why
        return self._with_types(f"The {place} of step '{visit.step_id}' failed. {why}", visit, [[reads[place]]])

    def _reads(self, visit: Visit | None) -> Mapping[str, Any]:
        return self.steps.get(visit.step_id, {}).get("reads", {}) if visit is not None else {}

    def _entries(self, visit: Visit | None) -> Mapping[str, list[str]]:
        entries: Mapping[str, list[str]] = self._reads(visit).get("input_mapping", {})
        return entries

    def _with_types(self, text: str, visit: Visit | None, reads: Iterable[list[str]]) -> str:
        """The text, and after it the references that were read and what each was."""
        references = dict.fromkeys(chain.from_iterable(reads))
        if visit is None or not references:
            return text
        if self._values is None:
            self._values = self.values()
        types = self._values.in_words(references, visit.frames)
        ended = text if not types or text.endswith((".", "!", "?")) else f"{text}."
        return ended + types


def _told(field: str, rest: str) -> str:
    return f"The field '{field}' {rest}"


def _either(names: Iterable[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
