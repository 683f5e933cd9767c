"""What an explanation of a code is made of, and the steps that most examples begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass

Document = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Entry:
    """Why a code exists and what to do about it; a workflow that gets it, and no other, and the same one mended.

    `wrong` and `right` are None for a code that no workflow of the built-in step types gets. `stored` has the workflows, by id,
    that the service knows in the example.
    """

    why: str
    wrong: Json = None
    right: Document | None = None
    stored: Mapping[str, Document] = field(default_factory=dict)


ORDER: Final[Document] = {
    "step_id": "order",
    "step_type": "data_input",
    "config": {"data": {"total": 120, "lines": [{"price": 70}, {"price": 50}]}},
}
FETCH: Final[Document] = {
    "step_id": "fetch",
    "step_type": "http_request",
    "config": {"url": "https://example.com/orders"},
}


def workflow(*steps: Document, **fields: Any) -> Document:
    """A workflow of these steps."""
    return {"name": "Example", **fields, "steps": list(steps)}


def counted(**fields: Any) -> Document:
    """A step `count`, which counts what it is given: the output of `order`, unless the fields say otherwise."""
    given = {} if {"dependencies", "input_mapping"} & fields.keys() else {"dependencies": ["order"]}
    config = {"config": {"processing_type": "count"}}
    return {"step_id": "count", "step_type": "data_processing", **config, **given, **fields}
