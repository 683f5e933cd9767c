"""What is in the zip files: enough to import, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import pytest

from infra.catalog import FUNCTIONS, Function
from infra.packaging import (
    DEPS_LOCK,
    FUNCTIONS_FOLDER,
    IN_LAMBDAS_RUNTIME,
    LAMBDA_PYTHON,
    function_asset,
    install_deps,
    own_layer_asset,
)

pytestmark = pytest.mark.xdist_group("cdk")

MAX_DEPS_ZIPPED_BYTES: Final = 20 * 1024 * 1024
BOTO3: Final = (*IN_LAMBDAS_RUNTIME, "jmespath")
"""What Lambda's runtime brings; jmespath is in the layer too, because Powertools names it."""

IMPORT: Final = """
import sys
sys.path[:0] = sys.argv[2:]
module, _, name = sys.argv[1].rpartition(".")
__import__(module)
assert callable(getattr(sys.modules[module], name))
"""


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def locked() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", DEPS_LOCK.read_text(encoding="utf-8"), re.MULTILINE))


def linked(names: Iterable[str], into: Path) -> Path:
    """A folder with these installed packages and no others."""
    into.mkdir()
    for name in names:
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if ".." not in file.parts}:
            source = Path(str(found.locate_file(top)))
            if top != "__pycache__" and source.exists() and not (into / top).exists():
                (into / top).symlink_to(source)
    return into


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The deps layer and Lambda's boto3, made of what is installed here."""
    folder = tmp_path_factory.mktemp("packages")
    return linked(locked(), folder / "deps"), linked(BOTO3, folder / "runtime")


def import_handler(described: Function, layers: dict[str, Path], runtime: Path) -> subprocess.CompletedProcess[str]:
    """Import a handler in an interpreter that sees its asset, its layers and Lambda's runtime, no site-packages."""
    path = [function_asset(described.name), *(layers[layer] for layer in described.layers), runtime]
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT, described.handler, *map(str, path)]
    return subprocess.run(command, capture_output=True, text=True, env={"AWS_REGION": "eu-west-1"}, check=False)


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_a_handler_imports_with_its_layers_and_nothing_else(described: Function, packages: tuple[Path, Path]) -> None:
    deps, runtime = packages
    layers = {"deps": deps, "engine": own_layer_asset("engine") / "python", "llm": own_layer_asset("llm") / "python"}
    done = import_handler(described, layers, runtime)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_the_asset_of_a_function_holds_its_own_folder_only(described: Function) -> None:
    found = files(function_asset(described.name))
    own = {f"functions/{described.name}/{f}" for f in files(FUNCTIONS_FOLDER / described.name) if f.endswith(".py")}
    extra = {"functions/api_docs/openapi.json"} if described.name == "api_docs" else set()
    assert found == own | extra | {"functions/__init__.py"}


def test_the_engines_layer_is_the_package_as_it_lies() -> None:
    found = files(own_layer_asset("engine"))
    assert "python/workflow_engine/usecases/start_run.py" in found
    assert all(name.startswith("python/workflow_engine/") and not name.endswith(".pyc") for name in found)


def test_the_layers_lock_has_the_versions_that_are_tested() -> None:
    whole = (DEPS_LOCK.parents[2] / "requirements.lock").read_text(encoding="utf-8")
    versions = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", whole, re.MULTILINE))
    assert locked().items() <= versions.items()
    assert not set(locked()) & set(IN_LAMBDAS_RUNTIME)
    assert {"aws-lambda-powertools", "jlens", "jsonschema", "pydantic"} <= set(locked())


def test_the_lock_names_no_package_index() -> None:
    assert "://" not in DEPS_LOCK.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_deps_layer_is_built_for_lambda(tmp_path: Path) -> None:
    install_deps(tmp_path, host_build=False)
    compiled = [path.name for path in tmp_path.rglob("*.so")]
    assert compiled
    tag = LAMBDA_PYTHON.replace(".", "")
    assert all(f"cpython-{tag}-aarch64" in name or name.endswith(".abi3.so") for name in compiled)
    assert not {"boto3", "botocore", "bin"} & {path.name for path in (tmp_path / "python").iterdir()}
    assert zipped_bytes(tmp_path) <= MAX_DEPS_ZIPPED_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_a_handler_imports_with_the_layer_that_is_built_for_this_machine(
    described: Function, built_for_host: Path, packages: tuple[Path, Path]
) -> None:
    layers = {
        "deps": built_for_host / "python",
        "engine": own_layer_asset("engine") / "python",
        "llm": own_layer_asset("llm") / "python",
    }
    done = import_handler(described, layers, packages[1])
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built_for_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    install_deps(folder, host_build=True)
    return folder


def zipped_bytes(folder: Path) -> int:
    """The size of a folder as a zip file."""
    import shutil

    return Path(shutil.make_archive(str(folder.parent / "zipped"), "zip", folder)).stat().st_size
