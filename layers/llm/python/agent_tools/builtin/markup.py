"""HTML of any origin to HTML that is safe to convert: noise left out, links absolute, tags well nested, in linear time.

Python's `html.parser` and `markdownify` take time that grows with the square of their input, minutes for a page of two
megabytes, when a page opens a hundred thousand comments, nests its elements by the thousand or holds long runs of
blanks. They are given only what this module writes: known elements with known attributes, nested so deep and no
deeper, text without runs of blanks. It reads as the HTML standard says where that matters to text
(https://html.spec.whatwg.org/multipage/parsing.html): bogus comments, raw text, end tags that may be left out.
"""

from __future__ import annotations

import html
import re
from contextlib import suppress
from dataclasses import dataclass, field
from html.entities import html5
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

MAX_WRITTEN: Final = 500_000
"""Characters of HTML. Of what comes after, nothing would be left in the answer of a tool."""

MAX_DEPTH: Final = 80
MAX_INDENTATION: Final = 12
"""Lists and quotations within each other: each indents all of its lines once more."""

MAX_TAG: Final = 4_000
"""Characters of a tag; a longer one holds data, not text."""

MAX_BLANKS: Final = 100

_RAW: Final = frozenset({"script", "style", "textarea", "title", "iframe", "noembed", "noframes", "xmp"})
"""Elements whose content is not parsed as HTML."""

_NOISE: Final = frozenset({"nav", "noscript", "template", "svg", "canvas", "object", "button", "select", "dialog"})
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_INDENTING: Final = frozenset({"ul", "ol", "blockquote", "dd"})
_STARTS_BLOCK: Final = frozenset(
    {"address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "figure", "footer", "form", "h1",
     "h2", "h3", "h4", "h5", "h6", "header", "main", "ol", "p", "pre", "section", "table", "ul"}
)  # fmt: skip
_KEPT: Final = _STARTS_BLOCK | frozenset(
    {"a", "abbr", "b", "br", "caption", "code", "dd", "del", "dt", "em", "figcaption", "hr", "i", "img", "kbd", "li",
     "s", "samp", "strong", "sub", "summary", "sup", "tbody", "td", "tfoot", "th", "thead", "tr"}
)  # fmt: skip
"""All others are left out, their content is not."""

_ENDS: Final = {
    **{name: (frozenset({"p"}), frozenset({"td", "th", "li", "table"})) for name in (*_STARTS_BLOCK, "hr")},
    "li": (frozenset({"li"}), frozenset({"ul", "ol"})),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl"})),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl"})),
    "td": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "th": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    **{name: (frozenset({"thead", "tbody", "tfoot"}), frozenset({"table"})) for name in ("thead", "tbody", "tfoot")},
    "a": (frozenset({"a"}), frozenset({"table"})),
}
"""Start tag -> the open elements that it ends, looked for up to one of the others."""

_TAG_NAME: Final = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]{0,19})(?=[\s/>])")
_ATTRIBUTE: Final = re.compile(r"""(?<=[\s"'/])([^\s"'>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*+(?!=));?")
_MARK: Final = re.compile(r"""[>"']""")
_BLANKS: Final = re.compile(r"[ \t\r\n\f\v]+")
_LONG_BLANKS: Final = re.compile(r"[ \t\n\f\v]{100,}")


@dataclass(frozen=True, slots=True)
class CleanPage:
    """HTML that holds nothing but a page's content; its title; whether the end was left out."""

    markup: str
    title: str | None
    truncated: bool


def clean(page: str, url: str) -> CleanPage:
    """The content of an HTML page that was fetched from `url`."""
    scan = _Scan(page.replace("\r\n", "\n").replace("\r", "\n"), url)
    scan.run()
    return CleanPage("".join(scan.written), scan.title, scan.length >= MAX_WRITTEN)


@dataclass(slots=True)
class _Scan:
    """The state of reading a page once, from left to right. `noise` is the element being left out, with how often it was
    opened within itself; `blanks` is how many the text ends with, whatever tags stand between.
    """

    page: str
    base: str
    written: list[str] = field(default_factory=list)
    length: int = 0
    title: str | None = None
    open: list[str] = field(default_factory=list)
    noise: tuple[str, int] | None = None
    blanks: int = 0

    def run(self) -> None:
        at = 0
        while 0 <= at < len(self.page) and self.length < MAX_WRITTEN:
            tag = self.page.find("<", at)
            self.text(self.page[at : tag if tag >= 0 else len(self.page)])
            at = self.markup(tag) if tag >= 0 else -1
        for name in reversed(self.open):
            self.write(f"</{name}>")

    def markup(self, at: int) -> int:
        """Read what begins with `<` here, and give where it ends; -1 for the end of the page."""
        following = self.page[at + 1 : at + 3]
        if self.page.startswith("<!--", at):
            return _after(self.page, "-->", at + 4)
        if following[:1] in ("!", "?") or (following[:1] == "/" and not following[1:].isalpha()):
            return _after(self.page, ">", at + 1)
        if not following.lstrip("/")[:1].isalpha():
            self.text("<")
            return at + 1
        end = _end_of_tag(self.page, at + 1)
        name = _TAG_NAME.match(self.page, at)
        if end < 0 or name is None or end - at > MAX_TAG:
            return end
        self.tag(name[1].lower(), self.page[at:end], closing=following[0] == "/")
        if following[0] != "/" and name[1].lower() in _RAW:
            return self.raw(name[1].lower(), end)
        return end

    def raw(self, name: str, at: int) -> int:
        """Skip the content of an element of raw text; a title is kept."""
        end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(self.page, at)
        if name == "title" and end is not None and self.title is None and self.noise is None:
            self.title = " ".join(_unescape(self.page[at : end.start()]).split())[:300] or None
        return -1 if end is None else _after(self.page, ">", end.end())

    def tag(self, name: str, tag: str, *, closing: bool) -> None:
        """Write a tag, or what it stands for."""
        if self.noise is not None or name in _NOISE:
            self.skip(name, closing=closing)
        elif closing:
            self.close(name)
        elif name == "base":
            with suppress(ValueError):  # of an address that is none; the page's own stays the base
                self.base = urljoin(self.base, _attributes(tag).get("href", ""))
        elif name == "img":
            self.image(_attributes(tag))
        elif name in _KEPT:
            self.end_implied(name)
            if name in _VOID:
                self.write(f"<{name}>")
            elif len(self.open) < MAX_DEPTH and not self.too_indented(name):
                self.open.append(name)
                self.write(f"<{name}{self.attributes(name, tag)}>")

    def skip(self, name: str, *, closing: bool) -> None:
        """Count the noisy element's own tags, to find its end."""
        if self.noise is None:
            self.noise = None if closing else (name, 1)
        elif name == self.noise[0]:
            count = self.noise[1] + (-1 if closing else 1)
            self.noise = (name, count) if count else None

    def close(self, name: str) -> None:
        """Close an element and all within it. The end tag of one that is not open is left out."""
        if name in self.open:
            while (inner := self.open.pop()) != name:
                self.write(f"</{inner}>")
            self.write(f"</{name}>")

    def end_implied(self, name: str) -> None:
        ended, bounds = _ENDS.get(name, (frozenset(), frozenset()))
        for inner in reversed(self.open):
            if inner in bounds:
                return
            if inner in ended:
                self.close(inner)
                return

    def too_indented(self, name: str) -> bool:
        return name in _INDENTING and sum(inner in _INDENTING for inner in self.open) >= MAX_INDENTATION

    def attributes(self, name: str, tag: str) -> str:
        """Those that Markdown has a place for."""
        if name == "a":
            href = self.link(_attributes(tag).get("href", ""))
            return f' href="{html.escape(href)}"' if href else ""
        start = _attributes(tag).get("start", "") if name == "ol" else ""
        return f' start="{start}"' if re.fullmatch(r"[0-9]{1,6}", start) else ""

    def image(self, attributes: dict[str, str]) -> None:
        source = self.link(attributes.get("src", ""))
        alternative = " ".join(attributes.get("alt", "").split())
        if source:
            self.write(f'<img src="{html.escape(source)}" alt="{html.escape(alternative)}">')
        else:
            self.text(html.escape(alternative))

    def link(self, target: str) -> str:
        """An absolute link, fit for the parentheses of Markdown; "" for what leads to no page."""
        try:
            absolute = urljoin(self.base, target.strip())
            if not target.strip() or urlsplit(absolute).scheme not in ("http", "https", "mailto"):
                return ""
            return quote(absolute, safe="!#$%&'*+,/:;=?@[]~")
        except ValueError:
            return ""

    def text(self, text: str) -> None:
        """Write a text, its character references resolved and its blanks counted first."""
        if not text or self.noise is not None:
            return
        plain = _unescape(text[: MAX_WRITTEN - self.length])
        if "pre" in self.open:
            plain = _LONG_BLANKS.sub(lambda run: run[0][:MAX_BLANKS], plain)
            plain = plain.lstrip() if self.blanks >= MAX_BLANKS else plain
        else:
            plain = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", plain)
            plain = plain.lstrip(" \n") if self.blanks else plain
        trailing = len(plain) - len(plain.rstrip())
        self.blanks = trailing if trailing < len(plain) else self.blanks + trailing
        self.write(html.escape(plain, quote=False))

    def write(self, piece: str) -> None:
        self.written.append(piece)
        self.length += len(piece)


def _attributes(tag: str) -> dict[str, str]:
    """Names in lower case; of one that is there twice, the first."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(tag):
        value = match[2] or match[3] or match[4] or ""
        found.setdefault(match[1].lower(), _REFERENCE.sub(_referred, value))
    return found


def _referred(reference: re.Match[str]) -> str:
    """What a character reference in an attribute stands for. Without its semicolon, a name there is one only as a whole:
    `?a&copy=b&region=EU` has no © and no ® in it (HTML standard, 13.2.5.73, "Named character reference state").
    """
    text = reference[0]
    return _unescape(text) if text[1] == "#" or text[1:] in html5 else text


def _unescape(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a character number of more digits than Python reads
        return text


def _after(page: str, mark: str, at: int) -> int:
    found = page.find(mark, at)
    return -1 if found < 0 else found + len(mark)


def _end_of_tag(page: str, at: int) -> int:
    """Where the tag ends that begins before `at`: after the next `>` that is not in a quoted value; -1 for nowhere."""
    while match := _MARK.search(page, at):
        at = match.end()
        if match[0] == ">":
            return at
        if page[max(0, at - 20) : at - 1].rstrip().endswith("="):
            closed = page.find(match[0], at)
            if closed < 0:
                return -1  # the value lasts until the end of the page, and the tag with it
            at = closed + 1
    return -1
