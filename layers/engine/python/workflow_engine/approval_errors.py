"""Names of how an approval fails: what results, conditions and retries see."""

from typing import Final

APPROVAL_DENIED: Final = "ApprovalDenied"
NOBODY_DECIDED: Final = "Nobody decided in time, which counts as denied."
