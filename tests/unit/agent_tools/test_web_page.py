"""The tool that reads a page of the web, against servers on loopback."""

from __future__ import annotations

from typing import Any

import pytest

from agent_tools.builtin import ToolEnvironment
from agent_tools.errors import ToolError
from tests.support.llm.vendor_server import Reply, VendorServer
from tests.unit.agent_tools.calling import call
from workflow_engine.outbound import AddressPolicy

HERE = AddressPolicy.from_text("127.0.0.1")

PAGE = """<!DOCTYPE html>
<html><head><title>The  News</title><style>p { color: red }</style><script>track()</script></head>
<body><nav><a href="/">Home</a></nav>
<h1>Today</h1>
<p>It <b>rained</b>, said <a href="/ann">Ann</a>.</p>
<ul><li>one<li>two</ul>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
<pre>x  =  1</pre>
<img src="rain.png" alt="Rain">
</body></html>"""


def page(body: bytes, content_type: str | None = "text/html; charset=utf-8", status: int = 200) -> Reply:
    return Reply(status, {"content-type": content_type} if content_type is not None else {}, raw=body)


def read(url: str, seconds_left: float = 60, policy: AddressPolicy = HERE, **arguments: Any) -> Any:
    return call("web_page", {"url": url, **arguments}, ToolEnvironment(policy, seconds_left=lambda: seconds_left))


def text_of(body: bytes, content_type: str) -> str:
    with VendorServer(page(body, content_type)) as server:
        markdown = read(server.url)["markdown"]
    assert isinstance(markdown, str)
    return markdown


def test_a_page_becomes_markdown_without_its_noise() -> None:
    with VendorServer(page(PAGE.encode())) as server:
        result = read(f"{server.url}/news/today")

    assert result == {
        "url": f"{server.url}/news/today",
        "status": 200,
        "title": "The News",
        "markdown": "# Today\n\n"
        f"It **rained**, said [Ann]({server.url}/ann).\n\n"
        "- one\n- two\n\n"
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n"
        "```\nx  =  1\n```\n\n"
        f"![Rain]({server.url}/news/rain.png)",
        "truncated": False,
    }
    assert server.requests[0].method == "GET"
    assert server.requests[0].headers["user-agent"] == "workflow-engine"
    assert server.requests[0].headers["accept"].startswith("text/html, ")


def test_the_url_and_the_links_are_those_after_redirects() -> None:
    with VendorServer(Reply(301, {"location": "/new/place"}), page(b"<a href=x>y</a>")) as server:
        result = read(f"{server.url}/old")
    assert result["url"] == f"{server.url}/new/place"
    assert result["markdown"] == f"[y]({server.url}/new/x)"


def test_a_long_page_is_cut_where_the_model_wants_it() -> None:
    body = b"<p>" + b"word " * 50_000
    with VendorServer(page(body), page(body), page(b"x" * 100, "text/plain")) as server:
        short = read(server.url, max_characters=100)
        usual = read(server.url)
        whole = read(server.url, max_characters=100)
    assert (len(short["markdown"]), short["truncated"]) == (100, True)
    assert (len(usual["markdown"]), usual["truncated"]) == (20_000, True)
    assert (whole["markdown"], whole["truncated"]) == ("x" * 100, False)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/markdown", "application/json", "application/ld+json", "text/xml", "application/xml",
     "application/atom+xml; charset=utf-8", "Text/Plain", "text/csv"],
)  # fmt: skip
def test_texts_are_given_as_they_are(content_type: str) -> None:
    text = '{"a": [1, 2], "b": "<p>not *HTML*</p>"}\n  é'
    with VendorServer(page(text.encode(), content_type)) as server:
        result = read(server.url)
    assert (result["markdown"], result["title"]) == (text, None)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("é €".encode(), "text/html"),
        ("é €".encode(), "text/html; charset=utf-8"),
        ("é €".encode("windows-1252"), "text/html"),
        ("é €".encode("windows-1252"), "text/html; charset=iso-8859-1"),
        ("é €".encode("iso8859-15"), "text/html; charset=ISO-8859-15"),
        ("é €".encode("utf-16"), "text/html"),
        (b"\xef\xbb\xbf" + "é €".encode(), "text/html; charset=iso-8859-1"),
        (b'<meta charset="iso-8859-15">' + "é €".encode("iso8859-15"), "text/html"),
        (
            b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15">' + "é €".encode("iso8859-15"),
            "text/html",
        ),
        ("é €".encode(), "text/html; charset=no-such-charset"),
        ("é €".encode(), "text/html; charset=zlib"),
        ("é €".encode(), "text/html; charset=punycode"),
        (b'<meta charset="idna">' + "é €".encode(), "text/html"),
        ("é €".encode("windows-1252"), "text/plain"),
    ],
)
def test_the_charset_is_found_where_pages_tell_it(body: bytes, content_type: str) -> None:
    assert text_of(body, content_type) == "é €"


def test_wrong_bytes_do_not_lose_the_page() -> None:
    assert text_of(b"good \xff\xfe bad", "text/plain; charset=utf-8") == "good \ufffd\ufffd bad"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (page(b"", status=404), r"answered with status 404 \(Not Found\)"),
        (page(b"", status=503), r"answered with status 503 \(Service Unavailable\)"),
        (page(b"", status=599), r"answered with status 599\."),
        (page(b"", status=304), r"answered with status 304"),
        (page(b"\x89PNG", "image/png"), "leads to 'image/png'"),
        (page(b"%PDF", "application/pdf"), "leads to 'application/pdf'"),
        (page(b"x", "application/octet-stream"), "Only HTML, text, Markdown, JSON"),
        (page(b"x" * 2_000_001), "longer than the 2,000,000 bytes allowed"),
        (Reply(302, {"location": "http://169.254.169.254/"}), "has a link-local address"),
        (Reply(302, {"location": "http://[broken"}), "cannot be fetched"),
        (Reply(raw=b"half", drop=True, headers={"content-type": "text/html"}), "cannot be fetched"),
    ],
)
def test_a_page_that_cannot_be_read_is_told_to_the_model(reply: Reply, said: str) -> None:
    with VendorServer(reply) as server, pytest.raises(ToolError, match=said):
        read(server.url)


def test_a_page_without_media_type_is_not_guessed_at() -> None:
    with (
        VendorServer(Reply(200, {"content-type": ""}, raw=b"x")) as server,
        pytest.raises(ToolError, match="something without a media type"),
    ):
        read(server.url)


def test_endless_redirects_end() -> None:
    with (
        VendorServer(answer=lambda asked: Reply(302, {"location": asked.path + "x"})) as server,
        pytest.raises(ToolError, match="redirects more than 5 times"),
    ):
        read(server.url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1/", "has a loopback address"),
        ("http://localhost/", "has a loopback address"),
        ("http://169.254.169.254/latest/meta-data/", "has a link-local address"),
        ("http://2130706433/", "has a loopback address"),
        ("ftp://example.com/", "Only URLs that begin with http"),
        ("file:///etc/passwd", "Only URLs that begin with http"),
        ("example.com", "cannot be fetched"),
        ("http://", "cannot be fetched"),
        ("http://me:secret@example.com/", "user or password"),
        ("http://exa mple.com/", "not a valid URL|cannot be fetched"),
        ("http://no.such.host.invalid/", "cannot be found"),
    ],
)
def test_addresses_that_may_not_or_cannot_be_reached_are_told_to_the_model(url: str, said: str) -> None:
    with pytest.raises(ToolError, match=said) as refused:
        read(url, policy=AddressPolicy())
    assert "secret" not in refused.value.detail


def test_a_page_is_waited_for_no_longer_than_there_is_time() -> None:
    silent = VendorServer(Reply(delay_seconds=60))
    with silent as server, pytest.raises(ToolError, match="did not answer in full within"):
        read(server.url, seconds_left=0.2)
    with pytest.raises(ToolError, match="no time left"):
        read("http://127.0.0.1/", seconds_left=0)
