"""The wheel in an environment of its own, in a folder where nothing of this repository is: what whoever installs it has."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest
import uv

from tests.support.processes import REPOSITORY, address_of, command

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]

HELLO: Final = REPOSITORY / "statemachines" / "examples" / "hello-world" / "workflow.json"
PACKAGES: Final = {
    "layers/engine/python/": "",
    "layers/llm/python/": "",
    "functions/": "functions/",
    "infra/": "infra/",
    "workflow_pytest/": "workflow_pytest/",
}
"""Folders of the repository, and where what they hold is in the wheel."""

CONSOLE: Final = "functions/api_console/web/"
"""Of the console only what was built of it is in the wheel."""
NOT_FOR_A_LAPTOP: Final = {"aws-cdk-lib", "boto3", "botocore", "jsii", "mcp", "moto", "openai", "pytest"}
SECONDS: Final = 300

SCRIPT: Final = """
import asyncio, json, sys
from workflow_engine.client import ApiProblem, AsyncClient, Client

api, file = sys.argv[1:]
workflow = json.load(open(file))
with Client(api) as client:
    client.workflows.deploy(workflow, "hello")
    results = client.runs.execute("hello", timeout=60)
    types = [event["type"] for event in client.runs.events(results["execution_id"])]
    try:
        client.workflows.get("none")
    except ApiProblem as problem:
        code = problem.code

async def again():
    async with AsyncClient(api) as client:
        return await client.runs.execute("hello", timeout=60)

outputs = [r["output"]["process_data"]["result"] for r in (results, asyncio.run(again()))]
print(json.dumps({"outputs": outputs, "last": types[-1], "code": code}))
"""

TYPED: Final = """
from workflow_engine.client import AsyncClient, Client

def failed(client: Client) -> list[str]:
    return [run["execution_id"] for run in client.runs.list(status="failed")]

async def state(client: AsyncClient, execution_id: str) -> str:
    return (await client.runs.wait(execution_id, 10))["status"]

Client("http://localhost").runs.start("hello", sesion_id="x")
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository without what is not committed, but for a console that was built, in the place of which a file stands."""
    folder = tmp_path_factory.mktemp("sources")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=REPOSITORY)
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, folder / name)
    (folder / CONSOLE / "dist").mkdir()
    (folder / CONSOLE / "dist" / "index.html.gz").write_bytes(gzip.compress(b"<html>"))
    return folder


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of a source distribution, as `python -m build` does it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("build", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder)
    said = run(uv.find_uv_bin(), *build, sources)
    found = list(folder.glob("*.whl"))
    assert len(found) == 1, said
    return found[0]


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment, with the wheel and what that asks for, in the versions of the lock."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(uv.find_uv_bin(), "venv", "--python", sys.executable, folder)
    interpreter = folder / "bin" / "python"
    lock = REPOSITORY / "requirements.lock"
    run(uv.find_uv_bin(), "pip", "install", "--python", interpreter, "--constraint", lock, wheel)
    return interpreter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder but for a workflow."""
    (tmp_path / "workflow.json").write_bytes(HELLO.read_bytes())
    return tmp_path


def run(*arguments: str | Path, cwd: Path | None = None) -> str:
    """What a program wrote on stdout; fails when it does."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(arguments, cwd=cwd, env=clean, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_its_packages(wheel: Path, sources: Path) -> None:
    files = [path.relative_to(sources).as_posix() for path in sources.rglob("*") if path.is_file()]
    wanted = {
        into + name.removeprefix(part)
        for name in files
        for part, into in PACKAGES.items()
        if name.startswith(part) and (not name.startswith(CONSOLE) or name.startswith(f"{CONSOLE}dist/"))
    }
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()
    assert {"workflow_engine/py.typed", "infra/openapi.json", "infra/local/cli/templates/etl/etl.yaml"} <= wanted


def test_it_installs_nothing_of_aws(python: Path) -> None:
    names = run(python, "-c", "import importlib.metadata as m; print(*(d.name for d in m.distributions()))").split()
    assert "workflow-engine" in names
    assert NOT_FOR_A_LAPTOP & set(names) == set()


def test_a_workflow_runs_from_the_command_line(python: Path, folder: Path) -> None:
    told = run(python.with_name("workflow"), "run", "workflow.json", "--json", cwd=folder)
    assert json.loads(told)["output"]["process_data"]["result"] == {"message": "HELLO, WORLD!"}


def test_a_folder_that_init_writes_is_tested_at_once(python: Path, folder: Path) -> None:
    run(python.with_name("workflow"), "init", "--template", "saga", "shop", cwd=folder)
    said = run(python.with_name("workflow"), "test", cwd=folder / "shop")
    assert re.search(r"^\d+ passed in ", said, re.MULTILINE), said


def test_pytest_runs_workflows_and_leaves_a_projects_own_infra_alone(python: Path, folder: Path) -> None:
    lock = REPOSITORY / "requirements.lock"
    run(uv.find_uv_bin(), "pip", "install", "--python", python, "--constraint", lock, "pytest")
    (folder / "infra").mkdir()
    (folder / "infra" / "__init__.py").write_text("")
    (folder / "infra" / "stacks.py").write_text("NAME = 'mine'\n")
    (folder / "test_infra.py").write_text(
        "from infra.stacks import NAME\n\ndef test_it():\n    assert NAME == 'mine'\n"
    )
    assert "1 passed" in run(python, "-m", "pytest", "test_infra.py", cwd=folder)
    run(python.with_name("workflow"), "init", "--template", "saga", "shop", cwd=folder)
    assert re.search(r"^\d+ passed in ", run(python, "-m", "pytest", "-q", cwd=folder / "shop"), re.MULTILINE)


def test_the_client_uses_the_server_of_the_same_wheel(python: Path, folder: Path) -> None:
    with command("serve", "--port", "0", "--data", folder / "data", cwd=folder, python=python) as server:
        address = address_of(server)
        told = json.loads(run(python, "-c", SCRIPT, address, "workflow.json", cwd=folder))
        assert told == {"outputs": [{"message": "HELLO, WORLD!"}] * 2, "last": "run.completed", "code": "not_found"}
        listed = run(python.with_name("workflow"), "list", "--json", "--api", address, cwd=folder)
        assert [run["workflow_id"] for run in json.loads(listed)["items"]] == ["hello", "hello"]
        read = "import httpx2, sys; print(*(httpx2.get(a, trust_env=False).status_code for a in sys.argv[1:]))"
        paths = ["/console/", "/docs", "/docs/swagger-ui.js", "/docs/swagger-ui.css", "/openapi.json"]
        assert run(python, "-c", read, *(address + path for path in paths)).split() == ["200"] * 5


def test_type_checkers_see_what_the_client_gives(python: Path, folder: Path) -> None:
    (folder / "typed.py").write_text(TYPED, encoding="utf-8")
    check = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "--config-file=", "typed.py"]
    done = subprocess.run(check, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.stdout.splitlines() == [
        'typed.py:10: error: Unexpected keyword argument "sesion_id"; did you mean "session_id"?  [call-arg]',
        "Found 1 error in 1 file (checked 1 source file)",
    ], done.stdout + done.stderr
