"""Objects in memory, for as long as the process lasts."""

from __future__ import annotations

from typing import IO

from workflow_engine.errors import MisconfiguredError


class MemoryObjects:
    """`store.payloads.ObjectStore` for a run or a server that leaves nothing behind."""

    def __init__(self, base_url: str = "/") -> None:
        """`base_url` is where a server shows the objects, by key."""
        self._base_url = base_url
        self._objects: dict[str, bytes] = {}

    def put(self, key: str, content: IO[bytes]) -> None:
        """Keep an object."""
        self._objects[key] = content.read()

    def get(self, key: str) -> bytes:
        """The content of an object."""
        try:
            return self._objects[key]
        except KeyError:
            raise MisconfiguredError(
                "A document that a record names is not there.", aws_code="NoSuchKey", aws_message=key
            ) from None

    def delete(self, key: str) -> None:
        """Forget an object."""
        self._objects.pop(key, None)

    def delete_below(self, prefix: str) -> int:
        """Forget objects."""
        found = [key for key in self._objects if key.startswith(prefix)][:1000]
        for key in found:
            self.delete(key)
        return len(found)

    def upload_url(self, key: str, content_type: str, size: int, seconds: int) -> None:
        """There is no such place."""

    def url(self, key: str, seconds: int) -> str:
        """The path at which the server shows it."""
        return self._base_url + key
