"""A lock that a process has for as long as it lives, and that says which process that is."""

from __future__ import annotations

import fcntl
import functools
import os
import weakref
from pathlib import Path


class HeldError(Exception):
    """Another process has the lock; `holder` is its id, as text."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"process {holder}")
        self.holder = holder


class ProcessLock:
    """A lock on a file, which is made if it is not there and stays when the lock is gone."""

    def __init__(self, path: Path) -> None:
        """Take it, without waiting. Raises HeldError, and OSError for a file that cannot be used."""
        self._path = path
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise HeldError(holder) from None
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            self.release()
            raise
        # A child that is forked, and left behind, has the file too, and with it the lock for as long as it lives.
        os.register_at_fork(after_in_child=functools.partial(_release, weakref.ref(self)))

    def is_in_place(self) -> bool:
        """Whether the file is still where it was made: who finds none there, or another, takes a lock of their own."""
        try:
            return self._file is not None and os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except OSError:
            return False

    def release(self) -> None:
        """Let go of it, as the end of the process does."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _release(lock: weakref.ref[ProcessLock]) -> None:
    held = lock()
    if held is not None:
        held.release()
