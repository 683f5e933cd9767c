"""Clients of Bedrock's runtime, made from configuration variables.

Which credentials are used, the first that there is: a Bedrock API key, access keys, and else whatever boto3 finds by
itself, but only if the variables say that there is something to be found. So a tenant without credentials of its own is
never served with those of the process. AWS's guide "AWS SDKs and Tools" names the variables.
"""

from __future__ import annotations

import functools
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from llm_gateway.configuration import is_configured
from llm_gateway.errors import LlmNotConfiguredError

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.loaders import Loader
    from botocore.session import Session as CoreSession
    from botocore.tokens import FrozenAuthToken

MAX_CLIENTS: Final = 16
MAX_CONNECT_SECONDS: Final = 10.0
MIN_TIMEOUT_SECONDS: Final = 0.1
_MAX_CONNECTIONS: Final = 32

_SECRETS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK")
_REGIONS: Final = ("BEDROCK_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL")


class BedrockRuntime(Protocol):
    """What is used of boto3's client `bedrock-runtime`."""

    @property
    def meta(self) -> Any:
        """Its `service_model` describes the operations."""

    def converse(self, **arguments: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"""

    def converse_stream(self, **arguments: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html"""

    def invoke_model(self, **arguments: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html"""


class BedrockClients:
    """One session of its own, and a client for every timeout that is asked for. May be used by many threads."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {name: value for name, value in variables.items() if value}
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._clients: OrderedDict[float, BedrockRuntime] = OrderedDict()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must stand in no text."""
        return tuple(self._variables[name] for name in _SECRETS if name in self._variables)

    def client(self, timeout_seconds: float) -> BedrockRuntime:
        """A client that waits no longer than this to connect, and than this for each piece of an answer.

        Raises LlmNotConfiguredError without credentials, and botocore's errors for a profile or region that is not there.
        """
        timeout = _rounded_down(timeout_seconds)
        with self._lock:  # sessions are not thread-safe, clients are (boto3's guide, "Multithreading with clients")
            client = self._clients.pop(timeout, None) or self._make_client(timeout)
            self._clients[timeout] = client
            if len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        return client

    def _make_client(self, timeout: float) -> BedrockRuntime:
        from botocore.config import Config

        if self._session is None:
            self._session = self._make_session()
        endpoint = self._first(_ENDPOINTS)
        is_chain = not self._has_token and not self._has_keys
        config = Config(
            connect_timeout=min(timeout, MAX_CONNECT_SECONDS),
            read_timeout=timeout,
            retries={"total_max_attempts": 1},  # the gateway tries again, for all vendors alike
            max_pool_connections=_MAX_CONNECTIONS,
            # Always said, since botocore would else prefer a Bedrock API key of the process's environment to these keys.
            signature_version="bearer" if self._has_token else "v4",
            # A profile may well name its endpoint; another's environment may not send these keys anywhere.
            ignore_configured_endpoint_urls=endpoint is None and not is_chain,  # type: ignore[call-arg]  # not in the stubs
        )
        client: BedrockRuntime = self._session.client("bedrock-runtime", endpoint_url=endpoint, config=config)
        return client

    def _make_session(self) -> Session:
        import boto3.session
        import botocore.session

        if not is_configured("bedrock", self._variables):
            raise LlmNotConfiguredError(
                "Bedrock needs AWS credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a role, or a"
                " Bedrock API key in AWS_BEARER_TOKEN_BEDROCK."
            )
        core = botocore.session.get_session()
        loader = _loader(core.get_config_variable("data_path"))
        loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # every boto3 session adds its own folder to them
        core.register_component("data_loader", loader)
        region = self._first(_REGIONS)
        if self._has_token:
            _use_token(core, self._variables["AWS_BEARER_TOKEN_BEDROCK"])
            return boto3.session.Session(botocore_session=core, region_name=region)
        if self._has_keys:
            return boto3.session.Session(*self._keys(), botocore_session=core, region_name=region)
        profile = self._variables.get("AWS_PROFILE")
        session = boto3.session.Session(botocore_session=core, region_name=region, profile_name=profile)
        # Keys that stand in the environment but not in the variables are another's (moto sets such, for one).
        core.get_component("credential_provider").remove("env")
        return session

    @property
    def _has_token(self) -> bool:
        return "AWS_BEARER_TOKEN_BEDROCK" in self._variables

    @property
    def _has_keys(self) -> bool:
        return "AWS_ACCESS_KEY_ID" in self._variables

    def _keys(self) -> tuple[str, str, str | None]:
        secret = self._variables.get("AWS_SECRET_ACCESS_KEY")
        if secret is None:
            raise LlmNotConfiguredError("There is AWS_ACCESS_KEY_ID for Bedrock, but no AWS_SECRET_ACCESS_KEY.")
        return self._variables["AWS_ACCESS_KEY_ID"], secret, self._variables.get("AWS_SESSION_TOKEN")

    def _first(self, names: tuple[str, ...]) -> str | None:
        return next((self._variables[name] for name in names if name in self._variables), None)


@functools.cache
def _loader(data_path: str | None) -> Loader:
    """What reads the descriptions of services, which are the same for all sessions; reading them anew is most of the time
    that a session's first client takes.
    """
    from botocore.loaders import create_loader

    return create_loader(data_path)


class _StaticToken:
    """A provider of botocore's token chain that has one token (`botocore.tokens.TokenProviderChain`)."""

    METHOD = "llm-gateway"

    def __init__(self, token: str) -> None:
        self._token = token

    def load_token(self, **_: object) -> FrozenAuthToken:
        """The token, whatever it is for: the session is used for Bedrock alone."""
        from botocore.tokens import FrozenAuthToken

        return FrozenAuthToken(self._token)


def _use_token(core: CoreSession, token: str) -> None:
    """Make a session sign with a Bedrock API key.

    botocore takes one from its token chain, which by itself looks into the environment and into SSO's cache. Without any
    provider of credentials it does not search for these, up to the instance's metadata over the network.
    """
    from botocore.credentials import CredentialResolver
    from botocore.tokens import TokenProviderChain

    core.register_component("token_provider", TokenProviderChain([_StaticToken(token)]))
    core.register_component("credential_provider", CredentialResolver([]))


def _rounded_down(seconds: float) -> float:
    """Two significant digits, so that deadlines that come nearer by and by need few clients."""
    seconds = max(seconds, MIN_TIMEOUT_SECONDS)
    step = 10.0 ** (math.floor(math.log10(seconds)) - 1)
    return round(math.floor(seconds / step) * step, 6)
