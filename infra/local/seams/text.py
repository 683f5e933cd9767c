"""JSON text as Step Functions writes it: compact, UTF-8, no escapes that JSON does not need."""

from __future__ import annotations

import datetime
import json
from typing import Any

from infra.local.seams.patching import replace_everywhere


def _encode_other(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime.date | datetime.datetime) else str(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_encode_other)


def json_text(value: Any) -> str:
    """The compact JSON text of a value."""
    return _ENCODER.encode(value)


def utf8_size(text: str) -> int:
    """Bytes of a text in UTF-8, the unit of AWS's payload quotas."""
    # An ASCII string knows that it is one, so the common case costs nothing.
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def timestamp_text(moment: datetime.datetime) -> str:
    """A moment as the context object shows it: UTC, milliseconds, Z."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def install() -> None:
    """moto writes events with spaces after separators and \\u escapes, which count against quotas; AWS does not."""

    def to_json_str(obj: Any, separators: tuple[str, str] | None = None) -> str:
        return json_text(obj)

    replace_everywhere("to_json_str", to_json_str)
