"""What a deployment is set to: one frozen dataclass, read from CDK's context and checked here.

The context's `stages` (in cdk.json) gives the settings of each stage; `-c NAME=VALUE` on the command line overrides one
of them. Nothing here imports CDK.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from workflow_engine.agents.vendors import PROVIDER_TYPES, vendor_of_model
from workflow_engine.machines.idleness import MIN_IDLE_DAYS
from workflow_engine.settings import ARCHIVES, TUNES
from workflow_engine.store.shards import MAX_SHARDS

Auth = Literal["iam", "jwt"]
Context = Callable[[str], Any]
"""`node.try_get_context`: the value of a key, None when there is none."""

LOG_RETENTION: Final[Mapping[int, str]] = {
    1: "ONE_DAY",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    731: "TWO_YEARS",
    1827: "FIVE_YEARS",
    3653: "TEN_YEARS",
}
"""Days that CloudWatch Logs takes (PutRetentionPolicy, `retentionInDays`), and CDK's name for each."""

_STAGE: Final = re.compile(r"[a-z][a-z0-9]{0,11}")
"""No hyphen: the machines of stage `a` are named `workflow-a-*`, which must not be the name of those of stage `a-b`."""

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""S3, "General purpose bucket naming rules"."""

_RESERVED_STAGES: Final = frozenset({"step", "local"})
"""`workflow-step-*` is what clients' step functions are called by default, and must not match our own functions."""


class InvalidContextError(ValueError):
    """A value of the context that cannot be deployed."""


@dataclass(frozen=True, slots=True)
class StageConfig:
    """The settings of a stage. Names are those of the context."""

    stage: str = "dev"
    prefix: str = "workflow"
    """Beginning of all names. With stage and account it makes them unique."""

    auth: Auth = "iam"
    jwt_issuer: str = ""
    jwt_audience: tuple[str, ...] = ()
    console_client_id: str = ""
    """With auth=jwt: the client that the console signs in as, by authorization code with PKCE."""
    console_scopes: str = "openid"
    """What the console asks the issuer for, with spaces between."""
    console_connect_to: tuple[str, ...] = ()
    """Further addresses of the provider of identities, where its token endpoint is not the issuer's host."""
    tenant_claim: str = ""
    tenant_roles: Mapping[str, str] = field(default_factory=dict)
    """Tenant by role ARN (without the role's path), for callers that sign with IAM; other callers' tenant is their account."""
    roles_claim: str = ""
    """The claim that names a caller's roles, for approvals; without one callers with a token have none."""
    caller_roles: Mapping[str, str] = field(default_factory=dict)
    """Roles, joined by commas, by role ARN, for callers that sign with IAM."""
    cors_origins: tuple[str, ...] = ()
    throttle_rate: int = 100
    """Requests a second that the API takes on average."""
    throttle_burst: int = 200

    step_function_arns: tuple[str, ...] = ("workflow-step-*",)
    """Lambdas that may be registered as steps: names in this account and region, or ARNs; `*` stands for anything."""

    llm_secret_arn: str = ""
    """Secret with the keys of models' vendors, a JSON object such as {"OPENAI_API_KEY": "..."}; for all tenants."""
    llm_tenant_secrets: bool = False
    """Whether tenants have secrets of their own, named STEM/llm/TENANT."""
    llm_owner_tenant: str = ""
    """The tenant that may send secrets (MCP_*) of the deployment to servers of its choice; by default none may."""
    llm_prices: str = ""
    """JSON object of prices that replace or add to the list prices (`llm_gateway.prices`)."""
    llm_default_provider: str = ""
    """Provider that agents ask which name neither provider nor model; by default the first that has a key, OpenAI first."""
    llm_default_model: str = ""
    """Its model."""
    bedrock_models: tuple[str, ...] = ("amazon.*", "anthropic.*", "cohere.*", "meta.*", "mistral.*")
    """Models of Amazon Bedrock that agents may ask, by id; `*` stands for anything. None: no Bedrock."""
    step_http_allowed_hosts: tuple[str, ...] = ()
    """Hosts and networks that steps may reach although they are private (`workflow_engine.outbound`)."""

    file_buckets: tuple[str, ...] = ()
    """Buckets whose objects steps of type file_reader may read (s3://bucket/key), those of every tenant."""

    vectors: bool = True
    """Whether there is a bucket of vectors (Amazon S3 Vectors), for steps of types vector_storage and vector_search."""

    execution_shards: int = 4
    """How many partitions each list of runs is written to. Each takes 500 runs a second, and each is read for every page."""

    quota_running: int = 0
    """Runs that a tenant may have at once, unless it has a quota of its own; 0 is any number. So are the next two."""
    quota_starts_per_minute: int = 0
    quota_monthly_usd: int = 0
    """Dollars, by what the plans of workflows say of their transitions."""

    retention_days: int = 0
    """How long after its end what is kept of a run stays; 0 is for ever."""
    retain_data: bool = False
    """Table and bucket outlive their stack, and the table refuses to be deleted."""
    log_retention_days: int = 30
    machine_idle_days: int = 30
    recorder_concurrency: int = 5
    """How many batches of ended runs are recorded at once."""
    archive: str = "failed"
    """Of which ended runs the steps' results are kept although nobody asks for them: all, failed, none."""
    tune: str = "on"
    """Whether stored workflows get further builds by the measured durations of their steps: on, off."""
    alarms: bool = True
    """CloudWatch charges for each alarm, beyond ten in an account."""
    alarm_topic_arn: str = ""
    """SNS topic that alarms notify; none notifies nobody."""
    snapstart: bool = False
    host_build: bool = False
    """Build the deps layer for this machine, and functions for its architecture: for emulators, never for AWS."""

    @classmethod
    def from_context(cls, context: Context) -> StageConfig:
        """The settings of the stage that the context's `stage` names. Raises InvalidContextError."""
        stage = str(context("stage") or "dev")
        stages = context("stages") or {}
        given = dict(stages.get(stage, {}))
        known = {f.name: f.default for f in fields(cls)}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise InvalidContextError(f"stages.{stage} has no setting '{unknown[0]}'. There are: {', '.join(known)}.")
        given |= {name: value for name in known if (value := context(name)) is not None}
        values: dict[str, Any] = {name: _read(name, known[name], value) for name, value in given.items()}
        return cls(**{**values, "stage": stage})

    def __post_init__(self) -> None:
        _check(_STAGE.fullmatch(self.stage) is not None, "stage", "is lower-case letters and digits, 12 at most")
        _check(self.stage not in _RESERVED_STAGES, "stage", f"may not be {' or '.join(sorted(_RESERVED_STAGES))}")
        _check(re.fullmatch(r"[a-z][a-z0-9]{0,15}", self.prefix) is not None, "prefix", "is letters and digits")
        _check(self.auth in ("iam", "jwt"), "auth", "is iam or jwt")
        if self.auth == "jwt":
            named = (
                ("jwt_issuer", self.jwt_issuer),
                ("jwt_audience", self.jwt_audience),
                ("tenant_claim", self.tenant_claim),
            )
            for name, value in named:
                _check(bool(value), name, "is needed with auth=jwt")
            _check(self.jwt_issuer.startswith("https://"), "jwt_issuer", "is an https address")
        secure = all(address.startswith("https://") for address in self.console_connect_to)
        _check(secure, "console_connect_to", "names https addresses")
        _check("*" not in self.cors_origins, "cors_origins", "names origins; '*' would open the API to every page")
        _check(bool(self.step_function_arns), "step_function_arns", "names one pattern at least")
        _check("*" not in self.bedrock_models, "bedrock_models", "names models or their vendors, not all there are")
        secret = re.fullmatch(r"(arn:aws[a-z-]*:secretsmanager:\S+)?", self.llm_secret_arn)
        _check(secret is not None, "llm_secret_arn", "is the ARN of a secret")
        _check(_is_object(self.llm_prices or "{}"), "llm_prices", "is a JSON object of prices by model")
        provider = self.llm_default_provider
        _check(provider in ("", *PROVIDER_TYPES), "llm_default_provider", f"is one of {', '.join(PROVIDER_TYPES)}")
        told = provider or not self.llm_default_model or vendor_of_model(self.llm_default_model)
        _check(bool(told), "llm_default_model", "needs llm_default_provider, since its name does not tell who runs it")
        _check("*" not in self.step_function_arns, "step_function_arns", "may not allow every function of the account")
        days = ", ".join(map(str, LOG_RETENTION))
        _check(self.log_retention_days in LOG_RETENTION, "log_retention_days", f"is one of {days}")
        least = f"is {MIN_IDLE_DAYS} at least, because runs can be redriven for 14 days"
        _check(self.machine_idle_days >= MIN_IDLE_DAYS, "machine_idle_days", least)
        _check(
            2 <= self.recorder_concurrency <= 1000, "recorder_concurrency", "is from 2 to 1000, as SQS sources have it"
        )
        _check(self.archive in ARCHIVES, "archive", f"is one of {', '.join(ARCHIVES)}")
        _check(self.tune in TUNES, "tune", f"is one of {', '.join(TUNES)}")
        _check(
            self.throttle_rate >= 1 and self.throttle_burst >= 1, "throttle_rate and throttle_burst", "are 1 at least"
        )
        shards = 1 <= self.execution_shards <= MAX_SHARDS
        _check(shards, "execution_shards", f"is from 1 to {MAX_SHARDS}")
        _check(all(map(_BUCKET.fullmatch, self.file_buckets)), "file_buckets", "are names of buckets")

    @property
    def tenant_quota(self) -> dict[str, int]:
        """The quota of tenants that have none of their own, without what is not limited."""
        limits = {
            "running": self.quota_running,
            "starts_per_minute": self.quota_starts_per_minute,
            "monthly_usd": self.quota_monthly_usd,
        }
        return {name: limit for name, limit in limits.items() if limit}

    @property
    def stem(self) -> str:
        """The beginning of every name of this stage, without a final hyphen."""
        return f"{self.prefix}-{self.stage}"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check(holds: bool, name: str, rule: str) -> None:
    if not holds:
        raise InvalidContextError(f"Context '{name}' {rule}.")


def _read(name: str, default: Any, value: Any) -> Any:
    """A value of the context as the type of the setting's default. The one setting without a plain default is an object."""
    reader: Callable[[str, Any], Any] = _READERS.get(type(default), _mapping)
    return reader(name, value)


def _text(name: str, value: Any) -> str:
    _check(isinstance(value, str), name, "is text")
    return str(value)


def _number(name: str, value: Any) -> int:
    _check(not isinstance(value, bool) and re.fullmatch(r"\d{1,6}", str(value)) is not None, name, "is a whole number")
    return int(value)


def _flag(name: str, value: Any) -> bool:
    _check(value in (True, False, "true", "false"), name, "is true or false")
    return value in (True, "true")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    """A list, or text with commas, which is what `-c` can give."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    _check(isinstance(value, (list, tuple)), name, "is a list of texts")
    return tuple(_text(name, part) for part in value)


def _mapping(name: str, value: Any) -> dict[str, str]:
    """An object, or its JSON text, which is what `-c` can give."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        found = None
    _check(isinstance(found, Mapping), name, "is an object of texts")
    return {_text(name, key): _text(name, text) for key, text in found.items()}


_READERS: Final[Mapping[type, Callable[[str, Any], Any]]] = {str: _text, int: _number, bool: _flag, tuple: _texts}
