"""What calls cost.

The table is that of the package genai-prices, whose release is its date: prices change, so a figure is an estimate from
list prices, never a bill. `LLM_PRICES` overrides it, for negotiated prices and models of one's own:

    {"gpt-4o-mini": {"input": 0.15, "output": 0.6, "cached_input": 0.075}, "on-prem/llama": {"input": 0, "output": 0}}

in US dollars per million tokens; a key is a model, or `vendor/model`. A model that neither knows costs null, not zero.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

VARIABLE: Final = "LLM_PRICES"

_PROVIDER_IDS: Final = {"openai": "openai", "gemini": "google", "bedrock": "aws"}
_REGIONS: Final = ("us.", "eu.", "apac.", "global.", "us-gov.", "jp.", "au.")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. `cached_input` None means that cached tokens cost what others do."""

    input: float
    output: float
    cached_input: float | None = None

    def cost(self, tokens_in: int, tokens_out: int, tokens_cached: int) -> float:
        """US dollars for a call."""
        cached = self.input if self.cached_input is None else self.cached_input
        dollars = (tokens_in - tokens_cached) * self.input + tokens_cached * cached + tokens_out * self.output
        return dollars / 1_000_000


SUPPLEMENT: Final[Mapping[str, Price]] = {
    # Amazon Bedrock's list prices of models that genai-prices does not keep any more, as of 2025-07.
    "anthropic.claude-instant-v1": Price(0.80, 2.40),
    "anthropic.claude-v2": Price(8.00, 24.00),
    "anthropic.claude-v2:1": Price(8.00, 24.00),
}


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The overrides before the package's table."""

    overrides: Mapping[str, Price]

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> PriceTable:
        """The table with the overrides of `LLM_PRICES`. ValueError with a sentence when these cannot be read."""
        text = variables.get(VARIABLE) or "{}"
        try:
            return cls({name: _price(entry) for name, entry in json.loads(text).items()})
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ValueError(
                f'{VARIABLE} must be a JSON object such as {{"my-model": {{"input": 0.15, "output": 0.6}}}}, '
                "in US dollars per million tokens."
            ) from error

    def cost(self, vendor: str, model: str, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float | None:
        """US dollars for a call, None for a model without a known price. `tokens_cached` is part of `tokens_in`."""
        price = self.overrides.get(f"{vendor}/{model}") or self.overrides.get(model) or SUPPLEMENT.get(model)
        if price is not None:
            return price.cost(tokens_in, tokens_out, tokens_cached)
        provider = _PROVIDER_IDS.get(vendor)
        return None if provider is None else _list_price(provider, model, tokens_in, tokens_out, tokens_cached)


def _price(entry: Mapping[str, Any]) -> Price:
    cached = entry.get("cached_input")
    price = Price(float(entry["input"]), float(entry["output"]), None if cached is None else float(cached))
    if any(not math.isfinite(p) or p < 0 for p in (price.input, price.output, price.cached_input or 0)):
        raise ValueError("a price is a number of 0 or more")
    return price


def _list_price(provider: str, model: str, tokens_in: int, tokens_out: int, tokens_cached: int) -> float | None:
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out, cache_read_tokens=tokens_cached or None)
    for name in _names(model):
        try:
            return float(calc_price(usage, name, provider_id=provider).total_price)
        except LookupError:
            continue
    return None


def _names(model: str) -> list[str]:
    """What the table may know a model as: by itself, out of an ARN, without the region's prefix."""
    names = [model]
    if model.startswith("arn:") and "/" in model:
        names.append(model.rsplit("/", 1)[1])
    for name in tuple(names):
        names += [name.removeprefix(region) for region in _REGIONS if name.startswith(region)]
    return [name.removeprefix("models/") for name in names]
