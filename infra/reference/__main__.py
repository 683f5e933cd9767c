"""Prints a page: `python -m infra.reference diagnostics`."""

from __future__ import annotations

import sys

from infra.reference import diagnostics

PAGES = {"diagnostics": diagnostics.as_markdown}

if __name__ == "__main__":
    sys.stdout.write(PAGES[sys.argv[1]]())
