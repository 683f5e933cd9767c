"""Who may use the local server: its user, at a terminal or in a page of the server itself, and nobody else's web page.

Any page in the user's browser can send requests to 127.0.0.1. What gives it away is written by the browser and cannot be
forged by the page: `Host` is the name that the page used (after DNS rebinding still its own), `Origin` is where it came
from, `Sec-Fetch-Site` whether that is another site (Fetch Standard; W3C "Fetch Metadata Request Headers"). Programs such
as curl send a Host and neither of the others. Headers of proxies (`X-Forwarded-Host`, `Forwarded`) count for nothing: a
page may set them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, Self

from workflow_engine.http.problem import Problem
from workflow_engine.lazy_dataclass import dataclass

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")

Authority = tuple[str, int | None]
"""A host in its one spelling, and the port that was written with it."""

_PORTS: Final = {"http": 80, "https": 443}
_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*))(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#@]+)")

_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_EXPOSED: Final = "allow, etag, link, location, retry-after"
_PREFLIGHT_SECONDS: Final = "600"


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of one server. `port` is where it listens; `pages` are paths that links of other sites may lead to."""

    port: int
    pages: frozenset[str] = frozenset()
    hosts: frozenset[Authority] = frozenset()
    origins: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(
        cls, port: int, pages: Iterable[str] = (), allow_hosts: Iterable[str] = (), cors_origins: Iterable[str] = ()
    ) -> Self:
        """The rule for what `--allow-host` and `--cors-origin` say. Raises `ValueError` as `allowed_host`
        and `allowed_origin` do.
        """
        hosts = frozenset(allowed_host(name) for name in allow_hosts)
        return cls(port, frozenset(pages), hosts, frozenset(allowed_origin(origin) for origin in cors_origins))

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> Problem | None:
        """The 403 that answers a request of somebody else, None for one of the user's own. `headers` are in lower case."""
        host = headers.get("host")
        if host is None or not self._is_own_host(host):
            return _forbidden(
                "foreign_host",
                f"This server does not answer for the host '{_shown(host or '')}'. Use http://127.0.0.1:{self.port}, or "
                "start it with --allow-host NAME.",
            )
        origin = headers.get("origin")
        if origin is not None and self.is_allowed(origin):
            return None
        if origin is not None and not self._is_own_origin(origin, host):
            return _forbidden(
                "foreign_origin",
                f"This server does not answer pages of the origin '{_shown(origin)}'. If they are yours, start it with "
                "--cors-origin ORIGIN.",
            )
        if headers.get("sec-fetch-site", "").lower() == "cross-site" and not self._opens_a_page(method, path, headers):
            return _forbidden(
                "cross_site_request",
                "This server does not answer requests that a page of another site makes. If that page is yours, start it "
                "with --cors-origin ORIGIN and send the request by fetch in mode cors.",
            )
        return None

    def is_allowed(self, origin: str) -> bool:
        """Whether `--cors-origin` has named this origin."""
        return origin.lower() in self.origins

    def cors_headers(self, method: str, headers: Mapping[str, str]) -> dict[str, str]:
        """What is added to the answer of a request that was not refused, so that a page that may read it can."""
        if not self.origins:
            return {}
        origin = headers.get("origin")
        if origin is None or not self.is_allowed(origin):
            return {"vary": "Origin"}
        allowed = {"vary": "Origin", "access-control-allow-origin": origin}
        if not is_preflight(method, headers):
            return allowed | {"access-control-expose-headers": _EXPOSED}
        allowed |= {"access-control-allow-methods": _METHODS, "access-control-max-age": _PREFLIGHT_SECONDS}
        if wanted := headers.get("access-control-request-headers"):
            allowed["access-control-allow-headers"] = wanted
        if headers.get("access-control-request-private-network") == "true":  # WICG "Private Network Access"
            allowed["access-control-allow-private-network"] = "true"
        return allowed

    def answers_preflight(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request is a browser's question if a page of an allowed origin may send the request it wants to."""
        return is_preflight(method, headers) and self.is_allowed(headers.get("origin", ""))

    def _is_own_host(self, host: str) -> bool:
        authority = _authority(host)
        if authority is None:
            return False
        name, port = authority
        is_own = name in LOOPBACK_NAMES and self.port == (_PORTS["http"] if port is None else port)
        return is_own or self._is_allowed_host(authority)

    def _is_allowed_host(self, authority: Authority) -> bool:
        return authority in self.hosts or (authority[0], None) in self.hosts

    def _is_own_origin(self, origin: str, host: str) -> bool:
        """Whether a page came from this server: by one of its own names, or by the allowed name that it asks now, which a
        proxy may serve by https.
        """
        parts = _ORIGIN.fullmatch(origin.lower())
        authority = _authority(parts["authority"]) if parts else None
        if parts is None or authority is None or parts["scheme"] not in _PORTS:
            return False
        name, port = authority[0], authority[1] or _PORTS[parts["scheme"]]
        if name in LOOPBACK_NAMES and parts["scheme"] == "http" and port == self.port:
            return True
        asked = _authority(host)
        if asked is None or not self._is_allowed_host(asked):
            return False
        return (name, port) == (asked[0], asked[1] or _PORTS[parts["scheme"]])

    def _opens_a_page(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        """A link that was followed, or an address typed: the page fills the tab, so nobody else's code sees it. In a frame
        it could be made to be clicked.
        """
        return (
            method == "GET"
            and (path.rstrip("/") or "/") in self.pages
            and headers.get("sec-fetch-mode", "").lower() == "navigate"
            and headers.get("sec-fetch-dest", "document").lower() == "document"
        )


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is a CORS preflight (Fetch Standard, "CORS-preflight request")."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def allowed_host(text: str) -> Authority:
    """A value of `--allow-host`: a name for any port, or with a port for that one. Raises `ValueError`."""
    authority = _authority(text)
    if authority is None:
        raise ValueError(f"'{text}' is not a host name. Write one such as devbox.example or devbox.example:8006.")
    return authority


def allowed_origin(text: str) -> str:
    """A value of `--cors-origin` as browsers send it: scheme, host, and the port if it is not the scheme's own. Raises
    `ValueError`, also for `*` and `null`, which are every page.
    """
    parts = _ORIGIN.fullmatch(text.lower().removesuffix("/"))
    authority = _authority(parts["authority"]) if parts else None
    if parts is None or authority is None:
        raise ValueError(f"'{text}' is not an origin. Write scheme and host, such as http://localhost:3000.")
    scheme, (name, port) = parts["scheme"], authority
    host = f"[{name}]" if ":" in name else name
    return f"{scheme}://{host}" + ("" if port in (None, _PORTS.get(scheme)) else f":{port}")


def _authority(text: str) -> Authority | None:
    """Host and port of `host[:port]` in one spelling: lower case, no trailing dot, IPv6 short. None for anything else,
    such as several hosts or a user's name.
    """
    parts = _AUTHORITY.fullmatch(text.lower())
    if parts is None:
        return None
    host, port = parts["host"], parts["port"]
    if host.startswith("["):
        try:
            host = ip_address(host[1:-1]).compressed
        except ValueError:
            return None
    return host.removesuffix("."), None if port is None else int(port)


def _forbidden(code: str, detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, code, detail)


def _shown(value: str) -> str:
    return value[:100]
