"""What was compared by eye once: values of cases, in a file beside theirs."""

from __future__ import annotations

import json
from dataclasses import field
from pathlib import Path
from typing import Any

from infra.local.testing.matching import equal, mismatches, path_text
from workflow_engine.lazy_dataclass import dataclass

_EXECUTION: str = "<execution id>"


@dataclass(slots=True)
class Snapshots:
    """The snapshots of one file of tests. With `updates` they become what is observed; with `is_ci` none is written."""

    path: Path
    updates: bool = False
    is_ci: bool = False
    _kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    _written: int = 0
    _is_read: bool = False

    @classmethod
    def beside(cls, tests: Path, *, updates: bool, is_ci: bool) -> Snapshots:
        """Those of a file of tests: order.test.yaml has order.test.snapshots.json."""
        return cls(tests.with_name(f"{tests.name.rpartition('.')[0]}.snapshots.json"), updates, is_ci)

    def compare(self, case: str, path: str, value: Any, execution_id: str) -> str | None:
        """What differs from the snapshot; None where nothing does, or it is written now."""
        if not self._is_read:
            self._is_read = True
            self._kept = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        value = json.loads(json.dumps(value).replace(execution_id, _EXECUTION)) if execution_id else value
        kept = self._kept.get(case, {})
        if path in kept and not self.updates:
            return None if equal(kept[path], value) else _difference(path, kept[path], value)
        if path not in kept and self.is_ci:
            return f"there is no snapshot of '{path}' in {self.path.name}, and --ci writes none. Run without it, and commit it"
        if path not in kept or not equal(kept[path], value):
            self._kept.setdefault(case, {})[path] = value
            self._written += 1
        return None

    def save(self) -> int:
        """Write what is new; gives how many there were."""
        if self._written:
            text = json.dumps(self._kept, indent=2, ensure_ascii=False, sort_keys=True)
            self.path.write_text(text + "\n", encoding="utf-8")
        return self._written


def _difference(path: str, kept: Any, value: Any) -> str:
    found = next(iter(mismatches({"$exact": kept} if not isinstance(kept, dict | list) else kept, value)), None)
    if found is None:
        return f"{path} has fields that its snapshot has not. Look at it, and take it over with --update"
    place = path_text(found.path)
    where = f"{path}{'.' if place and not place.startswith('[') else ''}{place}"
    return f"{where} {found.told} by its snapshot. Look at it, and take it over with --update"
