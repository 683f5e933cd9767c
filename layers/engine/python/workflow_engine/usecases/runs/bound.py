"""What the steps of a workflow are bound to when a run of it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Bound(NamedTuple):
    """By alias: ARNs of functions, endpoints as `step_http` calls them, and the schemas that outputs of functions are held to."""

    functions: Mapping[str, str]
    endpoints: Mapping[str, Mapping[str, Any]]
    output_schemas: Mapping[str, Mapping[str, Any]]
