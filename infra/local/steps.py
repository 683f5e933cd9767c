"""Step functions that a developer keeps in a folder: `--steps DIR`.

The folder goes to the end of `sys.path`, and what is in it becomes step types, in three ways:

* every function that is made with `workflow_engine.sdk.step` is the step type of its name, with the schemas of its models;
* `steps.json` lists others, each as `POST /steps/register` takes it, without `execution_type`:
  `[{"step_type": "translate", "handler": "texts:translate", "timeout_seconds": 30, "config_schema": {...}}]`;
* without `steps.json`, a module `NAME.py` with a function `handler`, as a Lambda function has, is the step type `NAME`.

A handler is `module:function` and takes `(event, context)` as a Lambda function does. When a file of the folder has changed, its
modules are loaded again at the next call of any of its steps.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from workflow_engine.http.caller import LOCAL_TENANT
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.sdk import StepDefinition, definition_of

if TYPE_CHECKING:
    from workflow_engine.store.registrations import RegistrationStore

MANIFEST: Final = "steps.json"
_PAGE: Final = 100

StepHandler = Callable[[Any, Any], Any]
Registration = dict[str, Any]


class StepsDirectoryError(Exception):
    """The folder of `--steps`, or a handler in it, cannot be used. The message says why."""


class StepUnavailableError(Exception):
    """A step's Python function could not be loaded when the server started. The message says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds: bodies for `POST /steps/register`, and why each other file of it is no step type."""

    registrations: tuple[Registration, ...]
    ignored: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """For people."""
        for entry in self.registrations:
            yield f"step type {entry.get('step_type')}: {entry.get('handler')}"
        for name, reason in self.ignored.items():
            yield f"ignored {name}: {reason}"


@dataclass(frozen=True, slots=True)
class StepsDirectory:
    """A folder with step functions. Its modules are loaded when they are first asked for."""

    path: Path
    _loading: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict, repr=False, compare=False)
    """Files as they were when their modules were loaded: when they were changed, and their size."""
    _looked_at: list[int] = field(default_factory=list, repr=False, compare=False)
    """How many modules the process had when they were last looked through: at each call of a step it would be most of that."""

    def found(self) -> Found:
        """The step types of the folder. Raises `StepsDirectoryError` for a manifest that cannot be read."""
        manifest = self.path / MANIFEST
        listed = [{"execution_type": "local", **e} for e in _read_manifest(manifest)] if manifest.exists() else None
        collected = _Collected(list(listed or ()))
        for file in sorted(self.path.iterdir()):
            if file.is_dir() and any(file.glob("*.py")):
                collected.ignored[f"{file.name}/"] = "only files of the folder itself are looked at"
            elif file.suffix == ".py":
                collected.ignore(file.name, self._collect(file, collected, takes_handlers=listed is None))
        return Found(tuple(collected.registrations), collected.ignored)

    def _collect(self, file: Path, collected: _Collected, *, takes_handlers: bool) -> str | None:
        """Collect the steps of a module; gives why there are none."""
        if not file.stem.isidentifier() or file.stem.startswith("_"):
            return "its name begins with '_', or is none of a module"
        if file.stem.startswith("test_") or file.stem == "conftest":
            return "it holds tests"
        try:
            module = self._import(file.stem)
        except StepsDirectoryError as error:
            return str(error)
        steps = [
            (name, definition)
            for name, value in vars(module).items()
            if (definition := definition_of(value)) is not None and value.__module__ == module.__name__
        ]
        problems = [collected.add(module.__name__, name, definition) for name, definition in steps]
        if steps:
            return "; ".join(filter(None, problems)) or None
        if any(e.get("handler", "").startswith(f"{file.stem}:") for e in collected.registrations):
            return None
        if not callable(getattr(module, "handler", None)):
            return "it has no function made with @step" + (", nor one called 'handler'" if takes_handlers else "")
        if not takes_handlers:
            return f"its 'handler' is not in {MANIFEST}"
        return collected.add(module.__name__, "handler", StepDefinition(file.stem))

    def load(self, handler: str) -> StepHandler:
        """The function that `module:function` names, which is looked up anew when a file has changed. Raises
        `StepsDirectoryError` unless it is in this folder.
        """
        self._function(handler)

        def call(event: Any, context: Any) -> Any:
            return self._function(handler)(event, context)

        return call

    def _function(self, handler: str) -> StepHandler:
        module, _, name = handler.partition(":")
        with self._loading:
            self._forget_changed()
            function = getattr(self._import(module), name, None) if name.isidentifier() else None
        if not callable(function):
            raise StepsDirectoryError(f"'{handler}' names no function in {self.path}. Write it as module:function.")
        loaded: StepHandler = function
        return loaded

    def _forget_changed(self) -> None:
        """Drop the folder's modules when the file of any of them has changed: one may hold what it imported of another. Calls
        that go on keep the functions that they have.
        """
        changed = [file for file, seen in self._seen.items() if _state(file) != seen]
        if not changed:
            return
        for _, module in self._modules():
            # Bytecode is told from its source by whole seconds and size, which an edit may leave as they were.
            Path(importlib.util.cache_from_source(module.__file__ or "")).unlink(missing_ok=True)
        self.forget()

    def forget(self) -> None:
        """Drop all modules of the folder: another folder may have some of the same names."""
        with self._loading:
            for name, _ in self._modules():
                del sys.modules[name]
            self._seen.clear()
            self._looked_at.clear()

    def _modules(self) -> list[tuple[str, ModuleType]]:
        """The modules that were loaded from this folder, by names that begin in it: libraries that lie below, such as those of a
        `.venv`, are none of its own.
        """
        inside = str(self.path)
        loaded = [(name, module) for name, module in list(sys.modules.items()) if isinstance(module, ModuleType)]
        return [
            (name, module)
            for name, module in loaded
            if (file := getattr(module, "__file__", None))
            and file.startswith(inside)
            and Path(file) in self._files(name)
        ]

    def _files(self, name: str) -> tuple[Path, Path]:
        """Where a module of the folder lies: as a file, and as a package."""
        place = self.path.joinpath(*name.split("."))
        return place.with_suffix(".py"), place / "__init__.py"

    def _import(self, name: str) -> ModuleType:
        """Import a module of the folder; never one of the same name from elsewhere, such as `os`."""
        file, _ = self._files(name)
        if not all(part.isidentifier() for part in name.split(".")) or not file.is_file():
            raise StepsDirectoryError(f"There is no module '{name}' in {self.path}.")
        with self._loading:
            loaded = sys.modules.get(name)
            if loaded is not None and Path(getattr(loaded, "__file__", None) or "") != file:
                raise StepsDirectoryError(f"{file} has the name of a module that is in use already. Rename it.")
            module = loaded or _loaded(name, file)
            if self._looked_at != [len(sys.modules)]:
                for _, own in self._modules():
                    self._seen.setdefault(Path(own.__file__ or ""), _state(Path(own.__file__ or "")))
                self._looked_at[:] = [len(sys.modules)]
        return module


@dataclass(frozen=True, slots=True)
class _Collected:
    """Registrations so far, those of the manifest first."""

    registrations: list[Registration]
    ignored: dict[str, str] = field(default_factory=dict)

    def ignore(self, name: str, reason: str | None) -> None:
        if reason is not None:
            self.ignored[name] = reason

    def add(self, module: str, name: str, definition: StepDefinition) -> str | None:
        """Add a step unless it is there under this handler; gives why it cannot be added."""
        handler = f"{module}:{name}"
        if any(entry.get("handler") == handler for entry in self.registrations):
            return None
        same = next((e for e in self.registrations if e.get("step_type") == definition.name), None)
        if same is not None:
            return f"'{name}' has the name of the step type '{definition.name}', which is {same.get('handler')}"
        self.registrations.append({**definition.registration(), "execution_type": "local", "handler": handler})
        return None


def _loaded(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        # The developer's code: whatever it raises, it is what they want to read.
        del sys.modules[name]
        raise StepsDirectoryError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _state(file: Path) -> tuple[int, int]:
    """When a file was changed, and its size; zeros for one that is gone."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def registered_handlers(steps: RegistrationStore) -> Iterator[tuple[str, str]]:
    """The registered step types that are Python functions, each with its `module:function`."""
    cursor: str | None = None
    while True:
        registrations, cursor = steps.page(LOCAL_TENANT, _PAGE, cursor)
        for registration in registrations:
            if registration["execution_type"] == "local":
                yield registration["step_type"], registration["handler"]
        if cursor is None:
            return


def unavailable(why: str) -> StepHandler:
    """A handler that stands for one that could not be loaded, and raises StepUnavailableError."""

    def handler(_event: Any, _context: Any) -> NoReturn:
        raise StepUnavailableError(why)

    return handler


def _read_manifest(manifest: Path) -> list[Registration]:
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StepsDirectoryError(f"{manifest} cannot be read: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise StepsDirectoryError(f"{manifest} must be a list of objects with step_type and handler.")
    return entries
