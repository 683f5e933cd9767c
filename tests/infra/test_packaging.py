"""What is in the zip files: enough to import, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from infra.catalog import FUNCTIONS
from infra.function import Function
from infra.packaging import (
    DEPS_LOCK,
    FUNCTIONS_FOLDER,
    LAMBDA_PYTHON,
    LOCKS,
    function_asset,
    install_deps,
    own_layer_asset,
)
from tests.support.lambda_runtime import IN_LAMBDAS_RUNTIME

pytestmark = pytest.mark.xdist_group("cdk")

MAX_DEPS_ZIPPED_BYTES: Final = {"deps": 20 * 1024 * 1024, "files_deps": 50 * 1024 * 1024, "llm_deps": 50 * 1024 * 1024}
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
    """The files of an asset but for compiled modules, of which each must have its source."""
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    compiled = {path for path in found if path.suffix == ".pyc"}
    assert {path.parents[1] / f"{path.name.split('.')[0]}.py" for path in compiled} <= found
    return {path.as_posix() for path in found - compiled}


def locked(lock: Path = DEPS_LOCK) -> dict[str, str]:
    """The packages that a lock installs on this machine, and their versions."""
    lines = [line.rstrip("\\ ") for line in lock.read_text(encoding="utf-8").splitlines() if line[:1].isalnum()]
    wanted = [Requirement(line) for line in lines]
    here = [r for r in wanted if r.marker is None or r.marker.evaluate()]
    return {r.name: str(r.specifier).removeprefix("==") for r in here}


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
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All layers by name, those of third-party packages made of what is installed here; and `runtime`, Lambda's boto3."""
    folder = tmp_path_factory.mktemp("packages")
    installed = {name: linked(locked(lock), folder / name) for name, lock in LOCKS.items()}
    return {**installed, **own_layers(), "runtime": linked(BOTO3, folder / "runtime")}


def own_layers() -> dict[str, Path]:
    return {name: own_layer_asset(name) / "python" for name in ("engine", "llm")}


def import_handler(described: Function, packages: Mapping[str, Path]) -> subprocess.CompletedProcess[str]:
    """Import a handler in an interpreter that sees its asset, its layers and Lambda's runtime, no site-packages."""
    path = [function_asset(described.name), *(packages[layer] for layer in described.layers), packages["runtime"]]
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT, described.handler, *map(str, path)]
    return subprocess.run(command, capture_output=True, text=True, env={"AWS_REGION": "eu-west-1"}, check=False)


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_a_handler_imports_with_its_layers_and_nothing_else(described: Function, packages: dict[str, Path]) -> None:
    done = import_handler(described, packages)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_the_asset_of_a_function_holds_its_own_folder_only(described: Function) -> None:
    found = files(function_asset(described.name))
    folder = FUNCTIONS_FOLDER / described.name
    own = {
        p.relative_to(FUNCTIONS_FOLDER.parent).as_posix()
        for p in (*folder.rglob("*.py"), *folder.glob("web/dist/*.gz"))
    }
    extra = {"functions/api_docs/openapi.json"} if described.name == "api_docs" else set()
    assert found == {name for name in own if "/node_modules/" not in name} | extra | {"functions/__init__.py"}


def test_the_engines_layer_is_the_package_as_it_lies() -> None:
    found = files(own_layer_asset("engine"))
    assert "python/workflow_engine/usecases/runs/start_run.py" in found
    assert all(name.startswith("python/workflow_engine/") for name in found)


def test_the_engines_layer_goes_without_the_client() -> None:
    assert not [name for name in files(own_layer_asset("engine")) if name.startswith("python/workflow_engine/client/")]


@pytest.mark.parametrize("layer", LOCKS)
def test_a_layers_lock_has_the_versions_that_are_tested(layer: str) -> None:
    found = locked(LOCKS[layer])
    assert found.items() <= locked(DEPS_LOCK.parents[2] / "requirements.lock").items()
    assert not set(found) & set(IN_LAMBDAS_RUNTIME)
    assert {"aws-lambda-powertools", "jlens", "jsonschema", "pydantic"} <= set(found)


@pytest.mark.parametrize("layer", ["files_deps", "llm_deps"])
def test_another_layer_is_the_first_one_and_more(layer: str) -> None:
    assert locked().items() < locked(LOCKS[layer]).items()


def test_the_layers_have_what_their_functions_use() -> None:
    assert {"pypdf", "python-docx", "openpyxl", "sentencex"} <= set(locked(LOCKS["files_deps"])) - set(locked())
    assert {"openai", "google-genai", "mcp"} <= set(locked(LOCKS["llm_deps"])) - set(locked())


def test_what_the_layers_share_with_the_wheel_has_its_bounds_in_one_place() -> None:
    project = tomllib.loads((DEPS_LOCK.parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wheel = {Requirement(line).name: Requirement(line) for line in project["dependencies"]}
    layers = [Requirement(line) for line in project["optional-dependencies"]["lambda"]]
    assert [r.name for r in layers if bool(r.specifier) == (r.name in wheel)] == []
    assert all(requirement.specifier for requirement in wheel.values())


def test_the_layers_go_without_what_only_a_laptop_needs() -> None:
    assert {"apsw", "click", "httpx2", "rich", "sqlite-vec", "werkzeug"} & set(locked()) == set()


@pytest.mark.parametrize("layer", LOCKS)
def test_a_lock_names_no_package_index(layer: str) -> None:
    assert "://" not in LOCKS[layer].read_text(encoding="utf-8")


def test_no_function_has_both_layers_of_packages() -> None:
    assert all(len(set(LOCKS) & set(f.layers)) <= 1 for f in FUNCTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("layer", LOCKS)
def test_a_layer_of_packages_is_built_for_lambda(layer: str, tmp_path: Path) -> None:
    install_deps(tmp_path, host_build=False, lock=LOCKS[layer])
    compiled = [path.name for path in tmp_path.rglob("*.so")]
    assert compiled
    tag = LAMBDA_PYTHON.replace(".", "")
    assert all(f"cpython-{tag}-aarch64" in name or name.endswith(".abi3.so") for name in compiled)
    assert any(name.startswith("_yaml.") for name in compiled)  # libyaml, which is all that reads YAML here
    assert not {"boto3", "botocore", "bin"} & {path.name for path in (tmp_path / "python").iterdir()}
    assert zipped_bytes(tmp_path) <= MAX_DEPS_ZIPPED_BYTES[layer]


@pytest.mark.slow
@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_a_handler_imports_with_the_layer_that_is_built_for_this_machine(
    described: Function, built_for_host: dict[str, Path], packages: dict[str, Path]
) -> None:
    done = import_handler(described, {**packages, **built_for_host})
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built_for_host(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {name: tmp_path_factory.mktemp(name) for name in LOCKS}
    for name, folder in folders.items():
        install_deps(folder, host_build=True, lock=LOCKS[name])
    return {name: folder / "python" for name, folder in folders.items()}


def zipped_bytes(folder: Path) -> int:
    """The size of a folder as a zip file."""
    import shutil

    return Path(shutil.make_archive(str(folder.parent / "zipped"), "zip", folder)).stat().st_size
