"""What is too large to go from step to step goes as a document, of which there is a reference."""

from __future__ import annotations

import json
from typing import Any, Final, TypeVar

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.payloads import PayloadStore

ValueT = TypeVar("ValueT")

INLINE_BYTES: Final = 120_000
"""Of JSON that goes on as it is: less than half of the 256 KiB that a state carries, since it is read beside others."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Those of one tenant."""

    payloads: PayloadStore
    tenant_id: str

    def inline(self, value: ValueT, instead: ValueT) -> tuple[ValueT, str | None]:
        """The value and None; of a large one `instead`, and the reference of it as a document."""
        text = as_json(value)
        return (value, None) if len(text) <= INLINE_BYTES else (instead, self.payloads.keep(self.tenant_id, (text,)))

    def fetch(self, reference: str) -> Any:
        """The document of a reference. InvalidStepInput for what is no reference to one of this tenant."""
        return self.payloads.handed_on(self.tenant_id, reference)


def as_json(value: Any) -> bytes:
    """Compact JSON, in UTF-8 as far as that can be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
