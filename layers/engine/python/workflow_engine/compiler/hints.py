"""What is known about past runs and about this one, and may steer the compiler without changing what a workflow means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Hints:
    """`durations` are measured mean seconds by step id; a step's own `estimated_seconds` wins over them."""

    durations: Mapping[str, float] = field(default_factory=dict)
