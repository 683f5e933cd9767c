"""What must be known to ask a vendor (`workflow_engine.agents.vendors`), and who is asked where nobody is named.

Configuration is a mapping of variables with the names that the vendors' own tools use. It comes from the environment, a
secret of the deployment or a secret of the tenant (`secrets`), the later overriding the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workflow_engine.agents.vendors import VENDORS, split, vendor_of_model

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
