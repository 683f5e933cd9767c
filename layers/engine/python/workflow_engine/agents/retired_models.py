"""What is known of models beside their names: which ones their vendors have taken out of use.

A retired name is the user's choice and goes to the vendor unchanged: it may be a server of theirs that answers to it.
They are told, no more.
"""

from __future__ import annotations

import re
from typing import Final

AS_OF: Final = "2026-11-26"

_RETIRED: Final = (
    # OpenAI, "Deprecations": past their shutdown dates.
    (
        r"text-davinci-00[123]|code-davinci-.*|gpt-3\.5-turbo-(0301|0613|16k-0613)|gpt-4-32k.*|gpt-4-vision-preview",
        "OpenAI",
    ),
    (r"gpt-4\.5-preview.*|o1-preview.*|o1-mini.*", "OpenAI"),
    # Google, "Gemini deprecations".
    (
        r"(models/)?(gemini-pro|gemini-pro-vision|gemini-1\.0-.*|gemini-1\.5-.*|embedding-001|text-embedding-004)",
        "Google",
    ),
    # Amazon Bedrock, "Model lifecycle", EOL versions. Regional prefixes (us., eu.) name the same models.
    (r"([a-z]+\.)?anthropic\.claude-(instant-v1|v1|v2|v2:1)(:.*)?", "Amazon Bedrock"),
    (r"([a-z]+\.)?anthropic\.claude-3-sonnet-20240229-v1:0.*", "Amazon Bedrock"),
    (
        r"amazon\.titan-text-(lite|express|premier)-v1.*|ai21\.j2-.*|cohere\.command-(light-)?text-v14.*",
        "Amazon Bedrock",
    ),
    (r"meta\.llama2-.*", "Amazon Bedrock"),
)
_PATTERNS: Final = tuple((re.compile(pattern), vendor) for pattern, vendor in _RETIRED)


def retirement(model: str) -> str | None:
    """A sentence about a model that its vendor has retired; None for any other, or one that is not known."""
    vendor = next((v for pattern, v in _PATTERNS if pattern.fullmatch(model)), None)
    if vendor is None:
        return None
    return f"{vendor} lists the model '{model}' as retired (as of {AS_OF}). It is asked for all the same; expect a refusal."
