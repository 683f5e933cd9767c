"""Step functions that a developer keeps in a folder: `--steps DIR`.

The folder goes to the end of `sys.path`, and what is in it becomes step types, in one of two ways:

* `steps.json` lists them, each as `POST /steps/register` takes it, without `execution_type`:
  `[{"step_type": "translate", "handler": "texts:translate", "timeout_seconds": 30, "config_schema": {...}}]`;
* without `steps.json`, each module `NAME.py` with a function `handler`, as a Lambda function has, is the step type `NAME`.

A handler is `module:function`, takes `(event, context)` as a Lambda function does, and may be made with `workflow_engine.sdk.step`.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass

MANIFEST: Final = "steps.json"

StepHandler = Callable[[Any, Any], Any]


class StepsDirectoryError(Exception):
    """The folder of `--steps`, or a handler in it, cannot be used. The message says why."""


@dataclass(frozen=True, slots=True)
class StepsDirectory:
    """A folder with step functions."""

    path: Path

    def registrations(self) -> Iterator[dict[str, Any]]:
        """Bodies for `POST /steps/register`. Raises `StepsDirectoryError` for a manifest that cannot be read."""
        manifest = self.path / MANIFEST
        if manifest.exists():
            for entry in _read_manifest(manifest):
                yield {"execution_type": "local", **entry}
            return
        for module in sorted(self.path.glob("[A-Za-z]*.py")):
            if callable(getattr(self._import(module.stem), "handler", None)):
                yield {"step_type": module.stem, "execution_type": "local", "handler": f"{module.stem}:handler"}

    def load(self, handler: str) -> StepHandler:
        """The function that `module:function` names. Raises `StepsDirectoryError` unless it is in this folder."""
        module, _, name = handler.partition(":")
        function = getattr(self._import(module), name, None) if name.isidentifier() else None
        if not callable(function):
            raise StepsDirectoryError(f"'{handler}' names no function in {self.path}. Write it as module:function.")
        loaded: StepHandler = function
        return loaded

    def _import(self, name: str) -> Any:
        """Import a module of the folder; never one of the same name from elsewhere, such as `os`."""
        file = self.path.joinpath(*name.split(".")).with_suffix(".py")
        if not all(part.isidentifier() for part in name.split(".")) or not file.is_file():
            raise StepsDirectoryError(f"There is no module '{name}' in {self.path}.")
        loaded = sys.modules.get(name)
        if loaded is not None and Path(getattr(loaded, "__file__", None) or "") == file:
            return loaded
        if loaded is not None:
            raise StepsDirectoryError(f"{file} has the name of a module that is in use already. Rename it.")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # the developer's code: whatever it raises, it is what they want to read
            del sys.modules[name]
            raise StepsDirectoryError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
        return module


def _read_manifest(manifest: Path) -> list[dict[str, Any]]:
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StepsDirectoryError(f"{manifest} cannot be read: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise StepsDirectoryError(f"{manifest} must be a list of objects with step_type and handler.")
    return entries
