from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tests.support.http_events import request, sample
from workflow_engine.errors import ForbiddenError
from workflow_engine.http.caller import caller_of, claim_values
from workflow_engine.usecases.engine import Caller

SESSION = "arn:aws:sts::123456789012:assumed-role/Analysts/session"


def signed_by(user_arn: str = SESSION) -> APIGatewayProxyEventV2:
    event = sample("http_api_post")
    event["requestContext"]["authorizer"]["iam"]["userArn"] = user_arn
    return APIGatewayProxyEventV2(event)


def with_token(**claims: object) -> APIGatewayProxyEventV2:
    event = sample("http_api_get")
    event["requestContext"]["authorizer"]["jwt"]["claims"] |= claims
    return APIGatewayProxyEventV2(event)


ANONYMOUS = APIGatewayProxyEventV2(request("GET", "/executions"))


def test_locally_everyone_is_the_default_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "local")
    assert caller_of(ANONYMOUS) == Caller(tenant_id="default", user_id=None, roles=None)


def test_locally_everyone_has_every_role_and_a_caller_without_roles_has_none() -> None:
    assert Caller("default", None, roles=None).has_role("manager")
    assert not Caller("default", "me").has_role("manager")


def test_with_a_token_the_roles_are_the_configured_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "jwt")
    monkeypatch.setenv("TENANT_CLAIM", "org")
    token = with_token(**{"cognito:groups": "[manager finance]"})
    assert caller_of(token).roles == frozenset()
    monkeypatch.setenv("ROLES_CLAIM", "cognito:groups")
    assert caller_of(token).roles == frozenset({"manager", "finance"})
    assert caller_of(with_token()).roles == frozenset()


def test_a_signer_has_the_roles_that_the_mapping_gives_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "iam")
    monkeypatch.setenv("CALLER_ROLES", json.dumps({"arn:aws:iam::123456789012:role/Analysts": "manager, finance"}))
    assert caller_of(signed_by()).roles == frozenset({"manager", "finance"})
    assert caller_of(signed_by("arn:aws:iam::123456789012:user/manager")).roles == frozenset()


@pytest.mark.parametrize("mode", ["", "none", "LOCAL", "iam", "jwt"])
def test_without_an_authoriser_nobody_is_answered(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("AUTH_MODE", mode)
    with pytest.raises(ForbiddenError):
        caller_of(ANONYMOUS)


def test_an_api_without_a_mode_answers_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTH_MODE", raising=False)
    with pytest.raises(ForbiddenError, match="AUTH_MODE"):
        caller_of(signed_by())


def test_with_a_token_the_tenant_is_the_configured_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "jwt")
    monkeypatch.setenv("TENANT_CLAIM", "org")
    assert caller_of(with_token()) == Caller(tenant_id="acme", user_id="user-7")


def test_a_list_of_one_tenant_is_that_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "jwt")
    monkeypatch.setenv("TENANT_CLAIM", "org")
    for claim in ("[acme]", "[ acme ]", ["acme"]):
        assert caller_of(with_token(org=claim)) == Caller(tenant_id="acme", user_id="user-7")


@pytest.mark.parametrize("claim", ["[acme globex]", "[acme, globex]", "[acme,globex]", ["acme", "globex"]])
def test_a_token_of_two_tenants_is_forbidden(monkeypatch: pytest.MonkeyPatch, claim: object) -> None:
    monkeypatch.setenv("AUTH_MODE", "jwt")
    monkeypatch.setenv("TENANT_CLAIM", "org")
    with pytest.raises(ForbiddenError, match="names 2 tenants"):
        caller_of(with_token(org=claim))


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        ("[admin ops]", ("admin", "ops")),
        ("[]", ()),
        ("[]]", ("]",)),
        ("admin", ("admin",)),
        ("[admin", ("[admin",)),
        (["a", 1, "b"], ("a", "b")),
        (7, ()),
        (None, ()),
        ({"a": 1}, ()),
    ],
)
def test_a_claim_is_read_as_the_list_that_it_was(claim: object, values: tuple[str, ...]) -> None:
    assert claim_values(claim) == values


@pytest.mark.parametrize("claim", ["", "[]", "[a#b]", "[acme", [], [7], {"id": "acme"}, "a#b", 7, None, "x" * 129])
def test_a_token_without_a_usable_tenant_is_forbidden(monkeypatch: pytest.MonkeyPatch, claim: object) -> None:
    monkeypatch.setenv("AUTH_MODE", "jwt")
    monkeypatch.setenv("TENANT_CLAIM", "org")
    with pytest.raises(ForbiddenError, match="'org'"):
        caller_of(with_token(org=claim))


def test_without_a_configured_claim_every_token_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "jwt")
    monkeypatch.delenv("TENANT_CLAIM", raising=False)
    with pytest.raises(ForbiddenError):
        caller_of(with_token())


def test_with_iam_the_tenant_is_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "iam")
    monkeypatch.delenv("TENANT_ROLES", raising=False)
    assert caller_of(signed_by()) == Caller(tenant_id="123456789012", user_id=SESSION)


def test_with_iam_a_role_may_be_mapped_to_a_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "iam")
    monkeypatch.setenv("TENANT_ROLES", json.dumps({"arn:aws:iam::123456789012:role/Analysts": "acme"}))
    assert caller_of(signed_by()).tenant_id == "acme"
    assert caller_of(signed_by(SESSION.replace("Analysts", "Others"))).tenant_id == "123456789012"
    assert caller_of(signed_by("arn:aws:iam::123456789012:user/Analysts")).tenant_id == "123456789012"


def test_a_token_does_not_count_where_iam_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "iam")
    with pytest.raises(ForbiddenError):
        caller_of(with_token())
