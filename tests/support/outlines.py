"""Outlines of workflows, written by hand."""

from __future__ import annotations

from typing import Any


def leaf(step_id: str, **more: Any) -> dict[str, Any]:
    """A step that contains no other."""
    return {"id": step_id, "type": "data_processing", **more}


def outline(*steps: dict[str, Any], sinks: list[str] | None = None) -> dict[str, Any]:
    """The outline of a workflow of these steps; its output is that of the `sinks`."""
    return {"steps": list(steps), "sinks": sinks}


def container(step_id: str, kind: str, *steps: dict[str, Any], sinks: list[str] | None = None) -> dict[str, Any]:
    """A step of a kind (map, loop, ...) around these steps."""
    return {"id": step_id, "type": kind, "body": {"kind": kind, "steps": list(steps), "sinks": sinks}}
