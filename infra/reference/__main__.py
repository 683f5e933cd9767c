"""Prints a page of the docs, or the schema of workflows: `python -m infra.reference diagnostics`, `... schema`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from infra.reference import diagnostics, errors, language

PAGES: Final[dict[str, Callable[[], str]]] = {
    "diagnostics": diagnostics.as_markdown,
    "errors": errors.as_markdown,
    "language": language.as_markdown,
}


def _schema() -> str:
    from workflow_engine.language.schema import render_schema, workflow_schema
    from workflow_engine.steps import builtin_catalogue

    return render_schema(workflow_schema(builtin_catalogue().step_types()))


if __name__ == "__main__":
    sys.stdout.write({**PAGES, "schema": _schema}[sys.argv[1]]())
