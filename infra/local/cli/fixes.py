"""`workflow validate --fix`: what is certain to mend a text, done where it stands, so that comments and layout stay as they are."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from infra.local.cli.findings import Finding, word_in, words
from infra.local.cli.texts import Text, text_of
from workflow_engine.documents.places import Span, find
from workflow_engine.errors import MalformedDocumentError
from workflow_engine.suggestions import Fix

_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")
"""What is written the same in JSON, in every style of YAML, and in references, conditions and templates."""


def fixed(text: Text, findings: Iterable[Finding]) -> tuple[Text, list[Finding]]:
    """The text with the fixes of its findings made, and whose fixes they are.

    Left alone is what is not certain: a word that stands there twice, a key that its object has already, a value that an alias
    repeats, two fixes of one place. The value of what is written must be the old one with the words replaced, and nothing else.
    """
    value = text.value()
    edits: dict[Span, dict[str, tuple[Finding, Fix]]] = {}
    for finding in findings:
        if (word := _word_of(text, value, finding)) is not None:
            edits.setdefault(word[0], {})[word[1].replacement] = finding, word[1]
    certain = {span: (r, *of) for span, fixes in edits.items() if len(fixes) == 1 for r, of in fixes.items()}
    written = text.text
    for (start, end), (replacement, *_) in sorted(certain.items(), reverse=True):
        written = written[:start] + replacement + written[end:]
    done = [(finding, fix) for _, finding, fix in certain.values()]
    # A key is renamed after what stands below it.
    for finding, fix in sorted(done, key=lambda d: (-d[0].pointer.count("/"), d[1].target == "key")):
        _mend(value, finding.pointer, fix)
    new = Text(text.name, written, is_yaml=text.is_yaml)
    try:
        is_as_wanted = repr(new.value()) == repr(value)
    except MalformedDocumentError:
        is_as_wanted = False
    return (new, [finding for finding, _ in done]) if done and is_as_wanted else (text, [])


def word_of(text: Text, finding: Finding) -> tuple[Span, str] | None:
    """The characters that the fix of a finding replaces, and by what; None where it has none, or it is not certain which."""
    if finding.fix is None or (word := _word_of(text, text.value(), finding)) is None:
        return None
    return word[0], word[1].replacement


def _word_of(text: Text, value: Any, finding: Finding) -> tuple[Span, Fix] | None:
    if finding.fix is None or not finding.pointer:
        return None
    fix = Fix(**finding.fix)
    found = find(text.root, finding.pointer)
    if not (found.is_exact and _WORD.fullmatch(fix.replace) and _WORD.fullmatch(fix.replacement)) or found.is_shared:
        return None
    holder, last = _holder(value, finding.pointer)
    if fix.target == "key":
        where, told = found.key, last
        if fix.replacement in holder:
            return None
    else:
        where, told = found.value, holder[last]
    if where is None or not isinstance(told, str) or len(words(fix.replace).findall(told)) != 1:
        return None
    span = word_in(text, where, fix.replace)
    return None if span is None else (span, fix)


def _mend(value: Any, pointer: str, fix: Fix) -> None:
    """Make a fix in a value."""
    holder, last = _holder(value, pointer)
    if fix.target == "value":
        holder[last] = words(fix.replace).sub(fix.replacement, holder[last])
        return
    members = [(fix.replacement if key == last else key, inner) for key, inner in holder.items()]
    holder.clear()
    holder.update(members)


def _holder(value: Any, pointer: str) -> tuple[Any, Any]:
    """The list or object that holds what a pointer leads to, and its key or index there."""
    *path, last = (s.replace("~1", "/").replace("~0", "~") for s in pointer.split("/")[1:])
    for segment in path:
        value = value[int(segment)] if isinstance(value, list) else value[segment]
    return value, int(last) if isinstance(value, list) else last


def write(text: Text, was: Text) -> None:
    """Replace the file by the text, all at once, with the mode that it had. Raises OSError, also where the file is not `was` any
    more.
    """
    file = Path(text.name).resolve()
    before = file.read_bytes()
    if text_of(text.name, before).text != was.text:
        raise OSError(errno.EBUSY, "it was changed in the meantime")
    mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(mark + text.text.encode())
        os.chmod(name, file.stat().st_mode & 0o7777)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise
