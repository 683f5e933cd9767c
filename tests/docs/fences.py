"""Fenced blocks of Markdown: where they stand, what their info string says, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
DOCUMENTS: Final = sorted(
    path for path in [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")] if path.is_file()
)
SHELLS: Final = ("console", "sh", "bash", "shell")

_FENCE: Final = re.compile(
    r"^(?P<indent> *)(?P<ticks>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^ *(?P=ticks) *$", re.MULTILINE | re.DOTALL
)
_SETUP: Final = re.compile(r"^<!-- setup\n(?P<text>.*?)^-->$", re.MULTILINE | re.DOTALL)
_HERE: Final = re.compile(r"<<\s*['\"]?(\w+)['\"]?")
_NOT_RUN: Final = re.compile(r'not-run="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Fence:
    """`start` and `end` are the places of its text in the document; `line` is the line of its first mark."""

    document: Path
    line: int
    info: str
    text: str
    start: int
    end: int

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info else ""

    @property
    def not_run(self) -> str | None:
        """Why its commands are not executed, where they are not."""
        found = _NOT_RUN.search(self.info)
        return None if found is None else found[1]

    @property
    def place(self) -> str:
        return f"{self.document.relative_to(REPOSITORY)}:{self.line}"


def fences(document: Path) -> Iterator[Fence]:
    """The fenced blocks of a document, in order; a hidden `<!-- setup ... -->` is one of the language `setup`."""
    text = document.read_text(encoding="utf-8")
    found = [(m, m["info"].strip()) for m in _FENCE.finditer(text)] + [(m, "setup") for m in _SETUP.finditer(text)]
    for match, info in sorted(found, key=lambda pair: pair[0].start()):
        line = text.count("\n", 0, match.start()) + 1
        yield Fence(document, line, info, match["text"], match.start("text"), match.end("text"))


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what the document shows of its output, line by line; None where it shows none."""

    text: str
    line: int
    output: tuple[str, ...] | None


def commands(fence: Fence) -> list[Command]:
    """The commands of a block: in `console` what follows a `$ `, else each line. One goes on in the next line while a quote is
    open or the line ends with a backslash.
    """
    lines = fence.text.splitlines()
    has_prompt = any(line.startswith("$ ") for line in lines)
    found: list[Command] = []
    output: list[str] = []
    i = 0
    while i < len(lines):
        if has_prompt and not lines[i].startswith("$ "):
            output.append(lines[i])
            i += 1
            continue
        if found and output:
            found[-1] = Command(found[-1].text, found[-1].line, tuple(output))
            output = []
        text, first = lines[i].removeprefix("$ "), i
        while _goes_on(text) and i + 1 < len(lines):
            i += 1
            text += "\n" + lines[i]
        i += 1
        if text.strip() and not text.lstrip().startswith("#"):
            found.append(Command(text, fence.line + 1 + first, None))
    if found and output:
        found[-1] = Command(found[-1].text, found[-1].line, tuple(output))
    return found


def _goes_on(text: str) -> bool:
    if text.endswith("\\"):
        return True
    if (here := _HERE.search(text)) is not None:
        return text.splitlines()[-1] != here[1]
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False
