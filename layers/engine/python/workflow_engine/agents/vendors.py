"""The vendors of models, and what the name of a model tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MODEL_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": ("gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-"),
    "gemini": ("gemini-", "gemma-", "models/"),
    "bedrock": ("anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "deepseek.", "qwen.", "writer.", "ai21.", "us.", "eu.",
                "apac.", "au.", "jp.", "ca.", "us-gov.", "global.", "arn:aws"),
    "on-prem": (),
}  # fmt: skip
"""Every vendor, and how the names of its models begin. Models of one's own server are called anything."""

VENDORS: Final = tuple(MODEL_PREFIXES)

PROVIDER_TYPES: Final = tuple(f"{vendor}_{capability}" for capability in ("textgen", "vision") for vendor in VENDORS)
"""What an agent's `provider_type` may be."""


def vendor_of_model(model: str) -> str | None:
    """The vendor that a model's name tells, None where it tells none."""
    return next((vendor for vendor, prefixes in MODEL_PREFIXES.items() if model.startswith(prefixes)), None)
