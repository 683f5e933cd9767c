"""Where a step of execution_type http is sent, as a client registers it: checked once, and kept as every run is given it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from workflow_engine.aws_quotas import FUNCTION_SECONDS
from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import DocumentModel, refers_to
from workflow_engine.outbound_headers import CREDENTIAL, header_problem, may_carry_key, secret_may_go_to
from workflow_engine.usecases.bodies.fields import read_fields

DEFAULT_SECONDS: Final = 30
MAX_SECONDS: Final = FUNCTION_SECONDS - 10
"""The rest is for the start of the function and for handing over the answer."""

MAX_URL: Final = 2048
MAX_HEADERS: Final = 50

_PLACE: Final = "/endpoint_config"
_UNFIT_IN_URL: Final = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]")


class EndpointAuth(DocumentModel):
    """How the endpoint knows its caller."""

    type: Literal["bearer", "basic", "api_key"]
    secret: str
    """A variable of the tenant's own secret, STEP_SECRET_...; its value is never sent here."""
    username: Annotated[str, Field(max_length=256)] | None = None
    """For type basic."""
    header: str | None = None
    """For type api_key."""

    PLACEHOLDERS = {"type": "bearer", "secret": ""}  # noqa: RUF012  # as in the base class


class EndpointConfig(DocumentModel):
    """What a client posts as `endpoint_config`."""

    url: str
    """Where the step's payload is sent. A public address, or one that the deployment allows; up to 2,048 characters."""
    method: str | None = None
    """POST, PUT or PATCH. Default: POST."""
    headers: dict[str, str] | None = None
    """At most 50, without credentials."""
    auth: Annotated[dict[str, Any] | None, refers_to("usecases.steps.endpoint_config:EndpointAuth")] = None
    timeout_seconds: float | None = None
    """Whole seconds, 1 to 890. Default: 30."""
    timeout: float | None = None
    """An older name of timeout_seconds."""

    PLACEHOLDERS = {"url": ""}  # noqa: RUF012  # as in the base class


def endpoint_config(body: Json, allowed_hosts: str) -> dict[str, Any]:
    """`{url, method, headers, auth, timeout_seconds}`, all of them given: how `step_http` calls the endpoint, without secrets.

    `allowed_hosts` is the text of `STEP_HTTP_ALLOWED_HOSTS`. Raises InvalidRequestError with pointers below /endpoint_config.
    """
    fields = _read(EndpointConfig, body, _PLACE)
    scheme, host = _check_url(fields.url, allowed_hosts)
    method = (fields.method or "POST").upper()
    if method not in ("POST", "PUT", "PATCH"):
        raise _at("method", "A step is sent to its endpoint as a body, so the method is POST, PUT or PATCH.")
    auth = None if fields.auth is None else _auth(_read(EndpointAuth, fields.auth, f"{_PLACE}/auth"))
    if auth and not secret_may_go_to(scheme, host):
        raise _at("auth", "A secret is sent over https only. Give an https address.")
    headers = fields.headers or {}
    _check_headers(headers)
    return {
        "url": fields.url,
        "method": method,
        "headers": headers,
        "auth": auth,
        "timeout_seconds": _seconds(fields),
    }


def _read(model: type[Any], body: Json, place: str) -> Any:
    """`read_fields` with pointers below `place`."""
    try:
        return read_fields(model, body)
    except InvalidRequestError as error:
        errors = [{**e, "pointer": place + e["pointer"]} for e in error.errors]
        raise InvalidRequestError(error.detail, errors=errors) from None


def _at(name: str, detail: str) -> InvalidRequestError:
    return InvalidRequestError.at(f"{_PLACE}/{name}", detail)


def _check_url(url: str, allowed_hosts: str) -> tuple[str, str]:
    """Scheme and host of a URL that a step may be sent to, as far as can be told before the call."""
    from workflow_engine.outbound import AddressPolicy, AddressRefusedError

    if len(url) > MAX_URL:
        raise _at("url", f"The URL has {len(url):,} characters; {MAX_URL:,} are the most.")
    try:
        leads_to = AddressPolicy.from_text(allowed_hosts).check_url(url)
    except AddressRefusedError as error:
        raise _at("url", error.detail) from None
    parts = urlsplit(url)
    if unfit := _UNFIT_IN_URL.search(parts.path + parts.query):
        raise _at("url", f"The URL holds '{unfit[0]}', which has to be percent-encoded. It is sent as it is written.")
    if "#" in url:
        raise _at("url", "The URL has a fragment, which no server is sent. Remove it.")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if CREDENTIAL.fullmatch(name):
            raise _at("url", f"The query parameter '{name}' looks like a credential, and URLs are shown. Use 'auth'.")
    return leads_to.scheme, leads_to.host


def _check_headers(headers: Mapping[str, str]) -> None:
    if len(headers) > MAX_HEADERS:
        raise _at("headers", f"There are {len(headers)} headers; {MAX_HEADERS} are the most.")
    seen: set[str] = set()
    for name, value in headers.items():
        if problem := header_problem(name, value, seen):
            raise InvalidRequestError.at(_PLACE + pointer("headers", name), problem)
        seen.add(name.lower())


def _auth(fields: EndpointAuth) -> dict[str, Any]:
    from workflow_engine.tenant_secrets import NAME_RULE, SECRET_NAME

    if not SECRET_NAME.fullmatch(fields.secret):
        raise _at("auth/secret", f"The name of a secret is {NAME_RULE}. The secret itself stays out.")
    own = {"bearer": (), "basic": ("username",), "api_key": ("header",)}[fields.type]
    for name in ("username", "header"):
        given = getattr(fields, name) is not None
        if given and name not in own:
            raise _at(f"auth/{name}", f"Auth of type '{fields.type}' has no '{name}'.")
        if not given and name in own:
            raise _at("auth", f"Auth of type '{fields.type}' needs '{name}'.")
    if fields.username is not None and (":" in fields.username or not fields.username.isprintable()):
        raise _at("auth/username", "A user name has no colon and no control characters (RFC 7617, 2).")
    if fields.header is not None:
        name = fields.header.lower()
        if not may_carry_key(name):
            raise _at("auth/header", f"'{fields.header[:100]}' cannot carry an API key. Usual is X-API-Key.")
    own_fields = {name: getattr(fields, name) for name in own}
    return {"type": fields.type, "secret": fields.secret, **own_fields}


def _seconds(fields: EndpointConfig) -> int:
    name = "timeout_seconds" if fields.timeout is None else "timeout"
    value = fields.timeout_seconds if fields.timeout is None else fields.timeout
    if fields.timeout is not None and fields.timeout_seconds not in (None, fields.timeout):
        raise _at("timeout", "'timeout' is another name of 'timeout_seconds', and the two differ. Send one.")
    if value is None:
        return DEFAULT_SECONDS
    if not 1 <= value <= MAX_SECONDS or value != int(value):
        raise _at(name, f"An endpoint may take a whole number of seconds from 1 to {MAX_SECONDS}.")
    return int(value)
