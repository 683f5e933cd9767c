"""What is known of the engine that compiled a workflow."""

from __future__ import annotations

import ast
from pathlib import Path

import workflow_engine
from workflow_engine.usecases.workflows.compilation import COMPILING_MODULES, COMPILING_ROOMS

PACKAGE = Path(workflow_engine.__file__).parent


def imports(path: Path) -> set[str]:
    """The parts of the engine that a module imports: the names below `workflow_engine`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "workflow_engine":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workflow_engine."):
            found.add((node.module or "").split(".")[1])
    return found


def test_all_code_that_compiling_depends_on_tells_one_engine_from_another() -> None:
    known, left = set[str](), list(COMPILING_ROOMS)
    while left:
        part = left.pop()
        paths = sorted((PACKAGE / part).rglob("*.py")) if (PACKAGE / part).is_dir() else [PACKAGE / f"{part}.py"]
        assert paths
        known.add(part)
        left += {name for path in paths for name in imports(path)} - known - set(left)
    assert known == {*COMPILING_ROOMS, *COMPILING_MODULES}
