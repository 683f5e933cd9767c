"""How large and how deep a document may be, in whichever way it is written."""

from __future__ import annotations

from typing import Final

MAX_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
"""Lambda takes 6 MB per synchronous invocation ("Invocation payload", Lambda quotas). The event wraps the body,
escapes it as a JSON string, or encodes it in base64, so a body of this size fits in any of the three ways."""

MAX_DEPTH: Final = 192
"""How deep lists and objects may be nested: what every reader behind this one can bear, with the few levels that steps add.
Python's limit depends on who calls, some 400 to 1,000 levels; results show 200 (`machines.history_text`)."""

TOO_DEEP: Final = f"Lists or objects are nested too deeply, in more than {MAX_DEPTH} levels."
TOO_LARGE_A_NUMBER: Final = "The number {} is larger than a double can hold."
MAX_DIGITS_SHOWN: Final = 40
