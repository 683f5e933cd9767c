"""What a workflow may be called by. Apart from the models of documents, which who only names a workflow need not load."""

from typing import Final

WORKFLOW_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

RESERVED_WORKFLOW_IDS: Final = ("execute", "validate", "compile")
"""Ids that would read as routes of workflows."""
