"""What a model thinks aloud within its answer: blocks in `<think>`, `<thinking>` or `<reasoning>`, which are not the answer.

Servers that do not take them off themselves (llama.cpp, Ollama, proxies) and models that were told to think first send
them as text. A block begins where a line begins, which JSON's texts never do, and outside code fences, so that an answer
that is about such blocks keeps them.
"""

from __future__ import annotations

import re
from typing import Final

_TAG: Final = r"<(?P<tag>think|thinking|reasoning)>"
_OPENING: Final = re.compile(rf"[ \t]*{_TAG}", re.IGNORECASE)
_LINE: Final = re.compile(rf"^[ \t]*(?:(?P<fence>```)|{_TAG})", re.IGNORECASE | re.MULTILINE)
_FENCE_END: Final = re.compile(r"^[ \t]*```[ \t]*$", re.MULTILINE)
_ENDINGS: Final = {tag: re.compile(rf"</{tag}>", re.IGNORECASE) for tag in ("think", "thinking", "reasoning")}
_UNBEGUN: Final = re.compile(r"^[ \t]*</(?:think|thinking|reasoning)>[ \t]*$", re.IGNORECASE | re.MULTILINE)


def split_reasoning(text: str, *, is_whole: bool) -> tuple[str, tuple[str, ...]]:
    """The answer without its blocks, and what stood in them. `is_whole` is false for an answer that was cut off: a block
    that does not end then takes the rest.
    """
    thoughts: list[str] = []
    text = _without_unbegun(text, thoughts)
    kept: list[str] = []
    unended: set[str] = set()
    place = 0
    while True:
        follows = bool(thoughts) and not "".join(kept[-1:]).strip(" \t")
        match = (_OPENING.match(text, place) if follows else None) or _LINE.search(text, place)
        if match is None:
            break
        tag = match["tag"]
        if tag is None:  # a code fence is kept, whatever it holds
            end = _FENCE_END.search(text, match.end())
            kept.append(text[place : end.end() if end else len(text)])
            place += len(kept[-1])
            continue
        tag = tag.lower()
        end = None if tag in unended else _ENDINGS[tag].search(text, match.end())
        if end is None and is_whole:
            unended.add(tag)
            kept.append(text[place : match.end()])
            place = match.end()
            continue
        kept.append(text[place : match.start()])
        thoughts.append(text[match.end() : end.start() if end else len(text)])
        place = end.end() if end else len(text)
    if not thoughts:
        return text, ()
    answer = "".join([*kept, text[place:]])
    return answer.strip(), tuple(thought.strip() for thought in thoughts if thought.strip())


def _without_unbegun(text: str, thoughts: list[str]) -> str:
    """Some chat templates put the opening tag into the prompt (DeepSeek-R1, Qwen3): the answer then holds the end alone."""
    match = _UNBEGUN.search(text)
    if match is None:
        return text
    before = text[: match.start()]
    if _LINE.search(before) is not None:
        return text
    thoughts.append(before)
    return text[match.end() :]
