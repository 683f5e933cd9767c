"""Which vendors there are, what each is called, and what must be known to ask it.

Configuration is a mapping of variables with the names that the vendors' own tools use. It comes from the environment, a
secret of the deployment or a secret of the tenant (`secrets`), the later overriding the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from workflow_engine.agents.vendors import vendor_of_model

Capability = Literal["textgen", "embedding", "vision"]
CAPABILITIES: Final[tuple[Capability, ...]] = ("textgen", "embedding", "vision")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor. Any one of `needs` configures it; `models` are those asked when a request names none."""

    name: str
    needs: tuple[str, ...]
    models: Mapping[Capability, str]


VENDORS: Final[Mapping[str, Vendor]] = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            "openai",
            ("OPENAI_API_KEY",),
            {"textgen": "gpt-4o-mini", "vision": "gpt-4o-mini", "embedding": "text-embedding-3-small"},
        ),
        Vendor(
            "gemini",
            ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
            {"textgen": "gemini-2.5-flash", "vision": "gemini-2.5-flash", "embedding": "gemini-embedding-001"},
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
        ),
        Vendor(
            "on-prem",
            ("ONPREM_BASE_URL",),
            {"textgen": "default", "vision": "default", "embedding": "default"},
        ),
    )
}  # fmt: skip

SIMULATED: Final = "simulated"

DEFAULT_PROVIDER: Final = "LLM_DEFAULT_PROVIDER"
DEFAULT_MODEL: Final = "LLM_DEFAULT_MODEL"
"""Variables that say who is asked where an agent names nobody."""

_USUAL: Final = ("openai_textgen", "gpt-4o")
_ASKED_INSTEAD: Final = ("gemini", "on-prem")
"""Who is asked where nobody is named, neither variable is set and OpenAI has no key. Not Bedrock: AWS credentials are in
most environments for other reasons."""

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
    frozenset({DEFAULT_PROVIDER, DEFAULT_MODEL}),
    frozenset({*AWS_CREDENTIALS, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"}),
)
"""Variables that are of one source or of none: a key belongs to the address that it is sent to, and one's key must never
be sent to another's server; a model belongs to its provider.
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


def default_target(variables: Mapping[str, str]) -> tuple[str, str | None]:
    """Provider and model that are asked where an agent names neither; None is the provider's own default.

    They are those that the variables name, else GPT-4o of OpenAI, else the first of the others that has a key. ValueError
    for variables that name nobody.
    """
    provider, model = variables.get(DEFAULT_PROVIDER), variables.get(DEFAULT_MODEL) or None
    if provider:
        try:
            split(provider)
        except ValueError as error:
            raise ValueError(f"{DEFAULT_PROVIDER}: {error}") from None
        return provider, model
    if model:
        vendor = vendor_of_model(model)
        if vendor is None:
            raise ValueError(
                f"{DEFAULT_MODEL}: the name of model '{model}' does not tell who runs it. Set {DEFAULT_PROVIDER}, too."
            )
        return f"{vendor}_textgen", model
    if not is_configured("openai", variables):
        instead = next((vendor for vendor in _ASKED_INSTEAD if is_configured(vendor, variables)), None)
        if instead:
            return f"{instead}_textgen", None
    return _USUAL


def is_configured(vendor: str, variables: Mapping[str, str]) -> bool:
    """Whether there is enough to ask a vendor."""
    return any(variables.get(name) for name in VENDORS[vendor].needs)
