"""Which vendors of models there are, what each is called, and what the name of a model tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from workflow_engine.lazy_dataclass import dataclass

Capability = Literal["textgen", "embedding", "vision"]
CAPABILITIES: Final[tuple[Capability, ...]] = ("textgen", "embedding", "vision")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor. The names of its models begin with one of `model_prefixes`; any one variable of `needs` configures it;
    `models` are those asked when a request names none.
    """

    name: str
    model_prefixes: tuple[str, ...]
    needs: tuple[str, ...]
    models: Mapping[Capability, str]


VENDORS: Final[Mapping[str, Vendor]] = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            "openai",
            ("gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-"),
            ("OPENAI_API_KEY",),
            {"textgen": "gpt-4o-mini", "vision": "gpt-4o-mini", "embedding": "text-embedding-3-small"},
        ),
        Vendor(
            "gemini",
            ("gemini-", "gemma-", "models/"),
            ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
            {"textgen": "gemini-2.5-flash", "vision": "gemini-2.5-flash", "embedding": "gemini-embedding-001"},
        ),
        Vendor(
            "bedrock",
            ("anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "deepseek.", "qwen.", "writer.", "ai21.", "us.", "eu.",
             "apac.", "au.", "jp.", "ca.", "us-gov.", "global.", "arn:aws"),
            ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
             "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"),
            {
                "textgen": "amazon.nova-lite-v1:0",
                "vision": "amazon.nova-lite-v1:0",
                "embedding": "amazon.titan-embed-text-v2:0",
            },
        ),
        # A server of one's own, whose models are called anything.
        Vendor("on-prem", (), ("ONPREM_BASE_URL",), dict.fromkeys(CAPABILITIES, "default")),
    )
}  # fmt: skip


def provider_types(*capabilities: Capability) -> tuple[str, ...]:
    """All names of providers with these capabilities: `openai_textgen`, ..., `on-prem_vision`."""
    return tuple(f"{vendor}_{capability}" for capability in capabilities for vendor in VENDORS)


PROVIDER_TYPES: Final = provider_types("textgen", "vision")
"""What an agent's `provider_type` may be."""


def split(provider_type: str) -> tuple[str, Capability]:
    """Vendor and capability of a provider's name. ValueError for an unknown one."""
    for capability in CAPABILITIES:
        vendor = provider_type.removesuffix(f"_{capability}")
        if vendor != provider_type and vendor in VENDORS:
            return vendor, capability
    if provider_type in VENDORS:
        return provider_type, "textgen"
    raise ValueError(f"There is no provider '{provider_type}'. There are: {', '.join(provider_types('textgen'))}.")


def vendor_of_model(model: str) -> str | None:
    """The vendor that a model's name tells, None where it tells none."""
    return next((vendor.name for vendor in VENDORS.values() if model.startswith(vendor.model_prefixes)), None)
