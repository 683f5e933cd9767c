"""The local server serves its user alone. Hostile requests go over a real connection to a real server."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from infra.function import Function, Route
from infra.local import gateway
from infra.local.access import Access, allowed_host, allowed_origin
from infra.local.gateway import Gateway
from tests.support.local_server import running_server

ROUTES: Final = (
    Route("POST", "/run"),
    Route("GET", "/run"),
    Route("DELETE", "/run"),
    Route("GET", "/docs", is_page=True),
    Route("", "$default"),
)
TOP: Final = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
CROSS: Final = {"Sec-Fetch-Site": "cross-site"}
TEXT: Final = {"Content-Type": "text/plain;charset=UTF-8"}
EVIL: Final = {"Origin": "https://evil.example"}

FOREIGN_HOSTS: Final = (
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example:{port}",
    "evil.example#localhost:{port}",
    "evil@localhost:{port}",
    "localhost:{port}@evil.example",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.1.nip.io:{port}",
    "127.0.0.2:{port}",
    "127.1:{port}",
    "2130706433:{port}",
    "0x7f000001:{port}",
    "0.0.0.0:{port}",
    "192.168.1.7:{port}",
    "[::]:{port}",
    "[::2]:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "[fe80::1]:{port}",
    "[::1",
    "::1:{port}",
    "[nonsense]:{port}",
    "localhost",
    "127.0.0.1",
    "[::1]",
    "localhost:1{port}",
    "localhost:80",
    "localhost:{port}:{port}",
    "localhost:{port},evil.example",
    "localhost:{port} evil.example",
    "localhost..:{port}",
    "local\u0131host:{port}",
    "devbox:{port}",
    "*",
    "",
)

FOREIGN_ORIGINS: Final = (
    "https://evil.example",
    "http://evil.example:{port}",
    "http://localhost.evil.example:{port}",
    "http://127.0.0.1.nip.io:{port}",
    "http://localhost:3000",
    "http://localhost",
    "http://127.0.0.1:80",
    "https://localhost:{port}",
    "https://127.0.0.1:{port}",
    "ftp://localhost:{port}",
    "null",
    "file://",
    "http://0.0.0.0:{port}",
    "http://localhost:{port}/",
    "http://localhost:{port}@evil.example",
    "http://evil.example#http://localhost:{port}",
    "http://localhost:{port}, https://evil.example",
    "http://localhost:{port} https://evil.example",
    "chrome-extension://abcdefghijklmnop",
    "moz-extension://1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    "localhost:{port}",
    "*",
    "",
)

CROSS_SITE: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("POST", "/run", CROSS | TEXT),
    ("POST", "/run", CROSS | TOP | {"Content-Type": "application/x-www-form-urlencoded"}),
    ("POST", "/docs", CROSS | TOP),
    ("HEAD", "/docs", CROSS | TOP),
    ("DELETE", "/run", CROSS),
    ("OPTIONS", "/run", CROSS),
    ("GET", "/run", CROSS | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
    ("GET", "/run", CROSS | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}),
    ("GET", "/run", CROSS | TOP),
    ("GET", "/run", {"Sec-Fetch-Site": "Cross-Site"}),
    ("GET", "/docs", CROSS),
    ("GET", "/docs", CROSS | {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
    ("GET", "/docs", CROSS | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
    ("GET", "/docs", CROSS | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"}),
    ("GET", "/docs/../run", CROSS | TOP),
    ("GET", "/docs%2F..%2Frun", CROSS | TOP),
    ("POST", "/run", CROSS | {"Origin": "http://localhost:{port}"}),
)

FORGED: Final = (
    {"Host": "evil.example", "X-Forwarded-Host": "localhost:{port}"},
    {"Host": "evil.example", "Forwarded": "host=localhost:{port}"},
    {"Host": "evil.example", "X-Host": "localhost:{port}", "X-Original-Host": "127.0.0.1:{port}"},
    {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}", "Sec-Fetch-Site": "same-origin"},
    EVIL | {"X-Forwarded-Host": "evil.example"},
    EVIL | {"Sec-Fetch-Site": "none"},
    EVIL | {"Sec-Fetch-Site": "same-origin"},
    EVIL | CROSS | TEXT,
    EVIL | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"},
    {"Origin": "http://localhost:{port}", "origin": "https://evil.example"},
    {"Origin": "https://evil.example", "origin": "http://localhost:{port}"},
    {"Host": "localhost:{port}", "host": "evil.example"},
)

WELCOME: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("POST", "/run", {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "curl/8.5.0"}),
    ("POST", "/run", {"Host": "localhost:{port}"}),
    ("POST", "/run", {"Host": "LocalHost:{port}"}),
    ("POST", "/run", {"Host": "localhost.:{port}"}),
    ("POST", "/run", {"Host": "[::1]:{port}"}),
    ("POST", "/run", {"Host": "[0:0:0:0:0:0:0:1]:{port}"}),
    ("POST", "/run", {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}),
    ("POST", "/run", {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}),
    ("POST", "/run", {"Origin": "http://localhost:{port}", "Host": "localhost:{port}"}),
    ("POST", "/run", {"Origin": "http://[::1]:{port}", "Host": "[::1]:{port}"}),
    ("GET", "/run", {"Sec-Fetch-Site": "none"} | TOP),
    ("GET", "/run", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}),
    ("GET", "/docs", CROSS | TOP),
    ("GET", "/docs?theme=dark", CROSS | TOP),
    ("GET", "/docs", CROSS | {"Sec-Fetch-Mode": "navigate"}),
)

HOSTILE: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    *(("POST", "/run", TEXT | {"Host": host}) for host in FOREIGN_HOSTS),
    *(("POST", "/run", TEXT | {"Origin": origin}) for origin in FOREIGN_ORIGINS),
    *((method, path, EVIL) for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD") for path in ("/run", "/docs")),
    *CROSS_SITE,
    *(("POST", "/run", forged) for forged in FORGED),
)


class Reached(list[str]):
    """The requests that came to a handler."""

    def handler(self, event: dict[str, Any], _: Any) -> dict[str, Any]:
        self.append(event["rawPath"])
        return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": '{"secret": 1}'}


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Reached:
    requests = Reached()
    monkeypatch.setattr(gateway, "load_handler", lambda function: requests.handler)
    return requests


@pytest.fixture
def url(reached: Reached) -> Iterator[str]:
    with running_server(_gateway()) as base_url:
        yield base_url


def _gateway() -> Gateway:
    return Gateway([Function("victim", "api", 128, 3, ROUTES)])


def raw(base_url: str, method: str, target: str, headers: dict[str, str], *, with_host: bool = True) -> tuple[int, Any]:
    """The answer to a request written byte by byte, so that no client mends its headers: status, headers, JSON."""
    address = urlsplit(base_url)
    assert address.hostname is not None
    filled = {name: value.replace("{port}", str(address.port)) for name, value in headers.items()}
    if with_host and "Host" not in filled:
        filled = {"Host": address.netloc} | filled
    lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in filled.items()), "Content-Length: 0", "", ""]
    with socket.create_connection((address.hostname, address.port or 80), timeout=60) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    answered = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
    return int(first.split()[1]), (answered, json.loads(body) if body else None)


def test_every_hostile_request_is_refused_and_reaches_nothing(url: str, reached: Reached) -> None:
    answered = [(request, raw(url, *request)) for request in HOSTILE]
    assert len(HOSTILE) == 97
    assert [request for request, (status, _) in answered if status != 403] == []
    assert reached == []
    for _, (_, (headers, body)) in answered:
        assert headers["content-type"] == "application/problem+json"
        assert "access-control-allow-origin" not in headers
        assert body is None or body["code"] in ("foreign_host", "foreign_origin", "cross_site_request")


@pytest.mark.parametrize(("method", "path", "headers"), WELCOME)
def test_the_user_is_answered(url: str, method: str, path: str, headers: dict[str, str]) -> None:
    assert raw(url, method, path, headers)[0] == 200


def test_a_request_without_a_host_is_refused(url: str, reached: Reached) -> None:
    assert raw(url, "POST", "/run", {}, with_host=False)[0] == 403
    assert reached == []


def test_the_host_of_an_absolute_target_counts(url: str, reached: Reached) -> None:
    assert raw(url, "POST", "http://evil.example/run", {})[0] == 403
    assert reached == []


def test_a_refusal_says_how_to_allow(url: str) -> None:
    _, (_, by_host) = raw(url, "GET", "/run", {"Host": "devbox:{port}"})
    assert by_host["detail"] == (
        f"This server does not answer for the host 'devbox:{urlsplit(url).port}'. Use {url}, or start it with "
        "--allow-host NAME."
    )
    _, (_, by_origin) = raw(url, "GET", "/run", {"Origin": "http://localhost:3000"})
    assert "--cors-origin" in by_origin["detail"]


def test_no_page_of_another_server_on_this_machine_embeds_an_answer(url: str) -> None:
    _, (headers, _) = raw(url, "GET", "/docs", {})
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"


def test_curl_as_in_the_readme_is_answered(url: str) -> None:
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{url}/run", "-d", '{"name": "x"}']
    try:
        assert subprocess.run(command, capture_output=True, check=True, timeout=60).stdout == b"200"
    except FileNotFoundError:
        pytest.skip("there is no curl on this machine")


class TestAllowedHosts:
    @pytest.fixture
    def url(self, reached: Reached) -> Iterator[str]:
        with running_server(_gateway(), allow_hosts=["Devbox.", "tunnel.example:8443", "localhost:9"]) as base_url:
            yield base_url

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("devbox:{port}", 200),
            ("DEVBOX", 200),
            ("devbox.:9", 200),
            ("tunnel.example:8443", 200),
            ("tunnel.example", 403),
            ("tunnel.example:{port}", 403),
            ("localhost:9", 200),  # the end of ssh -L 9:localhost:PORT
            ("localhost:{port}", 200),
            ("localhost:10", 403),
            ("evil.devbox", 403),
            ("devbox.evil", 403),
        ],
    )
    def test_a_name_counts_for_every_port_and_one_with_a_port_for_that(self, url: str, host: str, status: int) -> None:
        assert raw(url, "POST", "/run", {"Host": host})[0] == status

    @pytest.mark.parametrize(
        ("host", "origin", "status"),
        [
            ("devbox", "https://devbox", 200),  # a tunnel that ends TLS
            ("devbox", "http://devbox", 200),
            ("devbox:{port}", "http://devbox:{port}", 200),
            ("localhost:9", "http://localhost:9", 200),
            ("localhost:{port}", "http://localhost:9", 403),
            ("localhost:9", "http://localhost:10", 403),
            ("devbox:{port}", "http://devbox:3000", 403),
            ("devbox", "https://evil.example", 403),
            ("127.0.0.1:{port}", "http://devbox:{port}", 403),
        ],
    )
    def test_pages_of_the_allowed_name_are_the_servers_own(self, url: str, host: str, origin: str, status: int) -> None:
        assert raw(url, "POST", "/run", {"Host": host, "Origin": origin})[0] == status


class TestCorsOrigins:
    @pytest.fixture
    def url(self, reached: Reached) -> Iterator[str]:
        with running_server(_gateway(), cors_origins=["http://localhost:3000/", "https://App.example:443"]) as base_url:
            yield base_url

    def test_a_page_of_the_origin_may_read_the_answer(self, url: str) -> None:
        status, (headers, body) = raw(url, "POST", "/run", {"Origin": "http://localhost:3000"} | CROSS)
        assert (status, body) == (200, {"secret": 1})
        assert headers["access-control-allow-origin"] == "http://localhost:3000"
        assert headers["vary"] == "Origin"
        assert "location" in headers["access-control-expose-headers"]

    def test_its_preflight_is_answered_and_reaches_no_handler(self, url: str, reached: Reached) -> None:
        asked = {
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type,idempotency-key",
            "Access-Control-Request-Private-Network": "true",
        }
        status, (headers, body) = raw(url, "OPTIONS", "/run", asked | CROSS)
        assert (status, body, reached) == (204, None, [])
        assert headers["access-control-allow-origin"] == "https://app.example"
        assert "PUT" in headers["access-control-allow-methods"].split(", ")
        assert headers["access-control-allow-headers"] == "content-type,idempotency-key"
        assert headers["access-control-allow-private-network"] == "true"
        assert "access-control-allow-credentials" not in headers

    def test_other_origins_are_refused_as_before(self, url: str, reached: Reached) -> None:
        for origin in ("http://localhost:3001", "https://localhost:3000", "http://app.example", "null"):
            status, (headers, _) = raw(url, "POST", "/run", {"Origin": origin})
            assert (status, headers.get("access-control-allow-origin")) == (403, None)
        assert reached == []

    def test_an_allowed_origin_does_not_make_up_for_a_foreign_host(self, url: str) -> None:
        assert raw(url, "POST", "/run", {"Host": "evil.example", "Origin": "http://localhost:3000"})[0] == 403

    def test_answers_to_others_vary_by_origin_too(self, url: str) -> None:
        _, (headers, _) = raw(url, "GET", "/run", {})
        assert headers["vary"] == "Origin"


@pytest.mark.parametrize("value", ["", "*", "http://devbox", "a b", "devbox:http", "me@devbox", "devbox/x", "[::g]"])
def test_what_is_no_host_name_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        allowed_host(value)


@pytest.mark.parametrize("value", ["", "*", "null", "localhost:3000", "http://", "http://a/path", "http://u@a", "//a"])
def test_what_is_no_origin_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        allowed_origin(value)


def test_on_the_port_of_http_the_host_needs_no_port() -> None:
    access = Access.of(80)
    assert access.refusal("GET", "/run", {"host": "localhost", "origin": "http://localhost"}) is None
    assert access.refusal("GET", "/run", {"host": "localhost:80", "origin": "http://localhost:80"}) is None
