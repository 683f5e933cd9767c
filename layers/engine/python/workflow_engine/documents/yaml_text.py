"""A text as YAML 1.2 in its core schema, as far as it says what JSON can say.

libyaml tells the events, which are put together here: no tag makes an object of anything, what is repeated, unbounded or read in
several ways by readers of YAML is refused, and each value knows its place.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from workflow_engine.documents.json_places import json_places
from workflow_engine.documents.json_text import parse_json
from workflow_engine.documents.limits import MAX_DEPTH, MAX_DOCUMENT_BYTES, TOO_DEEP
from workflow_engine.documents.places import Lines, Place, Span
from workflow_engine.documents.yaml_advice import UNQUOTED_TEMPLATE, cut, explained, quoted
from workflow_engine.documents.yaml_scalars import ScalarError, plain_value
from workflow_engine.errors import MalformedJsonError, MalformedYamlError, PayloadTooLargeError
from workflow_engine.lazy_dataclass import dataclass

_NOT_TO_BE_WRITTEN: Final = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML allows in escapes only ("YAML 1.2.2", section 5.1), and the line breaks of Unicode: to libyaml they are some, and it
would fold them, to YAML 1.2 they are characters like others."""

_ANCHOR: Final = re.compile(r"&[^\s,\[\]{}]+\s*")
MAX_VALUES: Final = 300_000
"""A value takes some six microseconds to read, thirty times what it takes in JSON, and may be two bytes long: a body full of them
would take more time than a request has."""
_BYTES_OF_A_VALUE: Final = 4
"""What a value takes at the least when it is written out: brackets or quotes, a comma, an indentation."""


def parse_yaml(text: str) -> Any:
    """The JSON value of a text. Raises `MalformedYamlError`, with line and column, and `PayloadTooLargeError`.

    Refused beside what is not YAML: keys that are no texts or stand twice, tags, `<<`, anchors within themselves and such as are
    repeated to more than a body may have, several documents, `%YAML 1.1`, and all that JSON bodies may not have either.
    """
    return read_yaml(text)[0]


def read_yaml(text: str) -> tuple[Any, Place]:
    """The same, with the places of its values in the text."""
    if len(text) > MAX_DOCUMENT_BYTES:
        raise PayloadTooLargeError(f"The document is larger than {MAX_DOCUMENT_BYTES:,} bytes.")
    if text.lstrip().startswith(("{", "[")):
        # YAML 1.2 has all of JSON, of which libyaml lacks surrogate pairs and long keys.
        try:
            return parse_json(text), json_places(text)
        except MalformedJsonError:
            pass
    if wrong := _NOT_TO_BE_WRITTEN.search(text):
        code = f"U+{ord(wrong[0]):04X}"
        escape = (
            "" if "\ud800" <= wrong[0] <= "\udfff" else f', or write it in double quotes as "\\u{ord(wrong[0]):04x}"'
        )
        _refuse(text, wrong.start(), f"The character {code} may not stand in a document. Remove it{escape}.")
    reading = _Reading(text)
    try:
        reading.read()
    except YAMLError as error:
        offset, detail = explained(error, text)
        _refuse(text, offset, detail)
    return reading.value, reading.root


def _refuse(text: str, offset: int, sentence: str) -> NoReturn:
    place = Lines(text).position(offset)
    raise MalformedYamlError(
        f"Not readable YAML at line {place[0]}, column {place[1]}: {sentence}", place=place, sentence=sentence
    )


@dataclass(slots=True)
class _Open:
    """A list or object that is being read. `start_written` is what had been written out when it began."""

    value: Any
    place: Place
    anchor: str | None
    start_written: int
    key: str | None = None
    key_span: Span = Span(0, 0)


@dataclass(slots=True)
class _Anchored:
    """A value with a name. `written` is what it takes where it is repeated."""

    value: Any
    place: Place
    written: int


class _Reading:
    """One document, put together from events."""

    def __init__(self, text: str) -> None:
        self.value: Any = None
        self.root = Place(0, len(text))
        self._text = text
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._awaits_key = False
        self._written = 0
        self._values = 0

    def read(self) -> None:
        """Read the events to their end. Raises YAMLError where libyaml does, `MalformedYamlError` for what is refused here."""
        parser = CParser(self._text)
        documents = 0
        while (kind := type(event := parser.get_event())) is not StreamEndEvent:
            if kind is ScalarEvent:
                self._scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._begin(event, is_object=kind is MappingStartEvent)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._end(event)
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent:
                documents += 1
                self._document(event, documents)
        if documents == 0:
            self._refuse(0, "The document is empty, or has nothing but comments.")

    def _document(self, event: Any, number: int) -> None:
        at = event.start_mark.index
        if number > 1:
            self._refuse(at, "A second document begins here. Put each document into a file of its own.")
        if event.version is not None and event.version != (1, 2):
            self._refuse(at, "YAML 1.1 reads texts such as 'no' as other values. Remove the %YAML line, or say 1.2.")
        if event.tags:
            self._refuse(at, "Tags have no meaning here. Remove the %TAG line.")

    def _scalar(self, event: Any) -> None:
        place = self._place(event)
        text: str = event.value
        if event.tag is not None:
            self._refuse_tag(event)
        is_plain = not event.style
        if self._awaits_key:
            return self._key(text, place, is_plain)
        value = text
        if is_plain:
            if not text:
                self._refuse_key_alone(place)
            try:
                value = plain_value(text)
            except ScalarError as error:
                self._refuse(place.start, str(error))
        before = self._written
        self._written += len(text) + _BYTES_OF_A_VALUE
        self._add(value, place)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, place, self._written - before)
        return None

    def _begin(self, event: Any, *, is_object: bool) -> None:
        place = self._place(event)
        place.keys, place.inside = {}, {}
        if event.tag is not None:
            self._refuse_tag(event)
        if self._awaits_key:
            self._refuse_key(place.start, is_object)
        if len(self._open) >= MAX_DEPTH:
            self._refuse(place.start, TOO_DEEP)
        value: Any = {} if is_object else []
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)  # until it ends, the name is nobody's
        before = self._written
        self._written += _BYTES_OF_A_VALUE
        self._add(value, place)
        self._open.append(_Open(value, place, event.anchor, before))
        self._awaits_key = is_object

    def _end(self, event: Any) -> None:
        ended = self._open.pop()
        self._awaits_key = bool(self._open) and isinstance(self._open[-1].value, dict)
        place = ended.place
        if event.end_mark.index > event.start_mark.index:
            place.end = event.end_mark.index
        elif place.inside:
            # A block has no end of its own: libyaml finds it at the next thing that is said.
            place.end = max(place.end, next(reversed(place.inside.values())).end)
        if ended.anchor is not None:
            self._anchors[ended.anchor] = _Anchored(ended.value, place, self._written - ended.start_written)

    def _alias(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            self._refuse_name(event.anchor, start)
        anchored.place.is_shared = True
        if self._awaits_key:
            if not isinstance(anchored.value, str):
                self._refuse(start, "A key is a text.")
            return self._key(anchored.value, Place(start, end), is_plain=False)
        self._written += anchored.written
        if self._written > MAX_DOCUMENT_BYTES:
            self._refuse(start, f"Written out, what is repeated by * makes more than {MAX_DOCUMENT_BYTES:,} bytes.")
        place = Place(start, end, anchored.place.keys, anchored.place.inside, is_shared=True)
        self._add(self._copied(anchored.value, len(self._open), start), place)
        return None

    def _copied(self, value: Any, depth: int, start: int) -> Any:
        """A value of its own for each place, as in JSON: who changes one changes no other."""
        if not isinstance(value, dict | list):
            return value
        if depth >= MAX_DEPTH:
            self._refuse(start, TOO_DEEP)
        if isinstance(value, dict):
            return {key: self._copied(inner, depth + 1, start) for key, inner in value.items()}
        return [self._copied(inner, depth + 1, start) for inner in value]

    # Where a value goes

    def _add(self, value: Any, place: Place) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise PayloadTooLargeError(f"The document has more than {MAX_VALUES:,} values. Send it as JSON.")
        if not self._open:
            self.value, self.root = value, place
            return
        holder = self._open[-1]
        if isinstance(holder.value, list):
            holder.place.inside[len(holder.value)] = place
            holder.value.append(value)
            return
        assert holder.key is not None
        holder.value[holder.key] = value
        holder.place.keys[holder.key] = holder.key_span
        holder.place.inside[holder.key] = place
        holder.key = None
        self._awaits_key = True

    def _key(self, text: str, place: Place, is_plain: bool) -> None:
        holder = self._open[-1]
        if is_plain:
            self._refuse_plain_key(text, place.start)
        if text in holder.value:
            line, column = Lines(self._text).position(holder.place.keys[text].start)
            self._refuse(
                place.start,
                f"The key {quoted(text)} stands twice in one object, first at line {line}, column {column}. Remove one.",
            )
        holder.key, holder.key_span = text, Span(place.start, place.end)
        self._awaits_key = False
        self._written += len(text) + _BYTES_OF_A_VALUE

    # What is refused

    def _refuse(self, offset: int, detail: str) -> NoReturn:
        _refuse(self._text, offset, detail)

    def _refuse_name(self, anchor: str, start: int) -> NoReturn:
        name = cut(anchor)
        if any(holder.anchor == anchor for holder in self._open):
            self._refuse(start, f"*{name} stands within what it names. A document cannot hold itself.")
        self._refuse(
            start,
            f"*{name} names nothing: no &{name} stands before it. A text that begins with * must stand in quotes.",
        )

    def _refuse_plain_key(self, text: str, start: int) -> None:
        if text == "<<":
            self._refuse(
                start,
                "YAML 1.2 has no merge key <<. Write the fields out, or repeat a whole value with an anchor: *name.",
            )
        if text[:1].isspace():  # what is no space to YAML, as it comes with texts from web pages
            self._refuse(start, f"The character U+{ord(text[0]):04X} is no space to YAML. Indent with spaces only.")
        try:
            value = plain_value(text)
        except ScalarError:
            value = None
        if isinstance(value, str):
            return
        if not text:
            self._refuse(start, "A key is missing before the colon.")
        self._refuse(start, f'A key is a text, and {cut(text)} without quotes is none. Write "{cut(text)}".')

    def _refuse_key(self, start: int, is_mapping: bool) -> NoReturn:
        if is_mapping and self._text[start - 1 : start + 1] == "{{":
            self._refuse(start - 1, UNQUOTED_TEMPLATE)
        self._refuse(start, f"A key is a text, not {'an object' if is_mapping else 'a list'}.")

    def _refuse_key_alone(self, place: Place) -> None:
        """{a.b} is an object with the key "a.b" and null to YAML, and a text or a reference to who wrote it."""
        holder = self._open[-1] if self._open else None
        if holder is None or holder.key is None or ":" in self._text[holder.key_span.end : place.start]:
            return
        self._refuse(
            holder.key_span.start,
            f"The key {quoted(holder.key)} has no colon and no value. Within {{ }} a text with a comma must stand in quotes, and "
            "everywhere one that begins with { or ?.",
        )

    def _refuse_tag(self, event: Any) -> NoReturn:
        at = event.start_mark.index
        written = re.match(r"(?:&\S+\s+)?(![^\s,\[\]{}]*)", self._text[at:])
        tag = written[1] if written else event.tag
        self._refuse(
            at,
            f"Tags such as {cut(tag)} have no meaning here. Write the value itself; a text that begins with ! stands in quotes.",
        )

    def _place(self, event: Any) -> Place:
        """Where a value stands, its anchor left out."""
        start, end = event.start_mark.index, event.end_mark.index
        if event.anchor is not None and (anchor := _ANCHOR.match(self._text, start)):
            start = min(anchor.end(), len(self._text))
        return Place(start, max(start, end))
