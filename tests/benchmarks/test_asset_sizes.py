"""Sizes of what is deployed, and the time it takes to synthesize it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

import pytest

from infra.catalog import FUNCTIONS
from infra.packaging import LOCKS, function_asset, install_deps, own_layer_asset

MEBIBYTE: Final = 1024 * 1024
MAX_ZIPPED: Final = {"deps": 20 * MEBIBYTE, "files_deps": 50 * MEBIBYTE, "llm_deps": 50 * MEBIBYTE}
MAX_UNZIPPED: Final = 250 * MEBIBYTE
"""Lambda, "Deployment package size": function and layers together, unzipped."""


def sizes(folder: Path, archive: Path) -> tuple[int, int]:
    """Bytes of a folder's files, and of its zip."""
    unzipped = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return unzipped, Path(shutil.make_archive(str(archive), "zip", folder)).stat().st_size


@pytest.mark.benchmark
def test_the_layers_are_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = {}
    for name, lock in LOCKS.items():
        started = time.perf_counter()
        install_deps(tmp_path / name, host_build=False, lock=lock)
        seconds[name] = time.perf_counter() - started
    folders = {f"layer {name} (arm64, Python 3.13)": tmp_path / name for name in LOCKS}
    folders |= {f"layer {name}": own_layer_asset(name) for name in ("engine", "llm")}
    folders |= {f"function {f.name}": function_asset(f.name) for f in FUNCTIONS}
    measured = {name: sizes(folder, tmp_path / f"zip{i}") for i, (name, folder) in enumerate(folders.items())}
    with capsys.disabled():
        print(f"\n{'asset':<40} {'KiB':>8} {'zipped':>8}")
        for name, (unzipped, zipped) in measured.items():
            print(f"{name:<40} {unzipped / 1024:>8.0f} {zipped / 1024:>8.0f}")
        print("installed in " + ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items()))
    own = sum(measured[f"layer {name}"][0] for name in ("engine", "llm"))
    for name, most in MAX_ZIPPED.items():
        unzipped, zipped = measured[f"layer {name} (arm64, Python 3.13)"]
        assert zipped <= most
        assert unzipped + own <= MAX_UNZIPPED


@pytest.mark.benchmark
def test_synthesis_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from infra.app import build, context_of_project
    from tests.support.templates import read_assembly, roles

    started = time.perf_counter()
    build(context_of_project(), str(tmp_path)).app.synth()
    seconds = time.perf_counter() - started
    assembly = read_assembly(tmp_path)
    found = roles(assembly)
    actions = sum(len(statement.actions) for statements in found.values() for statement in statements)
    with capsys.disabled():
        print(f"\nsynthesis with cdk-nag and the deps layer: {seconds:.1f} s")
        print(f"resources {len(list(assembly.all_resources()))}, roles {len(found)}, ", end="")
        print(f"statements {sum(map(len, found.values()))}, actions {actions}, findings {len(assembly.findings())}")
    assert found
