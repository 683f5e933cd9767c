"""What is known about past runs and about this one, and may steer the compiler without changing what a workflow means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Hints:
    """`durations` are measured seconds by step id: a mean, or values that were equally often measured; a step's own
    `estimated_seconds` wins over them.
    """

    durations: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
