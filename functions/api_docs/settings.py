"""The environment of this function, and the files it serves."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from workflow_engine.http.powertools import content_types

SWAGGER_UI: Final = Path(content_types.__file__).parent / "openapi" / "swagger_ui"
"""Powertools carries the assets of Swagger UI, so that the page needs no other host."""

_SECURITY: Final[Mapping[str, list[dict[str, list[str]]]]] = {"iam": [{"sigv4": []}], "jwt": [{"jwt": []}], "local": []}
"""How requests are authorised, by `AUTH_MODE` (`workflow_engine.http.caller`), in names of the document's security schemes."""


def openapi_file() -> Path:
    """Where the OpenAPI document lies: `OPENAPI_FILE`, else beside this module, where packaging puts it."""
    return Path(os.environ.get("OPENAPI_FILE") or Path(__file__).with_name("openapi.json"))


@cache
def openapi_text() -> str:
    """The OpenAPI document as JSON text. It describes every deployment; its security becomes that of this one."""
    document: dict[str, Any] = json.loads(openapi_file().read_text(encoding="utf-8"))
    document["security"] = _SECURITY.get(os.environ.get("AUTH_MODE", ""), document["security"])
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


@cache
def swagger_asset(name: str) -> str:
    """The text of a file of Swagger UI."""
    return (SWAGGER_UI / name).read_text(encoding="utf-8")
