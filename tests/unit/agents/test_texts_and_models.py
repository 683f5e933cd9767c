"""Placeholders in texts, and what names of models and providers tell."""

from __future__ import annotations

import pytest

from workflow_engine.agents.placeholders import names_in, render
from workflow_engine.agents.retired_models import retirement
from workflow_engine.agents.vendors import split, vendor_of_model


def test_placeholders_are_filled_in_and_other_braces_stay() -> None:
    text = 'Hi {name} and {{ other }}, answer as {"score": 1} or {unknown}.'
    assert names_in(text) == ["name", "other", "unknown"]
    assert render(text, {"name": "Ann", "other": [1]}) == 'Hi Ann and [1], answer as {"score": 1} or {unknown}.'


def test_a_value_with_braces_is_not_looked_into() -> None:
    assert render("{a} {b}", {"a": "{b}", "b": 1}) == "{b} 1"
    assert render("{a}", {"a": None}) == ""


@pytest.mark.parametrize(
    "model", ["gemini-1.5-flash", "anthropic.claude-instant-v1", "us.anthropic.claude-v2:1", "text-davinci-003"]
)
def test_retired_models_are_known(model: str) -> None:
    sentence = retirement(model)
    assert sentence is not None
    assert model in sentence


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gemini-2.5-flash", "anthropic.claude-sonnet-4-5-v1:0", "llama3"])
def test_others_are_not_called_retired(model: str) -> None:
    assert retirement(model) is None


def test_a_providers_name_is_a_vendor_and_what_it_does() -> None:
    assert split("on-prem_textgen") == ("on-prem", "textgen")
    assert split("bedrock") == ("bedrock", "textgen")
    with pytest.raises(ValueError, match="no provider 'opnai'"):
        split("opnai")


def test_names_of_models_tell_their_vendor() -> None:
    assert vendor_of_model("gpt-4o-mini") == "openai"
    assert vendor_of_model("gemini-1.5-flash") == "gemini"
    assert vendor_of_model("anthropic.claude-instant-v1") == "bedrock"
    assert vendor_of_model("llama3") is None
