"""How much a browser loads for a page, as gzip packs it: the goals that keep the console quick on a slow line."""

from __future__ import annotations

import gzip
import re
from functools import cache
from typing import Final

import pytest

from functions.api_console.settings import FOLDER

KB: Final = 1024
RUNS: Final = 130 * KB
RUN: Final = 220 * KB
EDITOR: Final = RUN + 200 * KB

_LOADED_WITH_IT: Final = re.compile(r'(?:\bfrom|\bimport)\s*["`]\./([\w.-]+\.js)["`]')
_LOADED_LATER: Final = re.compile(
    r'(?:\bimport\(|new URL\()\s*["`]\./?([\w.-]+\.js)["`]|new URL\(["`]([\w.-]+\.js)["`]'
)
_NAMED_IN_PAGE: Final = re.compile(r'(?:src|href)="\./([\w.-]+)"')


@cache
def text_of(file: str) -> str:
    return gzip.decompress((FOLDER / f"{file}.gz").read_bytes()).decode()


def entry() -> list[str]:
    return _NAMED_IN_PAGE.findall(text_of("index.html"))


def page(name: str) -> str:
    """The file of the page `src/pages/{name}.tsx`."""
    (found,) = {file for file in loaded_later("".join(map(text_of, scripts(entry())))) if file.startswith(f"{name}-")}
    return found


def scripts(files: list[str]) -> list[str]:
    return [file for file in files if file.endswith(".js")]


def loaded_later(text: str) -> set[str]:
    return {first or second for first, second in _LOADED_LATER.findall(text)}


def loaded_for(first: str) -> set[str]:
    """All that a page loads, at once or when one of its views is opened; of the entry only what it needs itself."""
    seen: set[str] = {"index.html", *entry()}
    waiting = [*scripts(entry()), first]
    of_entry = set(scripts(entry()))
    while waiting:
        file = waiting.pop()
        seen.add(file)
        text = text_of(file)
        more = set(_LOADED_WITH_IT.findall(text))
        if file in of_entry:
            of_entry |= more
        else:
            more |= loaded_later(text)
        waiting += more - seen
    styles = {style for style in _all_styles() if any(style.startswith(f"{stem(file)}-") for file in seen)}
    return seen | styles


def _all_styles() -> set[str]:
    return {file.name.removesuffix(".gz") for file in FOLDER.glob("*.css.gz")}


def stem(file: str) -> str:
    """`Canvas` of `Canvas-BsPvtZNc.js`."""
    return file[: -len("-BsPvtZNc.js")]


def size_of(files: set[str]) -> int:
    return sum((FOLDER / f"{file}.gz").stat().st_size for file in files)


def pages() -> list[str]:
    return sorted(loaded_later("".join(map(text_of, scripts(entry())))))


def test_the_files_of_a_page_are_found() -> None:
    names = {stem(file) for file in loaded_for(page("Run")) if file != "index.html"}
    assert {"index", "Run", "Canvas", "Gantt", "layout.worker"} <= names
    assert "Overview" not in names
    assert any(file.startswith("Canvas-") and file.endswith(".css") for file in loaded_for(page("Run")))


@pytest.mark.parametrize(("name", "most"), [("Runs", RUNS), ("Run", RUN)])
def test_a_page_stays_within_its_size(name: str, most: int) -> None:
    size = size_of(loaded_for(page(name)))
    print(f"{name}: {size / KB:.1f} KB of {most // KB}")
    assert size <= most, sorted(((FOLDER / f"{f}.gz").stat().st_size, f) for f in loaded_for(page(name)))


def test_no_page_is_larger_than_the_editor_may_be() -> None:
    sizes = {file: size_of(loaded_for(file)) for file in pages()}
    print({stem(file): f"{size / KB:.1f}" for file, size in sizes.items()})
    assert {file: size for file, size in sizes.items() if size > EDITOR} == {}
