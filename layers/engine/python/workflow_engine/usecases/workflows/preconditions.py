"""Whether a stored workflow is still the one that a client has read: If-Match and If-None-Match of RFC 9110, section 13.1."""

from __future__ import annotations

from typing import Final, NamedTuple

from workflow_engine.errors import PreconditionFailedError

ANY: Final = "*"


class Precondition(NamedTuple):
    """What a request says of the version that it is about: entity tags with their quotes, or `*`; None where it says nothing."""

    match: tuple[str, ...] | None = None
    none_match: tuple[str, ...] | None = None

    @property
    def is_given(self) -> bool:
        """Whether the request says anything."""
        return self != NO_PRECONDITION

    def check(self, etag: str | None) -> None:
        """Raises PreconditionFailedError unless the version that stands, None where there is none, is as the request says."""
        if self.match is not None and (etag is None or not {etag, ANY} & set(self.match)):
            what = f"its ETag is {etag}" if etag else "there is no such workflow"
            raise PreconditionFailedError(f"If-Match does not hold: {what}. Read it and decide anew.")
        if self.none_match is not None and etag is not None and {etag, ANY} & set(self.none_match):
            raise PreconditionFailedError(f"If-None-Match does not hold: the workflow is there, its ETag is {etag}.")


NO_PRECONDITION: Final = Precondition()


def entity_tag(version: int, content_hash: str) -> str:
    """The ETag of a version: strong, since a version never changes."""
    return f'"{version}-{content_hash[:16]}"'
