"""Whether a stored workflow is still the one that a client has read: If-Match and If-None-Match of RFC 9110, section 13.1."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from workflow_engine.errors import PreconditionFailedError
from workflow_engine.store.items import dump

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import StoredWorkflow

ANY: Final = "*"

_STATE: Final = "."
"""Begins what a tag tells beside the version."""


class Precondition(NamedTuple):
    """What a request says of the version that it is about: entity tags with their quotes, or `*`; None where it says nothing."""

    match: tuple[str, ...] | None = None
    none_match: tuple[str, ...] | None = None

    @property
    def is_given(self) -> bool:
        """Whether the request says anything."""
        return self != NO_PRECONDITION

    def check(self, etag: str | None) -> None:
        """Raises PreconditionFailedError unless the version that stands, None where there is none, is as the request says. A tag
        names the version that it was given with, whatever has been paused or built since.
        """
        if self.match is not None and (etag is None or not {etag, ANY} & _versions(self.match)):
            what = f"its ETag is {etag}" if etag else "there is no such workflow"
            raise PreconditionFailedError(f"If-Match does not hold: {what}. Read it and decide anew.")
        if self.none_match is not None and etag is not None and {etag, ANY} & _versions(self.none_match):
            raise PreconditionFailedError(f"If-None-Match does not hold: the workflow is there, its ETag is {etag}.")


NO_PRECONDITION: Final = Precondition()


def entity_tag(version: int, content_hash: str) -> str:
    """The ETag of a version: strong, since a version never changes."""
    return f'"{version}-{content_hash[:16]}"'


def shown_tag(shown: StoredWorkflow) -> str:
    """The ETag of an answer that shows a version: that of the version, and something more once it has been paused, or has another
    build, which such an answer tells too.
    """
    tag = entity_tag(shown["version"], shown["content_hash"])
    state = shown["build"]["number"], shown["paused_at"], shown["resumed_at"]
    if state == (1, None, None):
        return tag
    return f'{tag[:-1]}{_STATE}{hashlib.sha256(dump(state).encode()).hexdigest()[:8]}"'


def _versions(tags: tuple[str, ...]) -> set[str]:
    """Tags, each as that of its version."""
    return {f'{tag.partition(_STATE)[0]}"' if _STATE in tag else tag for tag in tags}
