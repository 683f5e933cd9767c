"""Keep secrets out of what is answered: by the names that they stand under, by what they look like, and by their values.

A value that stood under a secret name anywhere in what was learned is a secret wherever else it stands, in a message of an error
or in the middle of a URL. Pure, but for `known_secrets`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "[redacted]"

SHORTEST: Final = 6
"""Characters of the shortest value that is looked for elsewhere: a shorter one is in many a word."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS: Final = frozenset(
    {
        "apikey",
        "authorization",
        "bearer",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "jwt",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pwd",
        "secret",
        "secrets",
    }
)
_KEYS: Final = frozenset({"access", "account", "api", "auth", "client", "encryption", "private", "secret", "signing"})
"""What stands before `key` where that is a secret: `api_key`, and not `primary_key`."""
_TOKENS: Final = frozenset({"access", "api", "auth", "bearer", "id", "refresh", "session", "task"})
"""What stands before `tokens`: `access_tokens`, and not `max_tokens`."""
_RUN_TOGETHER: Final = re.compile(
    r"password|passwd|passphrase|apikey|accesskey|privatekey|secretkey|credentials?$|(secret|token)$"
)

_NAME_OF_A_SECRET: Final = re.compile(r"STEP_SECRET_[A-Z0-9_]{1,52}")
"""By such a name a configuration refers to a secret, which is none itself."""

_LOOKS_SECRET: Final = re.compile(
    r"""
      \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                                        # AWS
    | \bAIza[A-Za-z0-9_-]{30,}                                              # Google
    | \bsk-[A-Za-z0-9_-]{16,}                                               # models' vendors
    | \b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,})  # GitHub, GitLab
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,}                                      # Slack
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*         # JSON Web Tokens
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    | (?<=://)[^/\s:@"'<>]*:[^/\s@"'<>]+(?=@)                               # user:password@host
    | (?i:(?<=\bbearer\ )|(?<=\bbasic\ ))(?=\S*[\d=])[A-Za-z0-9._~+/-]{8,}=*
    | (?i:(?<=[?&])(?P<name>[\w.~-]*(?:key|token|secret|signature|password|credential))=[^&\s"'<>]+)
    | (?i:(?<![^\W_])                                                       # as in DB_PASSWORD=, and \"password\": in JSON in JSON
        (?P<told>(?:pass(?:word|wd|phrase)|secret(?:[_-]access[_-]key)?|api[_-]?key|(?:access|auth|refresh)[_-]?token)
            \\*["']?\s*[:=]\s*\\*["']?)
        (?!\[redacted)(?:[^\s"',;&}\]\\]|\\+(?!["'\\])){4,})
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether what stands under a name is a secret: `apiKey`, `db-password`, `X-Auth-Token`; not `max_tokens`, `primary_key`."""
    words = [word.lower() for word in _WORD.findall(name)]
    if words[-1:] == ["token"] or not _SECRET_WORDS.isdisjoint(words):
        return True
    for before, word in pairwise(words):
        if (word in ("key", "keys") and before in _KEYS) or (word == "tokens" and before in _TOKENS):
            return True
        if (before, word) == ("connection", "string"):
            return True
    return any(_RUN_TOGETHER.search(word) for word in words if word != "token")


_SHORTEST_SECRET: Final = 8
"""Characters of a secret in the environment; what is shorter there is a switch or a name."""

_FOLDERS: Final = frozenset({"PWD", "OLDPWD"})
"""Of a shell: where it stands, which elsewhere is a password."""


def known_secrets(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Secrets of this process's own environment: on a laptop those of all steps."""
    for name, value in (os.environ if environment is None else environment).items():
        if len(value) >= _SHORTEST_SECRET and is_secret_name(name) and name not in _FOLDERS:
            yield value


class Redactor:
    """Takes secrets out of texts and values: those that were learned before."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """`known` are secrets from elsewhere; those of fewer than `SHORTEST` characters are not looked for."""
        self._known: set[str] = set()
        for secret in known:
            self._learn_text(secret)

    def learn(self, value: Any) -> None:
        """Note the texts under secret names in a value, at any depth."""
        stack = [(value, False)]
        while stack:
            held, is_secret = stack.pop()
            match held:
                case str() if is_secret:
                    self._learn_text(held)
                case int() if is_secret and not isinstance(held, bool):
                    self._learn_text(str(held))
                case Mapping():
                    stack += [(v, is_secret or is_secret_name(str(k))) for k, v in held.items()]
                case list() | tuple():
                    stack += [(v, is_secret) for v in held]

    def text(self, text: str) -> str:
        """The text with `REDACTED` in the place of secrets."""
        if self._known:
            text = self._pattern.sub(REDACTED, text)
        return _LOOKS_SECRET.sub(_replaced, text)

    def value(self, value: Any) -> Any:
        """A JSON value likewise; what stands under a secret name is replaced whole, but for true, false and null."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {
                    self.text(str(k)): _hidden(v) if is_secret_name(str(k)) else self.value(v) for k, v in value.items()
                }
            case list() | tuple():
                return [self.value(v) for v in value]
            case _:
                return value

    def _learn_text(self, text: str) -> None:
        if len(text) < SHORTEST or _NAME_OF_A_SECRET.fullmatch(text) or text == REDACTED:
            return
        _, _, credentials = text.partition(" ")  # of an Authorization header
        for secret in (text, credentials):
            if len(secret) >= SHORTEST:
                self._known |= _written(secret)
                vars(self).pop("_pattern", None)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(s) for s in sorted(self._known, key=len, reverse=True)))


def _written(secret: str) -> set[str]:
    """A secret as messages and URLs write it."""
    in_json = (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    in_url = (write(secret.encode("utf-8", "replace")) for write in (quote, quote_plus))
    return {secret, repr(secret)[1:-1], *in_json, *in_url}


def _replaced(found: re.Match[str]) -> str:
    if found["name"] is not None:
        return f"{found['name']}={REDACTED}"
    return (found["told"] or "") + REDACTED


def _hidden(value: Any) -> Any:
    if isinstance(value, str) and _NAME_OF_A_SECRET.fullmatch(value):
        return value
    return value if value is None or isinstance(value, bool) else REDACTED
