"""The folder that a server keeps everything in, and whose it is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_IGNORED_BY_GIT: Final = "*\n"


class DataFolderError(Exception):
    """The folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where the parts of the local cloud keep what they have."""

    path: Path

    @property
    def table(self) -> Path:
        """The table's file."""
        return self.path / "table.sqlite"

    @property
    def objects(self) -> Path:
        """The folder of payloads."""
        return self.path / "objects"

    @property
    def journal(self) -> Path:
        """The file that Step Functions keeps runs in."""
        return self.path / "stepfunctions.db"

    @property
    def vectors(self) -> Path:
        """The file of vectors."""
        return self.path / "vectors.sqlite"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the folder for this process alone; it is made if it is not there. Raises DataFolderError, naming the process
        that has it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            ignored = self.path / ".gitignore"
            if not ignored.exists():
                ignored.write_text(_IGNORED_BY_GIT)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DataFolderError(f"The data folder '{self.path}' cannot be used: {error.strerror}.") from error
        try:
            self._take(lock)
            yield
        finally:
            os.close(lock)  # which lets go of the lock, as the end of the process does

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(lock, 20, 0).decode().strip() or "unknown"
            raise DataFolderError(
                f"Another server (process {pid}) keeps its data in '{self.path}'. Stop it, or choose another folder with --data."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
