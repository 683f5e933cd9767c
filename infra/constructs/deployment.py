"""Names and ARNs of a deployment. Both follow from the stage, so that stacks can be changed without each other, and a policy
reads as what it allows. What does not follow, and is exported, is the id of the API and the ARN of the table's stream, in which
DynamoDB writes when that was made. Account and region stay CloudFormation's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import Aws, RemovalPolicy, Stack

from infra.catalog import FUNCTIONS, function
from infra.config import StageConfig
from infra.function import Grant, Resource
from llm_gateway.configuration import AWS_CREDENTIALS
from workflow_engine.settings import own_step_prefix
from workflow_engine.store.schema import BY_ARN, BY_DUE, BY_TENANT, BY_WORKFLOW, Index

LIVE_ALIAS: Final = "live"
"""What callers invoke with SnapStart, which exists for published versions only."""


_LLM_VARIABLES: Final = "{}"
_WITHOUT_BEDROCK: Final = json.dumps(dict.fromkeys(AWS_CREDENTIALS))
"""Lambda's own credentials are then no reason to ask Bedrock, which the role does not allow."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the stacks agree on."""

    config: StageConfig

    def name(self, part: str) -> str:
        """The name of a resource that is found by account and region."""
        return f"{self.config.stem}-{part}"

    @property
    def removal_policy(self) -> RemovalPolicy:
        """Of what holds data: table, bucket, logs. What a failed first deployment has made goes with it, as it is empty
        and its name would be in the way of the next (CloudFormation, DeletionPolicy `RetainExceptOnCreate`).
        """
        return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if self.config.retain_data else RemovalPolicy.DESTROY

    def faults_metric(self, name: str) -> str:
        """The metric, without dimensions, that counts the faults of a step function (`EngineFunction`)."""
        return f"{self.function_name(name)}-faults"

    def function_name(self, name: str) -> str:
        """The name of a function of the catalogue in Lambda."""
        return self.name(name.replace("_", "-"))

    def function_arn(self, name: str) -> str:
        """The ARN by which a function of the catalogue is invoked: with SnapStart its alias."""
        arn = _arn("lambda", f"function:{self.function_name(name)}")
        return f"{arn}:{LIVE_ALIAS}" if self.config.snapstart else arn

    @property
    def bucket_name(self) -> str:
        """Names of buckets are unique in the world."""
        return f"{self.config.stem}-{Aws.ACCOUNT_ID}-{Aws.REGION}"

    @property
    def bucket_arn(self) -> str:
        return f"arn:{Aws.PARTITION}:s3:::{self.bucket_name}"

    @property
    def vector_bucket_name(self) -> str:
        """The name of the bucket of vectors, which is one of an account and region; "" where there is none."""
        return self.name("vectors") if self.config.vectors else ""

    @property
    def vector_bucket_arn(self) -> str:
        return _arn("s3vectors", f"bucket/{self.vector_bucket_name}")

    @property
    def table_arn(self) -> str:
        return _arn("dynamodb", f"table/{self.name('table')}")

    @property
    def table_stream_arns(self) -> str:
        """The streams that the table has had: an ARN ends in when one was made."""
        return f"{self.table_arn}/stream/*"

    def index_arn(self, index: Index) -> str:
        """The ARN of an index of the table."""
        return f"{self.table_arn}/index/{index.name}"

    @property
    def machine_role_name(self) -> str:
        """Roles have no region, so their names need one."""
        return f"{self.name('machines')}-{Aws.REGION}"

    @property
    def machine_role_arn(self) -> str:
        return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{self.machine_role_name}"

    @property
    def machine_arns(self) -> str:
        """All machines of this deployment (`machines.naming.machine_name`)."""
        return _arn("states", f"stateMachine:{self.config.stem}-*")

    @property
    def machine_arn_prefix(self) -> str:
        return _arn("states", f"stateMachine:{self.config.stem}-")

    @property
    def execution_arns(self) -> str:
        """All executions of these machines."""
        return _arn("states", f"execution:{self.config.stem}-*:*")

    @property
    def machine_log_group_name(self) -> str:
        """Below /aws/vendedlogs/, whose groups need no entry each in the account's resource policy, which holds 5,120
        characters (Step Functions, "Logging using CloudWatch Logs").
        """
        return f"/aws/vendedlogs/states/{self.config.stem}"

    @property
    def machine_log_group_arn(self) -> str:
        """With the `:*` that CreateStateMachine asks for."""
        return _arn("logs", f"log-group:{self.machine_log_group_name}:*")

    def log_arn(self, name: str) -> str:
        """The log group of a function of the catalogue, its streams included."""
        return _arn("logs", f"log-group:/aws/lambda/{self.function_name(name)}:*")

    @property
    def own_step_logs_arn(self) -> str:
        """The log groups of the functions that `WorkflowStep` makes in this stage, whose names begin alike."""
        return _arn("logs", f"log-group:/aws/lambda/{own_step_prefix(self.config.stage)}*:*")

    @property
    def step_function_names(self) -> tuple[str, ...]:
        """Our own functions that machines invoke."""
        return tuple(f.name for f in FUNCTIONS if f.kind == "step")

    @property
    def step_function_patterns(self) -> tuple[str, ...]:
        """ARN patterns of the Lambdas that clients may register; names are those of this account and region."""
        return tuple(
            p if p.startswith("arn:") else _arn("lambda", f"function:{p}") for p in self.config.step_function_arns
        )

    def invocable_by_machines(self) -> list[str]:
        """What the machines' role may invoke: our own step functions, and what clients may register."""
        own = [_arn("lambda", f"function:{self.function_name(name)}") for name in self.step_function_names]
        return [*_with_versions(own), *self.invocable_patterns()]

    def invocable_patterns(self) -> list[str]:
        """What the machines' role may invoke beside our own functions."""
        return _with_versions(self.step_function_patterns)

    def arns(self, resource: Resource) -> list[str]:
        """What a grant of the catalogue is about."""
        match resource:
            case "table":
                return [self.table_arn]
            case "tenant_index":
                return [self.index_arn(BY_TENANT)]
            case "workflow_index":
                return [self.index_arn(BY_WORKFLOW)]
            case "arn_index":
                return [self.index_arn(BY_ARN)]
            case "due_index":
                return [self.index_arn(BY_DUE)]
            case "bucket":
                return [self.bucket_arn]
            case "bucket_objects":
                return [f"{self.bucket_arn}/payloads/*"]
            case "uploaded_files":
                return [f"{self.bucket_arn}/payloads/*/files/*"]
            case "file_buckets":
                return [f"arn:{Aws.PARTITION}:s3:::{bucket}/*" for bucket in self.config.file_buckets]
            case "vector_indexes":
                return [f"{self.vector_bucket_arn}/index/*"] if self.config.vectors else []
            case "machines":
                return [self.machine_arns]
            case "executions":
                return [self.execution_arns]
            case "activities":
                return [_arn("states", f"activity:{self.config.stem}-*")]
            case "activity_relay":
                return [self.function_arn("activity_relay")]
            case "step_logs":
                return [*(self.log_arn(name) for name in self.step_function_names), self.own_step_logs_arn]
            case "machine_role":
                return [self.machine_role_arn]
            case "client_functions":
                return self.invocable_patterns()
            case "bedrock_models":
                return self.bedrock_arns
            case "llm_secrets":
                return self.llm_secret_arns
            case "tenant_secrets":
                return self.tenant_secret_arns

    @property
    def bedrock_arns(self) -> list[str]:
        """Models, and the inference profiles by which newer ones are asked; a profile leads to regions of its own choice
        ("Prerequisites for inference profiles").
        """
        models = self.config.bedrock_models
        return [
            *(f"arn:{Aws.PARTITION}:bedrock:*::foundation-model/{model}" for model in models),
            *(_arn("bedrock", f"inference-profile/*.{model}") for model in models),
        ]

    @property
    def tenant_secret_prefix(self) -> str:
        """The beginning of the names of tenants' secrets; "" where tenants have none."""
        return f"{self.config.stem}/llm/" if self.config.llm_tenant_secrets else ""

    @property
    def llm_secret_arns(self) -> list[str]:
        """Secrets with keys of models. An ARN without the six characters that Secrets Manager adds needs a wildcard."""
        own = self.config.llm_secret_arn
        return [*([own] if own else []), *self.tenant_secret_arns]

    @property
    def tenant_secret_arns(self) -> list[str]:
        """Secrets of tenants; none where they have none."""
        return [_arn("secretsmanager", f"secret:{self.tenant_secret_prefix}*")] if self.tenant_secret_prefix else []

    def conditions(self, grant: Grant) -> Mapping[str, Mapping[str, str]]:
        """A role is passed to Step Functions and to nobody else; of the bucket only documents are listed."""
        if grant.resource == "machine_role":
            return {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
        if grant.resource == "bucket":
            return {"StringLike": {"s3:prefix": "payloads/*"}}
        return {}

    def environment(self, stack: Stack, name: str) -> dict[str, str]:
        """The variables that a function reads, of those that the catalogue names for it. KeyError for an unknown one."""
        known = self._environment(stack)
        return {variable: known[variable] for variable in function(name).environment if variable != "OPENAPI_FILE"}

    def _environment(self, stack: Stack) -> Mapping[str, str]:
        config = self.config
        return {
            "TABLE_NAME": self.name("table"),
            "BUCKET_NAME": self.bucket_name,
            "MACHINE_ROLE_ARN": self.machine_role_arn,
            "MACHINE_PREFIX": config.prefix,
            "STAGE": config.stage,
            "ARCHIVE": config.archive,
            "TUNE": config.tune,
            "LOG_GROUP_ARN": self.machine_log_group_arn,
            "STEP_FUNCTIONS": stack.to_json_string({n: self.function_arn(n) for n in self.step_function_names}),
            "STEP_FUNCTION_ARN_PATTERNS": ",".join(self.step_function_patterns),
            "AUTH_MODE": config.auth,
            "CONSOLE_ISSUER": config.jwt_issuer,
            "CONSOLE_CLIENT_ID": config.console_client_id,
            "CONSOLE_SCOPES": config.console_scopes,
            "CONSOLE_CONNECT_TO": " ".join(filter(None, (config.jwt_issuer, *config.console_connect_to))),
            "TENANT_CLAIM": config.tenant_claim,
            "TENANT_ROLES": stack.to_json_string(dict(config.tenant_roles)),
            "ROLES_CLAIM": config.roles_claim,
            "CALLER_ROLES": stack.to_json_string(dict(config.caller_roles)),
            "ACTIVITY_RELAY": self.function_arn("activity_relay"),
            "MACHINE_IDLE_DAYS": str(config.machine_idle_days),
            "RETENTION_DAYS": str(config.retention_days),
            "TENANT_QUOTA": json.dumps(config.tenant_quota),
            "EXECUTION_SHARDS": str(config.execution_shards),
            "LLM_SECRET_ARN": config.llm_secret_arn,
            "LLM_TENANT_SECRET_PREFIX": self.tenant_secret_prefix,
            "LLM_OWNER_TENANT": config.llm_owner_tenant,
            "LLM_PRICES": config.llm_prices,
            "LLM_DEFAULT_PROVIDER": config.llm_default_provider,
            "LLM_DEFAULT_MODEL": config.llm_default_model,
            "LLM_VARIABLES": _LLM_VARIABLES if config.bedrock_models else _WITHOUT_BEDROCK,
            "VECTOR_BUCKET_NAME": self.vector_bucket_name,
            "STEP_HTTP_ALLOWED_HOSTS": ",".join(config.step_http_allowed_hosts),
        }


def _with_versions(arns: Iterable[str]) -> list[str]:
    """Functions and their versions and aliases. A pattern that ends in `*` covers these already."""
    return [each for arn in arns for each in ((arn,) if arn.endswith("*") else (arn, f"{arn}:*"))]


def construct_id(name: str) -> str:
    """`api_workflows` as construct ids are written: `ApiWorkflows`."""
    return "".join(part.capitalize() for part in re.split(r"[_-]", name))


def _arn(service: str, resource: str) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"
