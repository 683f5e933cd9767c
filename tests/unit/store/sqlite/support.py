"""What several of these tests need."""

from __future__ import annotations

from typing import Any

from workflow_engine.store.items import Record


def item(sk: str, **attributes: Any) -> Record:
    return {"pk": "p", "sk": sk, **attributes}


def told(record: Record) -> Record | None:
    """Of records with a number `n` that number."""
    return {"n": record["n"]} if "n" in record else None
