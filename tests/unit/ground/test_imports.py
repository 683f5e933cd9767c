"""What import-linter's contracts cannot say of imports."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[3]


def test_no_module_imports_itself_on_any_way_not_even_inside_functions() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    graph = grimp.build_graph(*settings["root_packages"])
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 100
    TopologicalSorter(imports).prepare()  # raises CycleError, with the circle


def test_mypy_reads_every_module_of_the_cdk_that_is_imported() -> None:
    """The others are skipped, and what mypy skips may be anything."""
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    (read,) = (each["module"] for each in overrides if each.get("follow_imports") == "normal")
    trees = (
        ast.parse(file.read_text(encoding="utf-8")) for top in ("infra", "tests") for file in (ROOT / top).rglob("*.py")
    )
    imported = {name for tree in trees for node in ast.walk(tree) for name in _modules_of_the_cdk(node)}
    assert "aws_cdk.aws_lambda" in imported
    assert imported - set(read) == set()


def _modules_of_the_cdk(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.ImportFrom(module="aws_cdk", names=names):
            yield from (f"aws_cdk.{each.name}" for each in names if each.name.islower())
        case ast.ImportFrom(module=str(module)) if module.startswith("aws_cdk."):
            yield module
        case ast.Import(names=names):
            yield from (each.name for each in names if each.name.startswith("aws_cdk."))


def test_dataclasses_are_those_whose_methods_are_made_late() -> None:
    """A class whose methods the standard library makes at once costs half a millisecond of every start; see `lazy_dataclass`."""
    of_commands_and_functions = ("layers/engine/python", "functions", "infra/local")
    modules = [file for root in of_commands_and_functions for file in (ROOT / root).rglob("*.py")]
    made_at_once = {
        str(file.relative_to(ROOT))
        for file in modules
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.match(r"from dataclasses import .*\bdataclass\b|@dataclasses\.dataclass", line)
    }
    assert made_at_once == set()
    assert len(modules) > 300
