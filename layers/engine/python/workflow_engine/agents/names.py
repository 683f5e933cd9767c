"""How agents, prompts, MCP servers and step types may be called, and the variables of texts."""

from __future__ import annotations

from typing import Final

ID_PATTERN: Final = "^[A-Za-z][A-Za-z0-9_-]{0,63}$"
ID_RULE: Final = "a letter, then letters, digits, '_' or '-', 64 characters at most."

VARIABLE_PATTERN: Final = "^[A-Za-z_][A-Za-z0-9_]{0,63}$"
