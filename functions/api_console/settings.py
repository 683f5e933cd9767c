"""The files that this function serves: the console as it was built, each file packed with gzip."""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).with_name("web") / "dist"
"""Where `make console` and packaging put the built files."""

INDEX: Final = "index.html"

_FILE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class Asset(NamedTuple):
    """A built file: what it is, and its bytes as gzip has packed them."""

    media_type: str
    packed: bytes

    @property
    def plain(self) -> bytes:
        """Its bytes for a client that takes no gzip."""
        return gzip.decompress(self.packed)


def asset(name: str) -> Asset | None:
    """A built file by its name, None where there is none."""
    media_type = _TYPES.get(Path(name).suffix)
    if media_type is None or not _FILE.fullmatch(name):
        return None
    file = FOLDER / f"{name}.gz"
    try:
        return Asset(media_type, _packed(file, file.stat().st_mtime_ns))
    except OSError:
        return None


@cache
def _packed(file: Path, _changed_at: int) -> bytes:
    """Read once, and anew when it has changed: on a laptop it may be built while the server runs."""
    return file.read_bytes()


def has_build() -> bool:
    """Whether the console was built. Asked anew each time: on a laptop it may be built while the server runs."""
    return (FOLDER / f"{INDEX}.gz").is_file()
