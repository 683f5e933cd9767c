"""HTML of any origin, cleaned before it is converted."""

from __future__ import annotations

import html

import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import example, given
from hypothesis import strategies as st

from agent_tools.builtin.markup import MAX_DEPTH, MAX_WRITTEN, clean
from agent_tools.builtin.web_page import as_markdown
from tests.support.speed import assert_linear

URL = "https://example.com/folder/page?x=1"


def cleaned(page: str) -> str:
    return clean(page, URL).markup


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ("<p>Hello</p>", "<p>Hello</p>"),
        ("<P CLASS='x' onclick=alert(1)>Hello", "<p>Hello</p>"),
        ("a<script>if (a < b) { x('</p>') }</script>b", "ab"),
        ("a<SCRIPT>x</Script >b", "ab"),
        ("a<script>never closed <p>b", "a"),
        ("a<style>p { color: red }</style>b", "ab"),
        ("a<nav><ul><li>Home<nav>x</nav></li></ul></nav>b", "ab"),
        ("a<noscript>x</noscript><svg><title>t</title></svg><template><p>y</p></template>b", "ab"),
        ("a<!-- <p>no</p> -->b", "ab"),
        ("a<!-- never closed <p>b", "a"),
        ("<!DOCTYPE html><?xml version='1.0'?>a<![CDATA[x]]>b</ p>c", "abc"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("a &lt;b&gt; &eacute; &#8364; &nosuch;", "a &lt;b&gt; é € &amp;nosuch;"),
        ("<custom-element><span>a</span></custom-element>", "a"),
        ("<b>bold <i>both</b> plain</i>", "<b>bold <i>both</i></b> plain"),
        ("</div>a</p>", "a"),
        ("a <br/> b<hr>c<input value=x>d", "a <br>b<hr>cd"),
        ("<p>one<p>two<div>three</div>", "<p>one</p><p>two</p><div>three</div>"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt><dd>d</dd></dl>"),
        (
            "<table><tr><td>a<td>b<tr><td>c</table>",
            "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
        ),
        ("a   \n\n  b \t c", "a\nb c"),
        ("a <span> </span> <x> b", "a b"),
        ("<pre>a   b\n\n\tc</pre>", "<pre>a   b\n\n\tc</pre>"),
        ("<a title=\"a > b\" href='/x'>y</a>", '<a href="https://example.com/x">y</a>'),
        ("<a title=don't href=/x>y</a>'", '<a href="https://example.com/x">y</a>\''),
        ("<ol start=5><li>x</ol><ol start='9x'></ol>", '<ol start="5"><li>x</li></ol><ol></ol>'),
        ("text <a", "text "),
        ("text <", "text &lt;"),
        ("text </", "text "),
    ],
)
def test_content_is_left_and_noise_is_not(page: str, left: str) -> None:
    assert cleaned(page) == left


@pytest.mark.parametrize(
    ("href", "link"),
    [
        ("/a", "https://example.com/a"),
        ("a", "https://example.com/folder/a"),
        ("../a", "https://example.com/a"),
        ("?y=2", "https://example.com/folder/page?y=2"),
        ("//other.example/a", "https://other.example/a"),
        ("http://other.example/", "http://other.example/"),
        ("mailto:me@example.com", "mailto:me@example.com"),
        ("/a b(c)", "https://example.com/a%20b%28c%29"),
        ("/?a=1&amp;b=%20", "https://example.com/?a=1&amp;b=%20"),
        ("/?a&copy=b&region=EU&regx=1", "https://example.com/?a&amp;copy=b&amp;region=EU&amp;regx=1"),
        ("/?a&copy;&reg", "https://example.com/?a%C2%A9%C2%AE"),
    ],
)
def test_links_become_absolute(href: str, link: str) -> None:
    assert cleaned(f'<a href="{href}">x</a>') == f'<a href="{link}">x</a>'


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "data:text/html,x", "file:///etc", "", "http://[x", "ftp://x/"]
)
def test_links_that_lead_to_no_page_are_left_out(href: str) -> None:
    assert cleaned(f'<a href="{href}">x</a>') == "<a>x</a>"


def test_a_base_moves_relative_links() -> None:
    assert cleaned('<base href="https://cdn.example/b/"><a href="c">x</a>') == '<a href="https://cdn.example/b/c">x</a>'


def test_a_base_that_is_no_address_is_passed_over() -> None:
    assert cleaned('<base href="//["><a href="c">x</a>') == '<a href="https://example.com/folder/c">x</a>'


def test_images_keep_what_they_show_and_where_they_are() -> None:
    assert cleaned('<img src="/i.png" alt="A  cat">') == '<img src="https://example.com/i.png" alt="A cat">'
    assert cleaned('a <img src="data:image/png;base64,AAAA" alt="cat & dog"> b') == "a cat &amp; dog b"


def test_the_title_is_the_first_one() -> None:
    page = clean("<title> A &amp; B\n C </title><body>x<title>no</title>", URL)
    assert (page.title, page.markup, page.truncated) == ("A & B C", "x", False)
    assert clean("<p>x", URL).title is None


def test_elements_nest_so_deep_and_no_deeper_and_their_text_stays() -> None:
    page = cleaned("<div>" * 5000 + "inside" + "</div>" * 5000)
    assert page == "<div>" * MAX_DEPTH + "inside" + "</div>" * MAX_DEPTH
    assert as_markdown("<blockquote><ul><li>" * 3000 + "inside", URL).markdown.endswith("inside")


def test_the_end_of_a_huge_page_is_left_out() -> None:
    page = clean("<p>word</p>" * 200_000, URL)
    assert page.truncated
    assert MAX_WRITTEN <= len(page.markup) < MAX_WRITTEN + 100


@pytest.mark.parametrize(
    "piece",
    [
        "<!--", "<![CDATA[", "<!", "<?", "</", "<", "&", "<a", "<a ", "<a href='", "<a href=' ' href=\"", "</a", "<script>",
        "<title>x", "<div>", "<p>x", "<b> </b>", " <x>", "&#32;", " \n", "<pre>" + " " * 99 + "<x>", "<pre>\n \n",
        "<table><tr><td>", "<ul><li>", "<a " + "a " * 1900 + ">", "<a " + "a= " * 1000 + ">", "&#" + "9" * 5000 + ";",
        "<blockquote>" * 30 + "x\n" * 3000 + "</blockquote>" * 30, "<li>x",
    ],
)  # fmt: skip
def test_hostile_pages_are_converted_in_linear_time(piece: str) -> None:
    """Each of these took minutes, or all memory, in html.parser or markdownify before cleaning; two megabytes take some
    seconds at most.
    """

    def work(characters: int) -> None:
        as_markdown((piece * (characters // len(piece) + 1))[:characters], URL)

    assert_linear(work, 50_000)


@pytest.mark.parametrize("opening", ["<pre>", "<p>"])
def test_blanks_do_not_add_up_over_tags_that_are_left_out(opening: str) -> None:
    markdown = as_markdown(f"{opening}a" + (" " * 99 + "<x>") * 1000 + "b", URL).markdown
    assert "a " in markdown
    assert len(markdown) < 250


TAGS = st.sampled_from(
    ["<p>", "</p>", "<div", ">", "<ul>", "<li>", "</ul>", "<a href=", "'", '"', "<!--", "-->", "<pre>", "</pre>", "<td>",
     "<table>", "<script>", "</script>", "<nav>", "</nav>", "text", " ", "\n", "&amp;", "&", "<", "/", "=", "<img alt=x>",
     "<img src=/i alt=", " title=", "&#39;", "&quot;", "&lt", "&copy=", "\x00", "\r", "é", "<![CDATA[", "<?", "<base href=",
     "<b>", "</b>", "<br/>", "<ol start=", "7", "//["]
)  # fmt: skip


def as_written(element: Tag) -> str:
    """What is in an element, as `clean` writes it."""
    return "".join(
        html.escape(str(child), quote=False)
        if not isinstance(child, Tag)
        else f"<{child.name}"
        + "".join(f' {name}="{html.escape(str(value))}"' for name, value in child.attrs.items())
        + ">"
        + ("" if child.is_empty_element else as_written(child) + f"</{child.name}>")
        for child in element.children
    )


@example('<a href="\'"<p>')
@example("<img src=/i alt='\"&lt;'>")
@given(st.lists(TAGS, max_size=60).map("".join))
def test_what_is_left_is_what_a_parser_reads_whatever_comes_in(page: str) -> None:
    left = cleaned(page)
    parsed = BeautifulSoup(left, "html.parser")
    assert as_written(parsed) == left
    assert not parsed.find(["script", "nav"])
