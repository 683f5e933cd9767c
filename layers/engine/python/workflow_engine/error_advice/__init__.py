"""What an error that a run ended with usually comes from, and what to do next: `advice_on("HttpClientError", message)`.

What `workflow_engine.language.explanations` is for findings before a run, this is for errors after it. Answers of the API carry it
beside the error, `workflow explain` and `docs/errors.md` show it. It is prose, so only what tells of a failure imports this. The
tests look for every name of an error in the engine's own code: one that has neither an entry nor a reason in `WITHOUT_ADVICE` fails
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from workflow_engine.error_advice import expressions, machine, models, steps
from workflow_engine.error_advice.entry import Entry
from workflow_engine.error_advice.unexplained import WITHOUT_ADVICE

__all__ = ["ERRORS", "FAMILIES", "JSONATA", "WITHOUT_ADVICE", "Entry", "advice_on"]

ERRORS: Final[Mapping[str, Entry]] = MappingProxyType(
    {**machine.ENTRIES, **expressions.ENTRIES, **steps.ENTRIES, **models.ENTRIES}
)
"""By the error's type, as results, conditions and retries see it."""

FAMILIES: Final = machine.FAMILIES
JSONATA: Final = expressions.JSONATA


def advice_on(error_type: str | None, message: str | None = None) -> Entry | None:
    """What to tell of an error; None of one that the engine does not know, such as an exception of a step's own code. The message
    narrows it: a status of HTTP, a code of JSONata.
    """
    entry = ERRORS.get(error_type or "") or _of_family(error_type or "")
    if entry is None or not message:
        return entry
    for pattern, narrower in entry.cases:
        if pattern.search(message):
            return narrower
    if error_type == expressions.EVALUATION_ERROR:
        codes = expressions.CODE_IN_MESSAGE.findall(message)
        return next((JSONATA[code] for code in codes if code in JSONATA), entry)
    return entry


def _of_family(error_type: str) -> Entry | None:
    return next((entry for prefix, entry in FAMILIES.items() if error_type.startswith(prefix)), None)
