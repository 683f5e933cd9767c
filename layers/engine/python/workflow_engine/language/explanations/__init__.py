"""What each code of a diagnostic means, with a workflow that gets it and the same one mended: `explanation("WFE-E204")`.

The docs (`docs/diagnostics.md`) and `workflow explain` show it. It is prose and examples, so nothing that a request needs imports
this. The tests check every example: the wrong one gets its code and no other, the right one nothing at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from workflow_engine.language.diagnostics import CODES, Json, Severity
from workflow_engine.language.explanations import document, graph, quotas, step_types, texts
from workflow_engine.language.explanations.entry import Document, Entry
from workflow_engine.lazy_dataclass import dataclass

_ENTRIES: Final[Mapping[str, Entry]] = {
    **document.ENTRIES,
    **graph.ENTRIES,
    **texts.ENTRIES,
    **step_types.ENTRIES,
    **quotas.ENTRIES,
}
_WIDTH: Final = 100
_MOST_SHOWN: Final = 4
_LONGEST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Explanation:
    """A code explained. `wrong` is a document that gets it, `right` the same one mended; both None where no workflow of the
    built-in step types gets it. `stored` has the workflows that the service knows in the example, by id.
    """

    code: str
    severity: Severity
    summary: str
    why: str
    wrong: Json
    right: Document | None
    stored: Mapping[str, Document]


def explanation(code: str) -> Explanation:
    """What a code means. KeyError for one that is not in `CODES`."""
    entry = _ENTRIES[code]
    severity: Severity = "warning" if code.startswith("WFE-W") else "error"
    return Explanation(code, severity, CODES[code], entry.why, entry.wrong, entry.right, entry.stored)


def example_text(document: Json) -> str:
    """A document of an explanation as JSON that is good to read. What is long for its point only is cut, and says so."""
    return _shown(document, "")


def _shown(value: Json, indent: str) -> str:
    flat = _flat(value)
    if len(indent) + len(flat) <= _WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(k)}: {_shown(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}}}"
    shown = value if len(value) <= _MOST_SHOWN else value[: _MOST_SHOWN - 1]
    parts = [_shown(v, inner) for v in shown]
    if len(shown) < len(value):
        parts.append(f"… and {len(value) - len(shown):,} more like the last one")
    return "[\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}]"


def _flat(value: Json) -> str:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return json.dumps(value[:_MOST_SHOWN] + f"… {len(value):,} characters", ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_flat(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
