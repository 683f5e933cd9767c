"""The folder that a server keeps everything in, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.local.process_lock import HeldError, ProcessLock
from workflow_engine.lazy_dataclass import dataclass

_IGNORED_BY_GIT: Final = "*\n"
_LOCK: Final = "lock"
_NOBODYS: Final = frozenset({_LOCK, "lost+found"})
"""What a folder may have in it before it is first used: our own lock, and what a file system puts there."""


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
    def logs(self) -> Path:
        """The folder of what steps print, a file for each run."""
        return self.path / "logs"

    @property
    def is_used(self) -> bool:
        """Whether a server has kept something in it."""
        return self.table.is_file() or self.journal.is_file()

    @property
    def mocks(self) -> Path:
        """The folder of what runs are mocked with, a file for each."""
        return self.path / "mocks"

    @property
    def vectors(self) -> Path:
        """The file of vectors."""
        return self.path / "vectors.sqlite"

    @contextmanager
    def held(self) -> Iterator[ProcessLock]:
        """Have the folder for this process alone; it is made if it is not there. Raises DataFolderError for one that holds other
        files, which cleaning up would take for ours, and for one that another process has, naming that.
        """
        try:
            self._prepare()
            lock = ProcessLock(self.path / _LOCK)
        except HeldError as error:
            told = f"Another server (process {error.holder}) keeps its data in '{self.path}'."
            raise DataFolderError(f"{told} Stop it, or choose another folder with --data.") from None
        except OSError as error:
            raise DataFolderError(f"The data folder '{self.path}' cannot be used: {error.strerror}.") from error
        try:
            yield lock
        finally:
            lock.release()

    def _prepare(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        names = {file.name for file in self.path.iterdir()} - _NOBODYS
        if any(not name.startswith(".") for name in names) and not self.is_used:
            told = f"The folder '{self.path}' holds files that no server of workflows has written."
            raise DataFolderError(f"{told} Choose an empty folder, or one that does not exist, with --data.")
        if not names:
            (self.path / ".gitignore").write_text(_IGNORED_BY_GIT)
