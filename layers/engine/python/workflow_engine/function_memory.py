"""How much memory the functions have that do built-in steps. Lambda bills their time by it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MEMORY_MB: Final[Mapping[str, int]] = MappingProxyType(
    {
        "step_data": 512,
        "step_files": 2048,  # a file of 50 MB, and what a library makes of it
        "step_http": 512,  # an answer may have 5 MB, and is held as bytes, text and value
        "step_approval": 256,
        "step_agent": 1024,  # importing a vendor's SDK is bound by CPU
        "step_vectors": 1024,  # importing a vendor's SDK is bound by CPU
    }
)
