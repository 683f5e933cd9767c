"""Which vendors there are, what each is called, and what must be known to ask it.

Configuration is a mapping of variables with the names that the vendors' own tools use. It comes from the environment, a
secret of the deployment or a secret of the tenant (`secrets`), the later overriding the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Capability = Literal["textgen", "embedding", "vision"]
CAPABILITIES: Final[tuple[Capability, ...]] = ("textgen", "embedding", "vision")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor. Any one of `needs` configures it; `models` are those asked when a request names none."""

    name: str
    needs: tuple[str, ...]
    models: Mapping[Capability, str]
    model_prefixes: tuple[str, ...] = ()


VENDORS: Final[Mapping[str, Vendor]] = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            "openai",
            ("OPENAI_API_KEY",),
            {"textgen": "gpt-4o-mini", "vision": "gpt-4o-mini", "embedding": "text-embedding-3-small"},
            ("gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-"),
        ),
        Vendor(
            "gemini",
            ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
            {"textgen": "gemini-2.5-flash", "vision": "gemini-2.5-flash", "embedding": "gemini-embedding-001"},
            ("gemini-", "gemma-", "models/"),
        ),
        Vendor(
            "bedrock",
            ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
             "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"),
            {
                "textgen": "amazon.nova-lite-v1:0",
                "vision": "amazon.nova-lite-v1:0",
                "embedding": "amazon.titan-embed-text-v2:0",
            },
            ("anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "deepseek.", "qwen.", "writer.", "ai21.", "us.", "eu.",
             "apac.", "au.", "jp.", "ca.", "us-gov.", "global.", "arn:aws"),
        ),
        Vendor(
            "on-prem",
            ("ONPREM_BASE_URL",),
            {"textgen": "default", "vision": "default", "embedding": "default"},
        ),
    )
}  # fmt: skip

SIMULATED: Final = "simulated"

AWS_CREDENTIALS: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that give AWS credentials, of whatever kind."""

TOGETHER: Final[tuple[frozenset[str], ...]] = (
    frozenset({"OPENAI_API_KEY", "OPENAI_BASE_URL"}),
    frozenset({"GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"}),
    frozenset({"ONPREM_API_KEY", "ONPREM_BASE_URL"}),
    frozenset({*AWS_CREDENTIALS, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"}),
)
"""Variables that are of one source or of none: a key belongs to the address that it is sent to, and one's key must never
be sent to another's server.
"""


def provider_types(*capabilities: Capability) -> tuple[str, ...]:
    """All names of providers with these capabilities: `openai_textgen`, ..., `on-prem_vision`."""
    return tuple(f"{vendor}_{capability}" for capability in capabilities for vendor in VENDORS)


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
    return next((v.name for v in VENDORS.values() if model.startswith(v.model_prefixes)), None)


def is_configured(vendor: str, variables: Mapping[str, str]) -> bool:
    """Whether there is enough to ask a vendor."""
    return any(variables.get(name) for name in VENDORS[vendor].needs)
