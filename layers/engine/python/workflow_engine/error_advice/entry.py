"""What is known of an error that a run can end with: what usually causes it, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """Sentences for the author of a workflow, without values of any run.

    `docs` is the page, and perhaps its section, that says more. `code` is that of the finding that a validation gives where it sees
    the same mistake before the run. `cases` are narrower entries, by a regular expression that the error's message holds; the
    first that does is told instead.
    """

    usual_cause: str
    what_to_do: str
    docs: str
    code: str | None = None
    cases: tuple[tuple[re.Pattern[str], Entry], ...] = ()


Entries = Mapping[str, Entry]

FAILURES: Final = "docs/failures.md"
LARGE_DATA: Final = "docs/large-data.md"


def when(pattern: str, entry: Entry) -> tuple[re.Pattern[str], Entry]:
    """A case of an entry: what is told where the message holds this pattern."""
    return re.compile(pattern), entry
