"""Every command in README and docs is run, but for those that say why not."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.fences import DOCUMENTS, REPOSITORY, SHELLS, Command, Fence, commands, fences
from tests.docs.shell import differences, run

REASONS = {
    "needs an AWS account",
    "needs a key of a model's vendor",
    "installs from npm",
    "is this test run itself",
    "needs a server of somebody else",
    "needs zsh or fish",
    "takes minutes; tests/infra does the same",
}
"""Why a command may not be run here; another reason needs a line of its own."""


def shell_fences(document: Path) -> list[Fence]:
    return [fence for fence in fences(document) if fence.language in (*SHELLS, "setup")]


def runnable(document: Path) -> list[tuple[Fence, Command]]:
    return [(f, command) for f in shell_fences(document) if f.not_run is None for command in commands(f)]


WITH_COMMANDS = [document for document in DOCUMENTS if any(f.language != "setup" for f, _ in runnable(document))]


@pytest.mark.skipif(shutil.which("curl") is None, reason="documents ask the API by curl")
@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_commands_of_a_document_do_what_it_shows(document: Path, tmp_path: Path) -> None:
    written = runnable(document)
    failed = []
    for (fence, command), done in zip(written, run([c for _, c in written], tmp_path), strict=True):
        wanted = int(found[1]) if (found := re.search(r"exits=(\d+)", fence.info)) else 0
        place = f"{document.relative_to(REPOSITORY)}:{command.line}: {command.text}"
        if done.status != wanted:
            failed.append(f"{place}\n  ended with {done.status}, not {wanted}:\n{done.output}")
        elif missing := differences(command.output or (), done.output):
            failed.append(f"{place}\n  did not write {missing}, but\n{done.output}")
    assert not failed, "\n".join(failed)


def test_what_is_not_run_says_why() -> None:
    left_out = [fence for document in DOCUMENTS for fence in shell_fences(document) if fence.not_run is not None]
    unknown = [f"{fence.place}: {fence.not_run}" for fence in left_out if fence.not_run not in REASONS]
    assert unknown == []


def test_no_command_stands_in_a_fence_without_a_language() -> None:
    looks_like_one = {
        "": re.compile(r"^(\$ |workflow [a-z]+|\.venv/bin/|curl |make [a-z]+|npx |aws )", re.MULTILINE),
        "text": re.compile(r"^\$ ", re.MULTILINE),
    }
    found = [
        fence.place
        for document in DOCUMENTS
        for fence in fences(document)
        if fence.language in looks_like_one and looks_like_one[fence.language].search(fence.text)
    ]
    assert found == []


def test_the_commands_are_counted(record_property: Callable[[str, object], None]) -> None:
    """For the report: how many there are, and how many are run."""
    run_here = sum(f.language != "setup" for document in DOCUMENTS for f, _ in runnable(document))
    left_out = Counter(
        str(f.not_run) for document in DOCUMENTS for f in shell_fences(document) if f.not_run for _ in commands(f)
    )
    record_property("commands_run", run_here)
    record_property("commands_left_out", dict(left_out))
    assert run_here > sum(left_out.values())
