"""What goes into Lambda's zip files. Nothing here needs Docker or AWS.

A function's asset holds its own folder only, below `functions/`, so that the dotted handler imports as it does
everywhere else; the engine's layers hold the packages as they lie; the layer of third-party packages is installed from
its lock by uv, for Lambda's platform whatever the machine is.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FUNCTIONS_FOLDER: Final = ROOT / "functions"
LAYERS_FOLDER: Final = ROOT / "layers"
DEPS_LOCK: Final = LAYERS_FOLDER / "deps" / "requirements.lock"
LLM_DEPS_LOCK: Final = LAYERS_FOLDER / "llm_deps" / "requirements.lock"
LOCKS: Final = {"deps": DEPS_LOCK, "llm_deps": LLM_DEPS_LOCK}
"""Layers of third-party packages, each with its lock."""
OPENAPI_FILE: Final = ROOT / "infra" / "openapi.json"

LAMBDA_PYTHON: Final = "3.13"
LAMBDA_PLATFORM: Final = "aarch64-manylinux_2_28"
"""Lambda's Python 3.13 runs on Amazon Linux 2023, which has glibc 2.34."""

IN_LAMBDAS_RUNTIME: Final = ("boto3", "botocore", "s3transfer", "urllib3", "python-dateutil", "six")
"""Not in the lock of the layer: Lambda's Python runtimes bring boto3 and what it needs ("Runtime-included SDK versions").
"""

_NOT_DEPLOYED: Final = shutil.ignore_patterns("__pycache__", "*.pyc")


@cache
def function_asset(name: str) -> Path:
    """The root of a function's asset, laid out when first asked for."""
    root = staging_folder() / name
    package = root / "functions"
    shutil.copytree(FUNCTIONS_FOLDER / name, package / name, ignore=_NOT_DEPLOYED)
    shutil.copyfile(FUNCTIONS_FOLDER / "__init__.py", package / "__init__.py")
    if name == "api_docs":
        shutil.copyfile(OPENAPI_FILE, package / name / "openapi.json")
    return root


@cache
def own_layer_asset(name: str) -> Path:
    """The root of the asset of one of our own layers (`engine`, `llm`), laid out when first asked for."""
    root = staging_folder() / f"layer-{name}"
    shutil.copytree(LAYERS_FOLDER / name / "python", root / "python", ignore=_NOT_DEPLOYED)
    return root


def target_arguments(*, host_build: bool) -> list[str]:
    """uv's arguments that name the platform: Lambda's, or that of the Python which runs this."""
    if host_build:
        return ["--python", sys.executable]
    return ["--python-platform", LAMBDA_PLATFORM, "--python-version", LAMBDA_PYTHON]


def target_name(*, host_build: bool) -> str:
    """What distinguishes builds of one lock; it becomes part of the asset's hash."""
    if host_build:
        return f"{sys.platform}-{platform.machine()}-{sys.version_info.major}.{sys.version_info.minor}"
    return f"{LAMBDA_PLATFORM}-{LAMBDA_PYTHON}"


def install_deps(output: Path, *, host_build: bool, lock: Path = DEPS_LOCK) -> None:
    """Install a layer of third-party packages into `output`/python. Only wheels, only those whose hashes the lock knows.

    Raises `subprocess.CalledProcessError`; uv's message goes to stderr.
    """
    import uv

    target = output / "python"
    command = [
        uv.find_uv_bin(),
        "pip",
        "install",
        "--quiet",
        "--target",
        str(target),
        *target_arguments(host_build=host_build),
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


@cache
def staging_folder() -> Path:
    """Where assets are laid out before CDK copies them. One a process, gone when it ends."""
    return Path(_staging().name)


@cache
def _staging() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="workflow-assets-")
