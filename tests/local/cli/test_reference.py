"""The page of the command line is what the commands say."""

from __future__ import annotations

from pathlib import Path

from infra.local.cli.commands import COMMANDS
from infra.local.cli.exits import EXIT_CODES
from infra.local.cli.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_page_is_that_of_the_commands() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "Run make generate."


def test_it_tells_every_command_and_exit_code() -> None:
    text = page()
    assert [name for name in COMMANDS if f"\n### workflow {name}\n" not in text] == []
    assert [code for code in EXIT_CODES if f"\n| {code} | " not in text] == []
