"""A page of the web as Markdown, fetched through the guarded client."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx2

from agent_tools import guarded_http
from agent_tools.builtin.tool import Json, ToolEnvironment
from agent_tools.errors import ToolError
from workflow_engine.outbound import AddressRefusedError

MAX_BYTES: Final = 2_000_000
MAX_SECONDS: Final = 15.0

_HTML: Final = ("text/html", "application/xhtml+xml")
_TEXT: Final = re.compile(r"text/[\w.+-]+|application/(json|xml|[\w.-]+\+(json|xml))")
_ACCEPT: Final = "text/html, application/xhtml+xml, text/markdown, text/plain, application/json, application/xml;q=0.9"
_DECLARED: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]{1,40})""", re.IGNORECASE)
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_NOT_OF_THE_WEB: Final = frozenset({"idna", "punycode", "unicode_escape", "raw-unicode-escape", "utf-7", "undefined"})


def fetch(url: str, max_characters: int, environment: ToolEnvironment) -> Json:
    """`{url, status, title, markdown, truncated}` of a page: the URL after redirects, and its text, cut to so many
    characters. ToolError: refused, not found, no text, too large, too slow.
    """
    seconds = min(MAX_SECONDS, environment.seconds_left())
    if seconds <= 0:
        raise ToolError("There is no time left to fetch a page. Answer with what you have.")
    try:
        with (
            guarded_http.client(environment.policy, seconds=seconds, max_response_bytes=MAX_BYTES) as client,
            client.stream("GET", url, headers={"Accept": _ACCEPT}) as response,
        ):
            media_type, charset = _content_type(response)
            body = response.read()
    except (AddressRefusedError, guarded_http.ResponseTooLargeError) as error:
        raise ToolError(f"The page cannot be fetched. {error.detail}") from error
    except httpx2.InvalidURL:
        raise ToolError("This is not a valid URL. Give a whole one, such as https://example.com/page.") from None
    except httpx2.TooManyRedirects:
        raise ToolError(f"The page redirects more than {guarded_http.MAX_REDIRECTS} times.") from None
    except httpx2.TimeoutException:
        raise ToolError(f"The page did not answer in full within {seconds:.0f} seconds.") from None
    except httpx2.HTTPError as error:
        raise ToolError(f"The page cannot be fetched: {str(error)[:200] or type(error).__name__}.") from error
    text = _decoded(body, charset, media_type)
    content = as_markdown(text, str(response.url)) if media_type in _HTML else Content(None, text, truncated=False)
    return {
        "url": str(response.url),
        "status": response.status_code,
        "title": content.title,
        "markdown": content.markdown[:max_characters],
        "truncated": content.truncated or len(content.markdown) > max_characters,
    }


def _content_type(response: httpx2.Response) -> tuple[str, str | None]:
    """Media type and charset of an answer whose body may be read. ToolError for any other."""
    if not response.is_success:
        known = response.status_code in HTTPStatus._value2member_map_
        phrase = f" ({HTTPStatus(response.status_code).phrase})" if known else ""
        raise ToolError(f"The page answered with status {response.status_code}{phrase}.")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _HTML and not _TEXT.fullmatch(media_type):
        raise ToolError(
            f"The URL leads to '{media_type[:60] or 'something without a media type'}'. Only HTML, text, Markdown, JSON "
            "and XML can be read."
        )
    return media_type, response.charset_encoding


def _decoded(body: bytes, charset: str | None, media_type: str) -> str:
    """The text of a body, by the byte order mark, the header, the page's own declaration, or as UTF-8 or Windows-1252:
    the order of https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding. What is wrong in
    it becomes U+FFFD.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    declared = _DECLARED.search(body[:1024]) if media_type in _HTML else None
    for name in (charset, declared[1].decode() if declared else None):
        codec = _codec(name)
        if codec is not None:
            return body.decode(codec, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("windows-1252", "replace")


def _codec(name: str | None) -> str | None:
    """Python's codec for a charset, None for one that the web does not have."""
    try:
        codec = codecs.lookup(name or "").name
        b"x".decode(codec, "replace")  # LookupError: Python also has codecs that are not of text, such as zlib
    except (LookupError, ValueError):
        return None
    if codec in _NOT_OF_THE_WEB:
        return None
    # The web's Latin-1 has curly quotes (https://encoding.spec.whatwg.org/#names-and-labels).
    return "windows-1252" if codec in ("iso8859-1", "ascii") else codec


@dataclass(frozen=True, slots=True)
class Content:
    """A page's title and text, and whether the end was left out."""

    title: str | None
    markdown: str
    truncated: bool


def as_markdown(page: str, url: str) -> Content:
    """An HTML page that was fetched from `url`, as Markdown."""
    from bs4 import BeautifulSoup
    from markdownify import ATX, MarkdownConverter

    from agent_tools.builtin.markup import clean

    content = clean(page, url)
    soup = BeautifulSoup(content.markup, "html.parser")
    markdown = MarkdownConverter(heading_style=ATX, bullets="-").convert_soup(soup)
    lines = "\n".join(line.rstrip() for line in markdown.splitlines())
    return Content(content.title, re.sub(r"\n{3,}", "\n\n", lines).strip(), content.truncated)
