"""`docs/diagnostics.md`: every code with its explanation, and a workflow that gets it beside the same one mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from workflow_engine.language.diagnostics import CODES
from workflow_engine.language.explanations import Explanation, example_text, explanation

_PAGE: Final = """# Diagnostics

What `POST /workflows/validate`, `workflow validate` and every 422 answer may say of a workflow. Each finding has a
code, a JSON pointer to the place, and a sentence that says what to do. Codes never change their meaning.
An error refuses the workflow; a warning does not. `workflow explain WFE-E204` prints what this page says of a code.
Generated: `make generate`. The tests check that each wrong example gets its code and no other, and the right one none.

| code | | meaning |
|---|---|---|
{table}

{sections}"""


def as_markdown() -> str:
    """The page."""
    explained = [explanation(code) for code in CODES]
    table = (f"| [`{e.code}`](#{e.code.lower()}) | {e.severity} | {e.summary} |" for e in explained)
    return _PAGE.format(table="\n".join(table), sections="\n".join(line for e in explained for line in _section(e)))


def _section(explained: Explanation) -> Iterator[str]:
    yield f"## {explained.code}\n"
    yield f"**{explained.summary}** {_prose(explained.why)}\n"
    for workflow_id, document in explained.stored.items():
        yield f"Stored as `{workflow_id}`:\n\n```json\n{example_text(document)}\n```\n"
    if explained.wrong is not None:
        yield f"Wrong:\n\n```json\n{example_text(explained.wrong)}\n```\n"
        yield f"Right:\n\n```json\n{example_text(explained.right)}\n```\n"


def _prose(text: str) -> str:
    """Plain text as Markdown: what it holds of `<`, `*` and `_` stands for itself."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")
