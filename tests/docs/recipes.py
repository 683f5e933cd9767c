"""Recipes of the cookbook: what of their pages is made from the files beside them."""

from __future__ import annotations

import difflib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.docs.fences import REPOSITORY, fences

COOKBOOK: Final = REPOSITORY / "docs" / "cookbook"
RECIPES: Final = sorted(path for path in COOKBOOK.iterdir() if path.is_dir())


def flow(recipe: Path) -> Path:
    return recipe / f"{recipe.name}.yaml"


def workflow(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command `workflow` in a process of its own, as it is called in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "infra.local.cli", *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def steps_of(recipe: Path) -> list[str]:
    """The option that names a recipe's own steps, where it has some."""
    return ["--steps", "steps"] if (recipe / "steps").is_dir() else []


def findings(recipe: Path) -> str:
    """What is said of the failing variant."""
    done = workflow("validate", "wrong.yaml", *steps_of(recipe), cwd=recipe)
    assert done.returncode == 2, (recipe.name, done.stdout, done.stderr)
    assert "error WFE-" in done.stdout, recipe.name
    return done.stdout


def changes(recipe: Path) -> str:
    """What the failing variant has in another way."""
    right, wrong = (path.read_text(encoding="utf-8").splitlines() for path in (flow(recipe), recipe / "wrong.yaml"))
    lines = list(difflib.unified_diff(right, wrong, n=1, lineterm=""))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@")) + "\n"


def page(recipe: Path) -> str:
    """The recipe's page as it should be."""
    made: Mapping[str, str] = {
        f"yaml {recipe.name}.yaml": flow(recipe).read_text(encoding="utf-8"),
        "diff wrong.yaml": changes(recipe),
        "text findings": findings(recipe),
    }
    document = recipe / "README.md"
    text = document.read_text(encoding="utf-8")
    missing = set(made)
    for fence in reversed([*fences(document)]):
        if fence.info in made:
            missing.discard(fence.info)
            text = text[: fence.start] + made[fence.info] + text[fence.end :]
    assert not missing, f"{document} lacks {missing}"
    return text
