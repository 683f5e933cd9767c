"""What is taken for a secret, and that it is gone wherever it stands."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from workflow_engine.redaction import REDACTED, Redactor, is_secret_name, known_secrets


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db-password",
        "DB_PASSWORD",
        "userPassword",
        "apiKey",
        "X-Api-Key",
        "apikey",
        "AWS_SECRET_ACCESS_KEY",
        "clientSecret",
        "clientsecret",
        "Authorization",
        "Set-Cookie",
        "token",
        "taskToken",
        "accesstoken",
        "refresh_tokens",
        "private_key",
        "connectionString",
        "credentials",
    ],
)
def test_names_of_secrets_are_known_in_any_style(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "tokens_in", "token_count", "tokenizer", "primary_key", "key", "monkey", "author", "secretary", ""],
)
def test_names_that_only_sound_like_secrets_are_none(name: str) -> None:
    assert not is_secret_name(name)


def test_what_stands_under_a_secret_name_is_gone_at_any_depth() -> None:
    told = Redactor().value({"a": [{"password": "hunter2", "auth_tokens": ["x", {"y": 1}], "n": 1}], "token": None})
    assert told == {"a": [{"password": REDACTED, "auth_tokens": REDACTED, "n": 1}], "token": None}


def test_a_value_that_stood_under_a_secret_name_is_gone_in_every_text() -> None:
    redactor = Redactor()
    redactor.learn({"login": {"password": "correct horse"}})
    assert redactor.text("no user with 'correct horse' here") == f"no user with '{REDACTED}' here"
    assert redactor.value({"note": "correct horse"}) == {"note": REDACTED}


@pytest.mark.parametrize("secret", ['say "hi"\n', "naïve-pässword", "a b&c=d/e?", "back\\slash"])
def test_a_secret_is_found_as_json_and_urls_write_it(secret: str) -> None:
    redactor = Redactor([secret])
    for written in (
        secret,
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        f"https://x/?v={quote(secret)}",
    ):
        told = redactor.text(written)
        assert REDACTED in told
        assert secret not in told


def test_the_credentials_of_an_authorization_header_are_a_secret_by_themselves() -> None:
    redactor = Redactor()
    redactor.learn({"headers": {"Authorization": "Token abcdef-ghijkl"}})
    assert redactor.text("server refused abcdef-ghijkl") == f"server refused {REDACTED}"


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "sk-proj-abcdefghij0123456789",
        "ghp_abcdefghijklmnopqrstuvwxyz0123",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_key_is_gone_wherever_it_stands(text: str) -> None:
    assert Redactor().text(f"got <{text}> there") == f"got <{REDACTED}> there"


def test_of_a_url_and_a_header_only_the_secret_part_goes() -> None:
    redactor = Redactor()
    assert redactor.text("https://me:pw@host/a?api_key=12ab&n=1") == f"https://{REDACTED}@host/a?api_key={REDACTED}&n=1"
    assert redactor.text("sent Bearer abc.def-123 to it") == f"sent Bearer {REDACTED} to it"
    assert redactor.text('{"password": "hunter2"}') == f'{{"password": "{REDACTED}"}}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("DB_PASSWORD=supersecret1", f"DB_PASSWORD={REDACTED}"),
        ("x-api-key: abcd1234", f"x-api-key: {REDACTED}"),
        ("client_secret=abcd12345&x=1", f"client_secret={REDACTED}&x=1"),
        ("aws_secret_access_key=abcdefgh1234/+=", f"aws_secret_access_key={REDACTED}"),
        ("password=ab\\cd12345 next", f"password={REDACTED} next"),
        (json.dumps({"Cause": json.dumps({"password": "hunter22", "x": 1})}), None),
        (json.dumps(json.dumps({"Cause": json.dumps({"password": "hunter22", "x": 1})})), None),
    ],
)
def test_what_follows_the_name_of_a_secret_in_a_text_is_one(text: str, told: str | None) -> None:
    assert Redactor().text(text) == (told or text.replace("hunter22", REDACTED))


def test_ordinary_words_and_names_of_secrets_stay() -> None:
    text = "A bearer of good news, a basic understanding, the key points, STEP_SECRET_CRM"
    assert Redactor().text(text) == text
    assert Redactor().value({"secret": "STEP_SECRET_CRM"}) == {"secret": "STEP_SECRET_CRM"}


def test_a_short_secret_does_not_tear_words_apart() -> None:
    redactor = Redactor()
    redactor.learn({"password": "cat"})
    assert redactor.text("concatenate") == "concatenate"


def test_secrets_of_the_environment_are_those_of_secret_names_and_some_length() -> None:
    environment = {
        "STEP_SECRET_CRM": "abcdefgh",
        "OPENAI_API_KEY": "ijklmnop",
        "AUTH_TOKEN": "short",
        "PWD": "/home/me/project",
        "HOME": "/home/me",
    }
    assert set(known_secrets(environment)) == {"abcdefgh", "ijklmnop"}
