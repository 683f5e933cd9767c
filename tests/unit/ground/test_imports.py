"""What import-linter's contracts cannot say of imports."""

from __future__ import annotations

import re
import tomllib
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
