"""Every recipe runs, is drawn as it is, shows its own files, and its failing variant fails as it is shown.

After a wanted change: `UPDATE_GOLDENS=1 pytest tests/docs/test_cookbook.py`, and read the diff.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from infra.local.cli.init import TEMPLATES
from tests.docs.fences import commands, fences
from tests.docs.recipes import COOKBOOK, RECIPES, flow, page, steps_of, workflow

SHARED = {"etl": "etl", "saga": "saga", "approval": "approval", "rag": "rag", "agent": "agent-with-tools"}
"""Recipes that are templates of `workflow init` as well."""


def agrees(file: Path, wanted: str) -> None:
    if os.environ.get("UPDATE_GOLDENS"):
        file.write_text(wanted, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == wanted


def by_name(recipe: Path) -> str:
    return recipe.name


def test_there_are_twelve_recipes_and_the_list_has_them_all() -> None:
    listed = (COOKBOOK / "README.md").read_text(encoding="utf-8")
    assert len(RECIPES) == 12
    assert [recipe.name for recipe in RECIPES if f"({recipe.name}/README.md)" not in listed] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=by_name)
def test_a_recipe_is_valid_without_a_warning_of_its_own(recipe: Path) -> None:
    done = workflow("validate", flow(recipe).name, *steps_of(recipe), cwd=recipe)
    assert done.returncode == 0, done.stderr
    warned = set(re.findall(r"(?:warning|error) (WFE-\w+):", done.stdout))
    assert warned <= {"WFE-W410"}  # a workflow or tool that is stored later


@pytest.mark.parametrize("recipe", RECIPES, ids=by_name)
def test_a_recipe_has_tests_which_the_commands_of_its_page_run(recipe: Path) -> None:
    """`test_commands` runs them."""
    assert sorted(path.name for path in recipe.glob("*.yaml") if not path.name.startswith("wrong")) == sorted(
        name for path in recipe.glob("*.test.yaml") for name in (path.name, path.name.replace(".test", ""))
    )
    ran = [c.text for fence in fences(recipe / "README.md") if fence.language == "console" for c in commands(fence)]
    assert f"workflow test docs/cookbook/{recipe.name}" in ran


@pytest.mark.parametrize("recipe", RECIPES, ids=by_name)
def test_the_picture_of_a_recipe_is_its_workflow(recipe: Path) -> None:
    done = workflow("graph", flow(recipe).name, "--svg", cwd=recipe)
    assert done.returncode == 0, done.stderr
    agrees(recipe / f"{recipe.name}.svg", done.stdout)


@pytest.mark.parametrize("recipe", RECIPES, ids=by_name)
def test_the_page_of_a_recipe_shows_its_files_and_what_is_said_of_the_failing_variant(recipe: Path) -> None:
    agrees(recipe / "README.md", page(recipe))


@pytest.mark.parametrize("template", SHARED)
def test_a_template_is_the_recipe_of_the_cookbook(template: str) -> None:
    recipe = COOKBOOK / SHARED[template]
    for file in (path for path in (TEMPLATES / template).rglob("*") if path.is_file() and path.name != "README.md"):
        if "__pycache__" in file.parts:
            continue
        name = str(file.relative_to(TEMPLATES / template)).replace(f"{template}.", f"{recipe.name}.")
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        # In a folder of its own a workflow names the schema beside it.
        wanted = "".join(line for line in lines if not line.startswith("# yaml-language-server:"))
        agrees(recipe / name, wanted)
