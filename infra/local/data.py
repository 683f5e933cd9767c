"""The folder that a server keeps everything in, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.local.process_lock import HeldError, ProcessLock
from workflow_engine.lazy_dataclass import dataclass

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
            lock = ProcessLock(self.path / "lock")
        except HeldError as error:
            told = f"Another server (process {error.holder}) keeps its data in '{self.path}'."
            raise DataFolderError(f"{told} Stop it, or choose another folder with --data.") from None
        except OSError as error:
            raise DataFolderError(f"The data folder '{self.path}' cannot be used: {error.strerror}.") from error
        try:
            yield
        finally:
            lock.release()
