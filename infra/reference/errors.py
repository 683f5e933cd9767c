"""`docs/errors.md`: every error that a run can end with and the engine knows, what usually causes it and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from workflow_engine.error_advice import FAMILIES, JSONATA, Entry
from workflow_engine.error_advice.expressions import ENTRIES as OF_EXPRESSIONS
from workflow_engine.error_advice.machine import ENTRIES as OF_MACHINES
from workflow_engine.error_advice.models import ENTRIES as OF_MODELS
from workflow_engine.error_advice.steps import ENTRIES as OF_STEPS

_PAGE: Final = """# Errors of runs

What a run, a step or an attempt may end with: `error.type` of a run, `error_type` of a step. Answers carry the same as `advice`
(`usual_cause`, `what_to_do`, `code`, `docs`); `workflow run` and `workflow results` print it, the console shows it beside the
error, and `workflow explain States.Timeout` says it. What stands behind ↳ is told instead where the message says so. A name that
is not here is one of a step's own code, of a worker or of a `fail` step. How failures go on through a workflow:
[failures](failures.md). Findings before a run: [diagnostics](diagnostics.md). Generated: `make generate`.

{sections}"""

_SECTIONS: Final = (
    ("Step Functions and Lambda", {**OF_MACHINES, **{f"{prefix}*": entry for prefix, entry in FAMILIES.items()}}),
    ("Expressions", OF_EXPRESSIONS),
    ("Steps", OF_STEPS),
    ("Agents", OF_MODELS),
)


def as_markdown() -> str:
    """The page."""
    lines = [line for title, entries in _SECTIONS for line in _section(title, "error", entries)]
    lines += _section("Codes of JSONata in the message of an expression that failed", "code", JSONATA)
    return _PAGE.format(sections="\n".join(lines))


def _section(title: str, what: str, entries: Mapping[str, Entry]) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"| {what} | usual cause | what to do | |"
    yield "|---|---|---|---|"
    for names, entry in _grouped(entries):
        yield _row(", ".join(f"`{name}`" for name in names), entry)
        for _, narrower in entry.cases:
            yield _row("↳", narrower)
    yield ""


def _grouped(entries: Mapping[str, Entry]) -> Iterable[tuple[list[str], Entry]]:
    """Names that are explained alike share a row, at the place of the first."""
    rows: dict[int, tuple[list[str], Entry]] = {}
    for name, entry in entries.items():
        rows.setdefault(id(entry), ([], entry))[0].append(name)
    return rows.values()


def _row(name: str, entry: Entry) -> str:
    page = entry.docs.removeprefix("docs/")
    more = f"[{page.partition('.')[0]}]({page})"
    if entry.code is not None:
        more += f", [`{entry.code}`](diagnostics.md#{entry.code.lower()})"
    cells = (_cell(text) for text in (entry.usual_cause, entry.what_to_do))
    return f"| {name} | {' | '.join(cells)} | {more} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[").replace("*", "\\*")
