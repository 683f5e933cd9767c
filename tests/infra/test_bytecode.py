"""Compiled modules: whoever compiles is what it says, the files are the same wherever they are made, and Python takes them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from infra import bytecode
from infra.bytecode import (
    FUNCTION_ROOT,
    LAYER_ROOT,
    BytecodeError,
    Interpreter,
    compile_modules,
    find_interpreter,
    lambdas_interpreter,
    this_interpreter,
)
from infra.packaging import lay_out_function, lay_out_layer

VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER_VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor + 1}"
TAG: Final = sys.implementation.cache_tag
UNCHECKED_HASH: Final = b"\x01\0\0\0"


def shim(folder: Path, script: str, name: str = f"python{VERSION}") -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_an_interpreter_that_says_what_it_is_counts() -> None:
    found = find_interpreter(VERSION, [sys.executable])
    assert found == this_interpreter()
    assert (found.cache_tag, found.path) == (TAG, sys.executable)


@pytest.mark.parametrize(
    "script",
    [
        "echo 'command not found' >&2; exit 127",
        "exit 0",
        f"echo 'Python {VERSION}'",
        f"echo '{VERSION}'",
        f"printf '{VERSION}\\nfinal\\npypy-73\\n00\\n/usr/bin/pypy\\n'",
        f"printf '{VERSION}\\nbeta\\n{TAG}\\n00\\n/usr/bin/python\\n'",
        f"printf '{OTHER_VERSION}\\nfinal\\n{TAG}\\n00\\n/usr/bin/python\\n'",
    ],
)
def test_a_shim_that_fails_or_lies_is_none(script: str, tmp_path: Path) -> None:
    assert find_interpreter(VERSION, [shim(tmp_path, script)]) is None


def test_a_name_proves_nothing_about_the_version(tmp_path: Path) -> None:
    named = shim(tmp_path, f'exec {sys.executable} "$@"', f"python{OTHER_VERSION}")
    assert find_interpreter(OTHER_VERSION, [named]) is None


def test_the_interpreter_behind_a_shim_is_taken_and_those_before_it_passed_over(tmp_path: Path) -> None:
    paths = [
        str(tmp_path / "missing"),
        shim(tmp_path / "a", "exit 1"),
        shim(tmp_path / "b", f'exec {sys.executable} "$@"'),
    ]
    assert find_interpreter(VERSION, paths) == this_interpreter()


def test_the_whole_path_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = shim(tmp_path / "a", "exit 1"), shim(tmp_path / "b", "exit 1")
    monkeypatch.setenv("PATH", f"{Path(first).parent}:{Path(second).parent}")
    tried = list(bytecode.candidates(VERSION))
    assert tried[0] == sys.executable
    assert tried[-2:] == [first, second]


def test_that_there_is_no_interpreter_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bytecode, "candidates", lambda version: iter(()))
    assert [lambdas_interpreter("3.0"), lambdas_interpreter("3.0")] == [None, None]
    said = capsys.readouterr().err
    assert said.count("No Python 3.0 was found") == 1
    assert "uv python install 3.0" in said


def test_a_module_is_compiled_for_where_lambda_has_it_and_taken_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "python" / "package" / "module.py"
    source.parent.mkdir(parents=True)
    source.write_text("print('compiled')\n", encoding="utf-8")
    compile_modules(tmp_path, LAYER_ROOT, this_interpreter())
    compiled = (source.parent / "__pycache__" / f"module.{TAG}.pyc").read_bytes()
    assert compiled[4:8] == UNCHECKED_HASH
    assert b"/opt/python/package/module.py" in compiled
    source.write_text("print('compiled anew')\n", encoding="utf-8")
    script = f"import sys; sys.path.insert(0, {str(tmp_path / 'python')!r}); import package.module"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "compiled\n"


def test_a_layer_is_the_same_wherever_it_is_built(tmp_path: Path) -> None:
    for place in ("here", "somewhere/else"):
        lay_out_layer("engine", tmp_path / place, this_interpreter())
    built = digests(tmp_path / "here")
    assert built == digests(tmp_path / "somewhere" / "else")
    modules, compiled = ({name for name in built if name.endswith(ending)} for ending in (".py", ".pyc"))
    assert len(modules) > 100
    assert {name.replace("__pycache__/", "").replace(f".{TAG}.pyc", ".py") for name in compiled} == modules


def test_a_function_is_compiled_for_its_task_root(tmp_path: Path) -> None:
    lay_out_function("step_data", tmp_path, this_interpreter())
    compiled = tmp_path / "functions" / "step_data" / "__pycache__" / f"handler.{TAG}.pyc"
    assert f"{FUNCTION_ROOT}/functions/step_data/handler.py".encode() in compiled.read_bytes()
    assert str(tmp_path).encode() not in compiled.read_bytes()


def test_what_lies_compiled_in_the_worktree_is_not_packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function = tmp_path / "functions" / "f"
    (function / "__pycache__").mkdir(parents=True)
    (function / "handler.py").write_text("", encoding="utf-8")
    (function.parent / "__init__.py").write_text("", encoding="utf-8")
    for stale in (function / "__pycache__" / f"gone.{TAG}.pyc", function / "old.pyc"):
        stale.write_bytes(b"stale")
    monkeypatch.setattr("infra.packaging.FUNCTIONS_FOLDER", function.parent)
    lay_out_function("f", tmp_path / "with", this_interpreter())
    lay_out_function("f", tmp_path / "without", None)
    sources = {"functions/__init__.py", "functions/f/handler.py"}
    assert digests(tmp_path / "without").keys() == sources
    assert digests(tmp_path / "with").keys() == sources | {
        f"functions/__pycache__/__init__.{TAG}.pyc",
        f"functions/f/__pycache__/handler.{TAG}.pyc",
    }


def test_a_template_that_does_not_parse_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "template.py").write_text("import {{ name }}\n", encoding="utf-8")
    (tmp_path / "module.py").write_text("", encoding="utf-8")
    compile_modules(tmp_path, LAYER_ROOT, this_interpreter())
    assert [path.name for path in (tmp_path / "__pycache__").iterdir()] == [f"module.{TAG}.pyc"]


def test_an_interpreter_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("", encoding="utf-8")
    idle = Interpreter(shim(tmp_path / "bin", "exit 0"), TAG, this_interpreter().magic)
    with pytest.raises(BytecodeError, match="did not compile module"):
        compile_modules(tmp_path, LAYER_ROOT, idle)
