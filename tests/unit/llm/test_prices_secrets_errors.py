"""The smaller parts of the gateway: prices, keys, errors, who is asked where nobody is named."""

from __future__ import annotations

import json

import pytest

from llm_gateway.configuration import default_target, is_configured
from llm_gateway.errors import LlmError, LlmNotConfiguredError, redacted
from llm_gateway.prices import PriceTable
from llm_gateway.secrets import KEEP_SECONDS, SecretSource, environment_variables
from workflow_engine.agents.errors import FINAL_ERRORS, TRANSIENT_ERRORS
from workflow_engine.secret_names import secret_name


def test_list_prices_know_the_vendors_names_of_models() -> None:
    table = PriceTable({})
    million = 1_000_000
    assert table.cost("openai", "gpt-4o-mini", million, million) == pytest.approx(0.75)
    assert table.cost("openai", "gpt-4o-mini", million, 0, million) == pytest.approx(0.075)
    assert table.cost("gemini", "models/gemini-1.5-flash", million, 0) is not None
    assert table.cost("bedrock", "anthropic.claude-instant-v1", million, 0) == pytest.approx(0.8)
    profile = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"
    assert table.cost("bedrock", profile, million, 0) == table.cost("bedrock", "amazon.nova-lite-v1:0", million, 0) != 0
    assert table.cost("on-prem", "llama", 1, 1) is None
    assert table.cost("openai", "no-such-model", 1, 1) is None


def test_prices_can_be_overridden_by_model_and_by_vendor_and_model() -> None:
    given = {"llama": {"input": 1, "output": 2}, "on-prem/llama": {"input": 0, "output": 0}}
    table = PriceTable.from_variables({"LLM_PRICES": json.dumps(given)})
    assert table.cost("on-prem", "llama", 10, 10) == 0
    assert table.cost("openai", "llama", 1_000_000, 0) == 1


@pytest.mark.parametrize("text", ["[]", "{", '{"m": 1}', '{"m": {"input": 1}}', '{"m": {"input": "NaN", "output": 1}}'])
def test_prices_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="LLM_PRICES must be"):
        PriceTable.from_variables({"LLM_PRICES": text})


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({}, ("openai_textgen", "gpt-4o")),
        ({"OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}, ("openai_textgen", "gpt-4o")),
        ({"GEMINI_API_KEY": "k"}, ("gemini_textgen", None)),
        ({"ONPREM_BASE_URL": "http://models.local"}, ("on-prem_textgen", None)),
        ({"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "k"}, ("openai_textgen", "gpt-4o")),
        ({"OPENAI_API_KEY": "k", "LLM_DEFAULT_PROVIDER": "bedrock_textgen"}, ("bedrock_textgen", None)),
        ({"LLM_DEFAULT_PROVIDER": "on-prem_textgen", "LLM_DEFAULT_MODEL": "llama3"}, ("on-prem_textgen", "llama3")),
        ({"OPENAI_API_KEY": "k", "LLM_DEFAULT_MODEL": "gemini-2.5-pro"}, ("gemini_textgen", "gemini-2.5-pro")),
        ({"LLM_DEFAULT_PROVIDER": "", "LLM_DEFAULT_MODEL": ""}, ("openai_textgen", "gpt-4o")),
    ],
)
def test_where_nobody_is_named_the_default_is_asked(variables: dict[str, str], asked: tuple[str, str | None]) -> None:
    assert default_target(variables) == asked


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"LLM_DEFAULT_PROVIDER": "opnai"}, "LLM_DEFAULT_PROVIDER: There is no provider 'opnai'"),
        ({"LLM_DEFAULT_MODEL": "llama3"}, "Set LLM_DEFAULT_PROVIDER, too"),
    ],
)
def test_a_default_that_is_nobody_is_told_by_the_name_of_its_variable(variables: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        default_target(variables)


def test_a_vendor_is_configured_by_any_of_what_it_needs() -> None:
    assert is_configured("gemini", {"GEMINI_API_KEY": "x"})
    assert is_configured("bedrock", {"AWS_PROFILE": "dev"})
    assert not is_configured("openai", {"OPENAI_API_KEY": ""})


def test_the_errors_of_models_are_those_that_a_steps_retries_know() -> None:
    found = [error for error in LlmError.__subclasses__() if error.__module__ == LlmError.__module__]
    assert {e.__name__ for e in found if e.transient} == {n for n in TRANSIENT_ERRORS if n.startswith("Llm")}
    assert {e.__name__ for e in found if not e.transient} == {n for n in FINAL_ERRORS if n.startswith("Llm")}
    assert len({e.code for e in found}) == len(found)


def test_an_error_whose_kind_is_not_told_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="LlmOddError is transient or final"):
        type("LlmOddError", (LlmError,), {})


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abc*****xyz.",
        "key my-very-own-key is wrong",
        "GET /v1?key=AIzaSyA0000000000000 failed",
        "AKIAIOSFODNN7EXAMPLE may not",
        "Authorization: Bearer abc.def",
    ],
)
def test_keys_are_taken_out_of_messages(text: str) -> None:
    clean = redacted(text, ["my-very-own-key"])
    assert "[secret]" in clean
    assert not any(key in clean for key in ("sk-proj", "my-very", "AIzaSy", "AKIAIO", "abc.def"))


class Vault:
    """Secrets by name, and how often they were read."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = secrets
        self.reads: list[str] = []

    def get(self, name: str) -> str | None:
        self.reads.append(name)
        return self.secrets.get(name)


def test_the_tenants_secret_goes_before_the_deployments_and_that_before_the_environment() -> None:
    vault = Vault(main='{"A": "deployment", "B": "deployment"}')
    vault.secrets["p/acme"] = '{"A": "acme"}'
    environment = {"A": "env", "B": "env", "C": "env", "LLM_SECRET_ARN": "main", "LLM_TENANT_SECRET_PREFIX": "p/"}
    source = SecretSource(environment, get_secret=vault.get)
    acme = source.for_tenant("acme").variables
    other = source.for_tenant("other").variables
    assert [acme[name] for name in "ABC"] == ["acme", "deployment", "env"]
    assert [other[name] for name in "ABC"] == ["deployment", "deployment", "env"]


def test_aws_credentials_of_two_sources_are_not_mixed() -> None:
    vault = Vault()
    vault.secrets["p/acme"] = '{"AWS_ACCESS_KEY_ID": "theirs", "AWS_SECRET_ACCESS_KEY": "s"}'
    environment = {"AWS_ACCESS_KEY_ID": "ours", "AWS_SESSION_TOKEN": "t", "LLM_TENANT_SECRET_PREFIX": "p/"}
    variables = SecretSource(environment, get_secret=vault.get).for_tenant("acme").variables
    assert variables["AWS_ACCESS_KEY_ID"] == "theirs"
    assert "AWS_SESSION_TOKEN" not in variables


def test_a_key_is_never_sent_to_the_address_of_another() -> None:
    vault = Vault(main='{"OPENAI_API_KEY": "deployment", "ONPREM_API_KEY": "d", "ONPREM_BASE_URL": "http://d"}')
    vault.secrets["p/acme"] = '{"OPENAI_BASE_URL": "https://acme.example", "ONPREM_BASE_URL": "http://acme"}'
    environment = {"LLM_SECRET_ARN": "main", "LLM_TENANT_SECRET_PREFIX": "p/"}
    variables = SecretSource(environment, get_secret=vault.get).for_tenant("acme").variables
    assert not {"OPENAI_API_KEY", "ONPREM_API_KEY"} & variables.keys()
    assert variables["ONPREM_BASE_URL"] == "http://acme"


def test_secrets_are_kept_for_a_while_and_then_read_anew() -> None:
    vault, time = Vault(main="{}"), [0.0]
    source = SecretSource({"LLM_SECRET_ARN": "main"}, get_secret=vault.get, clock=lambda: time[0])
    for _ in range(3):
        source.for_tenant("a")
    assert vault.reads == ["main"]
    time[0] += KEEP_SECONDS + 1
    source.for_tenant("a")
    assert vault.reads == ["main", "main"]


def test_a_tenant_may_name_only_what_is_its_own() -> None:
    vault = Vault(main='{"MCP_OPERATORS": "s1", "OPENAI_API_KEY": "s2"}')
    vault.secrets["p/acme"] = '{"MCP_MINE": "m", "OPENAI_API_KEY": "k"}'
    environment = {"MCP_ENV": "e", "LLM_SECRET_ARN": "main", "LLM_TENANT_SECRET_PREFIX": "p/"}
    assert SecretSource(environment, get_secret=vault.get).for_tenant("acme").own == {"MCP_MINE": "m"}
    owner = SecretSource({**environment, "LLM_OWNER_TENANT": "acme"}, get_secret=vault.get).for_tenant("acme").own
    assert owner == {"MCP_MINE": "m", "MCP_ENV": "e", "MCP_OPERATORS": "s1"}


@pytest.mark.parametrize("text", [None, "no json", "[]", '{"A": 1}'])
def test_a_secret_of_the_deployment_that_cannot_be_read_is_an_error(text: str | None) -> None:
    source = SecretSource({"LLM_SECRET_ARN": "main"}, get_secret=lambda _: text)
    with pytest.raises(LlmNotConfiguredError):
        source.for_tenant("a")


def test_no_two_tenants_share_a_secret() -> None:
    names = ["a:b", "a=3Ab", "a_b", "a/b", "ä"]
    assert len({secret_name(name) for name in names}) == len(names)
    assert secret_name("acme") == "acme"


def test_secrets_do_not_show_in_a_representation() -> None:
    source = SecretSource({"OPENAI_API_KEY": "sk-hidden"}, get_secret=lambda _: None)
    assert "sk-hidden" not in repr(source.for_tenant("a"))


def test_variables_can_be_laid_over_the_environment() -> None:
    environment = {"A": "1", "B": "2", "LLM_VARIABLES": '{"A": null, "C": "3"}'}
    assert environment_variables(environment) == {"B": "2", "C": "3"}
