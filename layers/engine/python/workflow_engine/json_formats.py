"""The formats of JSON Schema 2020-12 ("7.3. Defined Formats") that are checked: each a question about a text.

Every answer takes time linear in the text: no pattern here has two ways to read it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Final
from urllib.parse import urlsplit

from workflow_engine.ecma_patterns import PatternError, parse

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(r"(\d\d:\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION: Final = re.compile(
    r"P(?=[\dT])(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)", re.ASCII
)
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_HOST_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_RELATIVE_POINTER: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)")
_URI_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_IRI_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=\u00a0-\U000effff]|%[0-9A-Fa-f]{2})*")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+", re.DOTALL)


def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and _can(date.fromisoformat, text)


def _is_time(text: str) -> bool:
    """RFC 3339's full-time. A 60th second is a leap second."""
    match = _TIME.fullmatch(text)
    if match is None or int(match.group(2)) > 60:
        return False
    offset = text[-5:] if text[-1] not in "Zz" else "00:00"
    return _can(time.fromisoformat, match.group(1)) and _can(time.fromisoformat, offset)


def _is_date_time(text: str) -> bool:
    return text[10:11] in ("T", "t") and _is_date(text[:10]) and _is_time(text[11:])


def _is_hostname(text: str) -> bool:
    return len(text) <= 253 and all(_HOST_LABEL.fullmatch(label) for label in text.split("."))


def _is_uri_reference(text: str) -> bool:
    return _URI_CHARACTERS.fullmatch(text) is not None and _can(urlsplit, text)


def _is_iri_reference(text: str) -> bool:
    return _IRI_CHARACTERS.fullmatch(text) is not None and _can(urlsplit, text)


def _can(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (ValueError, PatternError):
        return False
    return True


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "date": _is_date,
    "time": _is_time,
    "date-time": _is_date_time,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "email": lambda text: _EMAIL.fullmatch(text) is not None and text.isascii(),
    "idn-email": lambda text: _EMAIL.fullmatch(text) is not None,
    "hostname": _is_hostname,
    "ipv4": lambda text: _can(ipaddress.IPv4Address, text),
    "ipv6": lambda text: "%" not in text and _can(ipaddress.IPv6Address, text),
    "uri": lambda text: _SCHEME.fullmatch(text) is not None and _is_uri_reference(text),
    "uri-reference": _is_uri_reference,
    "iri": lambda text: _SCHEME.fullmatch(text) is not None and _is_iri_reference(text),
    "iri-reference": _is_iri_reference,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "json-pointer": lambda text: _POINTER.fullmatch(text) is not None,
    "relative-json-pointer": lambda text: _RELATIVE_POINTER.fullmatch(text) is not None,
    "regex": lambda text: _can(parse, text),
}
"""Formats that are not here (`idn-hostname`, `uri-template`, a client's own) are annotations."""
