"""What goes into Lambda's zip files. Nothing here needs Docker or AWS.

A function's asset holds its own folder only, below `functions/`, so that the dotted handler imports as it does
everywhere else; the engine's layers hold the packages as they lie; the layer of third-party packages is installed from
its lock by uv, for Lambda's platform whatever the machine is. All of it is compiled (`infra.bytecode`) where an
interpreter of Lambda's version is found.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from infra.bytecode import (
    FUNCTION_ROOT,
    LAYER_ROOT,
    Interpreter,
    compile_modules,
    lambdas_interpreter,
    this_interpreter,
)

ROOT: Final = Path(__file__).parents[1]
FUNCTIONS_FOLDER: Final = ROOT / "functions"
LAYERS_FOLDER: Final = ROOT / "layers"
DEPS_LOCK: Final = LAYERS_FOLDER / "deps" / "requirements.lock"
LLM_DEPS_LOCK: Final = LAYERS_FOLDER / "llm_deps" / "requirements.lock"
FILES_DEPS_LOCK: Final = LAYERS_FOLDER / "files_deps" / "requirements.lock"
LOCKS: Final = {"deps": DEPS_LOCK, "files_deps": FILES_DEPS_LOCK, "llm_deps": LLM_DEPS_LOCK}
"""Layers of third-party packages, each with its lock."""
OPENAPI_FILE: Final = ROOT / "infra" / "openapi.json"

LAMBDA_PYTHON: Final = "3.13"
LAMBDA_PLATFORM: Final = "aarch64-manylinux_2_28"
"""Lambda's Python 3.13 runs on Amazon Linux 2023, which has glibc 2.34."""

_COMPILED: Final = shutil.ignore_patterns("__pycache__", "*.pyc")
_CONSOLE: Final = FUNCTIONS_FOLDER / "api_console" / "web"
"""Of the console only what was built of it is deployed."""
_ENGINE: Final = LAYERS_FOLDER / "engine" / "python" / "workflow_engine"
"""Of the engine all but its client, which is for whoever calls the API: no function does."""


@cache
def function_asset(name: str) -> Path:
    """The root of a function's asset, laid out when first asked for."""
    root = staging_folder() / name
    lay_out_function(name, root, lambdas_interpreter(LAMBDA_PYTHON))
    return root


@cache
def own_layer_asset(name: str) -> Path:
    """The root of the asset of one of our own layers (`engine`, `llm`), laid out when first asked for."""
    root = staging_folder() / f"layer-{name}"
    lay_out_layer(name, root, lambdas_interpreter(LAMBDA_PYTHON))
    return root


def lay_out_function(name: str, root: Path, interpreter: Interpreter | None) -> None:
    """Put a function's asset below `root`, compiled by the interpreter if there is one."""
    package = root / "functions"
    shutil.copytree(FUNCTIONS_FOLDER / name, package / name, ignore=_not_deployed)
    shutil.copyfile(FUNCTIONS_FOLDER / "__init__.py", package / "__init__.py")
    if name == "api_docs":
        shutil.copyfile(OPENAPI_FILE, package / name / "openapi.json")
    if interpreter is not None:
        compile_modules(root, FUNCTION_ROOT, interpreter)


def lay_out_layer(name: str, root: Path, interpreter: Interpreter | None) -> None:
    """Put the asset of one of our own layers below `root`, compiled by the interpreter if there is one."""
    shutil.copytree(LAYERS_FOLDER / name / "python", root / "python", ignore=_not_deployed)
    if interpreter is not None:
        compile_modules(root, LAYER_ROOT, interpreter)


def _not_deployed(folder: str, names: list[str]) -> set[str]:
    """What of a folder is in no asset."""
    if Path(folder) == _CONSOLE:
        return set(names) - {"dist"}
    return _COMPILED(folder, names) | ({"client"} if Path(folder) == _ENGINE else set())


def target_arguments(*, host_build: bool) -> list[str]:
    """uv's arguments that name the platform: Lambda's, or that of the Python which runs this."""
    if host_build:
        return ["--python", sys.executable]
    return ["--python-platform", LAMBDA_PLATFORM, "--python-version", LAMBDA_PYTHON]


def target_name(*, host_build: bool) -> str:
    """What distinguishes builds of one lock; it becomes part of the asset's hash. Without bytecode it is another."""
    if host_build:
        target = f"{sys.platform}-{platform.machine()}-{sys.version_info.major}.{sys.version_info.minor}"
    else:
        target = f"{LAMBDA_PLATFORM}-{LAMBDA_PYTHON}"
    interpreter = _interpreter(host_build=host_build)
    return target if interpreter is None else f"{target}-{interpreter.cache_tag}"


def install_deps(output: Path, *, host_build: bool, lock: Path = DEPS_LOCK) -> None:
    """Install a layer of third-party packages into `output`/python and compile it. Only wheels, only those whose hashes
    the lock knows.

    Raises `subprocess.CalledProcessError`; uv's message goes to stderr.
    """
    install_packages(output / "python", target_arguments(host_build=host_build), lock)
    interpreter = _interpreter(host_build=host_build)
    if interpreter is not None:
        compile_modules(output, LAYER_ROOT, interpreter)


def install_packages(target: Path, platform_arguments: Sequence[str], lock: Path) -> None:
    """Install the packages of a lock into a folder, for the platform that uv's arguments name; not compiled.

    Raises `subprocess.CalledProcessError`.
    """
    import uv

    command = [
        uv.find_uv_bin(),
        "pip",
        "install",
        "--quiet",
        "--no-compile-bytecode",  # the user's own settings may ask for it, with the wrong interpreter and with dates
        "--target",
        str(target),
        *platform_arguments,
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--no-deps",
        "--requirement",
        str(lock),
    ]
    subprocess.run(command, check=True)  # noqa: S603  # no shell, and every argument is ours
    shutil.rmtree(target / "bin", ignore_errors=True)
    (target / ".lock").unlink(missing_ok=True)


def _interpreter(*, host_build: bool) -> Interpreter | None:
    """Who compiles third-party packages: their wheels are for Lambda's Python, or for the one that runs this."""
    return this_interpreter() if host_build else lambdas_interpreter(LAMBDA_PYTHON)


@cache
def staging_folder() -> Path:
    """Where assets are laid out before CDK copies them. One a process, gone when it ends."""
    return Path(_staging().name)


@cache
def _staging() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="workflow-assets-")
