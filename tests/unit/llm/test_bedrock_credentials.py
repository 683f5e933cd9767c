"""Which credentials, region and endpoint Bedrock is asked with."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from botocore.exceptions import DataNotFoundError, UnauthorizedSSOTokenError

from llm_gateway.errors import LlmAuthenticationError, LlmNotConfiguredError, LlmUnavailableError
from llm_gateway.providers.bedrock.errors import error_of
from llm_gateway.providers.bedrock.provider import BedrockProvider
from tests.support.aws_played import played_aws
from tests.support.llm.bedrock_provider import ACCESS_KEY, CLAUDE, KEYS, SECRET_KEY, ask, bedrock
from tests.support.llm.bedrock_wire import converse, error, text, text_stream
from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply

TOKEN = "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t"


@pytest.fixture(autouse=True)
def _no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*KEYS, "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def authorization(**variables: str) -> str:
    """How Bedrock is asked with these variables."""
    with VendorServer(converse(text("Hi."))) as server:
        bedrock(server, **variables).generate(CLAUDE, ask())
    return server.requests[0].headers["authorization"]


def test_keys_of_the_variables_go_before_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "another-token")

    assert f"Credential={ACCESS_KEY}/" in authorization(**KEYS)


def test_a_session_token_is_sent() -> None:
    with VendorServer(converse(text("Hi."))) as server:
        bedrock(server, **KEYS, AWS_SESSION_TOKEN="FwoGZXIvYXdz").generate(CLAUDE, ask())

    assert server.requests[0].headers["x-amz-security-token"] == "FwoGZXIvYXdz"


def test_an_api_key_is_sent_as_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "the-token-of-the-process")

    with VendorServer(converse(text("Hi.")), text_stream("Hi.")) as server:
        provider = bedrock(server, AWS_BEARER_TOKEN_BEDROCK=TOKEN, AWS_REGION="eu-west-1")
        provider.generate(CLAUDE, ask())
        list(provider.stream(CLAUDE, ask()))

    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 2


def test_an_api_key_goes_before_access_keys() -> None:
    assert authorization(**KEYS, AWS_BEARER_TOKEN_BEDROCK=TOKEN) == f"Bearer {TOKEN}"


def test_an_api_key_stands_in_no_error() -> None:
    reply = error("AccessDeniedException", f"The API key {TOKEN} is not valid.", 403)

    with VendorServer(reply) as server, pytest.raises(LlmAuthenticationError) as caught:
        bedrock(server, AWS_BEARER_TOKEN_BEDROCK=TOKEN, AWS_REGION="eu-west-1").generate(CLAUDE, ask())

    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"BEDROCK_REGION": "us-west-2", "AWS_REGION": "eu-west-1"}, "us-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-north-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1"),
    ],
)
def test_the_region_of_bedrock_goes_before_others(variables: dict[str, str], region: str) -> None:
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

    assert f"/{region}/bedrock/aws4_request" in authorization(**keys, **variables)


def test_a_profile_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\n")
    (tmp_path / "config").write_text("[profile work]\nregion = ap-south-1\n")

    assert "Credential=AKIAWORK/" in (sent := authorization(AWS_PROFILE="work"))
    assert "/ap-south-1/" in sent


def test_credentials_of_a_container_are_fetched_though_the_environment_has_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"AccessKeyId": "ASIACONTAINER", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")

    def answer(received: Received) -> Reply:
        return json_reply(given) if received.method == "GET" else converse(text("Hi."))

    with VendorServer(answer=answer) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/credentials")
        variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/credentials", "AWS_REGION": "eu-west-1"}
        bedrock(server, **variables).generate(CLAUDE, ask())

    assert "Credential=ASIACONTAINER/" in server.requests[-1].headers["authorization"]


def test_the_credentials_of_the_process_are_not_used_by_who_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")

    with VendorServer() as server, pytest.raises(LlmNotConfiguredError, match="AWS_ACCESS_KEY_ID"):
        bedrock(server, AWS_REGION="eu-west-1").generate(CLAUDE, ask())


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_REGION": "eu-west-1"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_PROFILE": "nobody", "AWS_REGION": "eu-west-1"}, "nobody"),
        ({"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}, "BEDROCK_REGION"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere", "AWS_REGION": "eu-west-1"}, "credentials"),
    ],
)
def test_what_is_missing_is_told(variables: dict[str, str], told: str) -> None:
    with VendorServer() as server:
        with pytest.raises(LlmNotConfiguredError, match=told):
            bedrock(server, **variables).generate(CLAUDE, ask())
        with pytest.raises(LlmNotConfiguredError, match=told):
            next(bedrock(server, **variables).stream(CLAUDE, ask()))


def test_the_endpoint_of_the_process_is_not_that_of_these_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with VendorServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        client = BedrockProvider(KEYS)._clients.client(1)

    assert client.meta.endpoint_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"


def test_moto_lets_requests_to_a_named_endpoint_through() -> None:
    with played_aws(), VendorServer(converse(text("Hi.")), text_stream("Hi.")) as server:
        provider = bedrock(server)
        provider.generate(CLAUDE, ask())
        list(provider.stream(CLAUDE, ask()))

    assert [f"Credential={ACCESS_KEY}/" in r.headers["authorization"] for r in server.requests] == [True, True]


def test_moto_lets_requests_to_aws_through_only_if_it_is_told_to() -> None:
    with played_aws():
        assert not leaves_moto()
    with played_aws({"core": {"passthrough": {"urls": [r"https://bedrock-runtime[.-]"]}}}):
        assert leaves_moto()


def leaves_moto() -> bool:
    """Whether a request to AWS itself would go out to the network; it is stopped there."""
    client = BedrockProvider(KEYS)._clients.client(1)
    went_out = threading.Event()

    def stop(**_: object) -> None:
        went_out.set()
        raise ConnectionAbortedError

    client.meta.events.register_last("before-send", stop)
    with pytest.raises((NotImplementedError, ConnectionAbortedError)):
        client.converse(modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": "Hello!"}]}])
    return went_out.is_set()


def test_clients_are_kept_for_each_timeout_but_not_without_end() -> None:
    clients = BedrockProvider(KEYS)._clients

    assert clients.client(28.71) is clients.client(28.3)
    first = clients.client(28.71)
    assert first.meta.config.read_timeout == 28
    assert first.meta.config.connect_timeout == 10
    for seconds in range(1, 20):
        clients.client(seconds)
    assert clients.client(28.71) is not first
    assert clients.client(0.001).meta.config.read_timeout == 0.1


def test_many_providers_leave_no_more_behind_than_one() -> None:
    from llm_gateway.providers.bedrock.clients import _loader

    for _ in range(20):
        BedrockProvider(KEYS)._clients.client(1)

    assert len(_loader(None).search_paths) < 8


def test_a_session_that_has_run_out_is_told_apart_from_a_service_that_is_not_there() -> None:
    expired = UnauthorizedSSOTokenError()
    unknown = DataNotFoundError(data_path="bedrock-runtime")

    assert type(error_of(expired, CLAUDE, ())) is LlmAuthenticationError
    assert type(error_of(unknown, CLAUDE, ())) is LlmUnavailableError
