"""The payload store as a distributed Map needs it: objects by bucket and key."""

from __future__ import annotations

from typing import Protocol


class NoSuchObjectError(LookupError):
    """There is no object under this bucket and key; the message names both."""


class Payloads(Protocol):
    """The port to where ItemReader reads and ResultWriter writes. Called in a thread."""

    def read(self, bucket: str, key: str) -> bytes:
        """The content of an object. Raises NoSuchObjectError."""

    def write(self, bucket: str, key: str, content: bytes) -> None:
        """Write an object, in the place of one that is there."""

    def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """Keys that begin with a prefix, in order, each with the size of its object in bytes."""


class NoPayloads:
    """A store in which nothing is, and nothing can be put."""

    def read(self, bucket: str, key: str) -> bytes:
        raise NoSuchObjectError(f"There is no object '{key}' in '{bucket}'.")

    def write(self, bucket: str, key: str, content: bytes) -> None:
        raise NoSuchObjectError(f"There is no bucket '{bucket}'.")

    def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        return []
