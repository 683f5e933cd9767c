"""Cold starts of the assets: a handler with its clients, against the same clients of bare boto3 and pydantic.

`import pydantic` alone imports next to nothing, since its names are looked up lazily; the bound is on the ratio to a bare
import that has `BaseModel`, which is pydantic as anybody uses it. The ratio to the former is printed beside it.

The assets are laid out as they are deployed, but their packages are those of this machine, since wheels for Lambda's
processor cannot be imported here. The interpreter is of Lambda's version where one is found, else the one that runs this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from infra.bytecode import (
    FUNCTION_ROOT,
    LAYER_ROOT,
    Interpreter,
    compile_modules,
    lambdas_interpreter,
    this_interpreter,
)
from infra.catalog import FUNCTIONS
from infra.function import Function
from infra.packaging import LAMBDA_PYTHON, LOCKS, install_packages, lay_out_function, lay_out_layer
from tests.support.lambda_runtime import IN_LAMBDAS_RUNTIME
from tests.unit.ground.test_init_phase import DEPLOYED, clients_of
from workflow_engine.init_phase import IN_LAMBDA

ROUNDS: Final = 7
MAX_RATIO: Final = 1.25

_TIMED: Final = (
    "import sys, time; sys.path[:0] = {path!r}; t = time.process_time()\n{code}\nprint(time.process_time() - t)"
)
_BARE: Final = """
import boto3
{pydantic}
from botocore.config import Config
config = Config(connect_timeout=3, read_timeout=10, retries={{"mode": "standard", "max_attempts": 3}})
session = boto3.session.Session()
for name in {clients!r}:
    session.client(name, config=config)
"""


class Assets:
    """Everything that is deployed, below one folder."""

    def __init__(self, folder: Path, interpreter: Interpreter) -> None:
        self._folder, self._interpreter = folder, interpreter
        python = ["--python", interpreter.path]
        for name, lock in LOCKS.items():
            install_packages(folder / name / "python", python, lock)
            compile_modules(folder / name, LAYER_ROOT, interpreter)
        for name in ("engine", "llm"):
            lay_out_layer(name, folder / name, interpreter)
        for described in FUNCTIONS:
            lay_out_function(described.name, folder / described.name, interpreter)
        shutil.copytree(folder, folder / "plain", ignore=shutil.ignore_patterns("__pycache__", "plain"))
        runtime = folder / "runtime.lock"
        runtime.write_text("".join(f"{name}=={version(name)}\n" for name in (*IN_LAMBDAS_RUNTIME, "jmespath")))
        _install_runtime(folder / "runtime", python, runtime)
        compile_modules(folder / "runtime", FUNCTION_ROOT, interpreter)

    def path(self, described: Function, *, with_bytecode: bool) -> list[str]:
        """Where Lambda looks: the function, its layers, the runtime, which is always compiled."""
        folder = self._folder if with_bytecode else self._folder / "plain"
        layers = [str(folder / layer / "python") for layer in described.layers]
        return [str(folder / described.name), *layers, str(self._folder / "runtime" / "python")]

    def seconds(self, described: Function, code: str, *, with_bytecode: bool = True) -> float:
        """Processor time of code in a new process, which leaves no bytecode behind."""
        timed = _TIMED.format(path=self.path(described, with_bytecode=with_bytecode), code=code)
        command = [self._interpreter.path, "-I", "-S", "-B", "-c", timed]
        environment = {**DEPLOYED, IN_LAMBDA: described.name}
        return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def _install_runtime(folder: Path, python: list[str], lock: Path) -> None:
    import uv

    command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target", str(folder / "python"), *python]
    subprocess.run([*command, "--requirement", str(lock)], check=True)


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Medians of seconds of processor time, and of the ratios of what was measured in one turn, one right after the
    other: what else the machine does then slows both.
    """

    bare: float
    """Bare clients and pydantic's `BaseModel`."""
    deployed: float
    without_bytecode: float
    ratio: float
    """`deployed` to `bare`."""
    ratio_to_lazy: float
    """`deployed` to bare clients and `import pydantic`."""


def measured(assets: Assets, described: Function) -> ColdStart:
    """Cold starts of a function, each in a process of its own."""
    handler, clients = f"import {described.handler.rpartition('.')[0]}", clients_of(described)
    lazy = _BARE.format(pydantic="import pydantic", clients=clients)
    bare = _BARE.format(pydantic="from pydantic import BaseModel", clients=clients)
    turns = [[assets.seconds(described, code) for code in (lazy, bare, handler)] for _ in range(ROUNDS)]
    without = [assets.seconds(described, handler, with_bytecode=False) for _ in range(2)]
    return ColdStart(
        bare=median(turn[1] for turn in turns),
        deployed=median(turn[2] for turn in turns),
        without_bytecode=median(without),
        ratio=median(turn[2] / turn[1] for turn in turns),
        ratio_to_lazy=median(turn[2] / turn[0] for turn in turns),
    )


@pytest.mark.benchmark
def test_a_cold_start_costs_little_more_than_its_clients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interpreter = lambdas_interpreter(LAMBDA_PYTHON) or this_interpreter()
    assets = Assets(tmp_path, interpreter)
    found = {described.name: measured(assets, described) for described in FUNCTIONS}
    with capsys.disabled():
        print(f"\ncold starts, {interpreter.cache_tag}, {os.uname().machine}; milliseconds of processor time")
        print(f"{'function':<20} {'bare':>6} {'no bytecode':>12} {'deployed':>9} {'ratio':>6} {'to lazy pydantic':>17}")
        for name, start in found.items():
            print(f"{name:<20} {start.bare * 1000:>6.0f} {start.without_bytecode * 1000:>12.0f} ", end="")
            print(f"{start.deployed * 1000:>9.0f} {start.ratio:>6.2f} {start.ratio_to_lazy:>17.2f}")
    assert {name: start.ratio for name, start in found.items() if start.ratio > MAX_RATIO} == {}
