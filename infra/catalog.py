"""The one list of Lambda functions. The CDK app deploys it, the local runtime calls it in process: a function added
here is in both.

Data only; nothing here imports CDK, boto3 or a handler. A function of the API says below which roots it stands; its routes are
those that `workflow_engine.http.api` declares there.
"""

from __future__ import annotations

from typing import Final

from infra.function import Function, Grant, Route
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.http import api
from workflow_engine.http.operation import CONSOLE_ROOT, SERVICE_ROOTS


def _routes(*roots: str) -> tuple[Route, ...]:
    """The declared routes below these first segments of a path."""
    return tuple(Route(o.method, o.path, o.is_open, o.is_page) for o in api.below(*roots))


ENGINE_ENVIRONMENT: Final = (
    "TABLE_NAME",
    "BUCKET_NAME",
    "MACHINE_ROLE_ARN",
    "MACHINE_PREFIX",
    "STAGE",
    "ARCHIVE",
    "RETENTION_DAYS",
)
API_ENVIRONMENT: Final = (
    *ENGINE_ENVIRONMENT,
    "AUTH_MODE",
    "TENANT_CLAIM",
    "TENANT_ROLES",
    "ROLES_CLAIM",
    "CALLER_ROLES",
    "EXECUTION_SHARDS",
    "TENANT_QUOTA",
)
LLM_ENVIRONMENT: Final = (
    "LLM_SECRET_ARN",
    "LLM_TENANT_SECRET_PREFIX",
    "LLM_OWNER_TENANT",
    "LLM_VARIABLES",
    "STEP_HTTP_ALLOWED_HOSTS",
)
COMPILER_ENVIRONMENT: Final = ("LOG_GROUP_ARN", "STEP_FUNCTIONS")
REGISTRATION_ENVIRONMENT: Final = ("STEP_FUNCTIONS", "STEP_FUNCTION_ARN_PATTERNS", "STEP_HTTP_ALLOWED_HOSTS")

API_TIMEOUT_SECONDS: Final = 29
"""Just below what an HTTP API waits for an integration ("Maximum integration timeout", 30 s, API Gateway quotas)."""


def _table(*operations: str) -> Grant:
    """TransactWriteItems asks for the actions of the operations in it (DynamoDB, "Using IAM with transactions")."""
    return Grant("table", tuple(f"dynamodb:{operation}" for operation in operations))


_LIST_BY_TENANT: Final = Grant("tenant_index", ("dynamodb:Query",))
_LIST_BY_WORKFLOW: Final = Grant("workflow_index", ("dynamodb:Query",))
_FIND_BY_ARN: Final = Grant("arn_index", ("dynamodb:Query",))
_QUERY_DUE: Final = Grant("due_index", ("dynamodb:Query",))
_KEEP_DOCUMENTS: Final = Grant("bucket_objects", ("s3:GetObject", "s3:PutObject"))
_READ_DOCUMENTS: Final = Grant("bucket_objects", ("s3:GetObject",))
_READ_LLM_SECRETS: Final = Grant("llm_secrets", ("secretsmanager:GetSecretValue",))
_ANSWER: Final = ("states:SendTaskFailure", "states:SendTaskSuccess")
"""Answers to tasks are allowed by machine, as `StateMachine.grantTaskResponse` of CDK does."""
_READ_HISTORY: Final = "states:GetExecutionHistory"
_READ_RUNS: Final = ("states:DescribeExecution", _READ_HISTORY)
"""Who waits for the end of a run looks at it once before giving up."""

FUNCTIONS: Final[tuple[Function, ...]] = (
    Function(
        "api_workflows",
        "api",
        memory_mb=1024,  # the compiler is bound by CPU, and Lambda gives CPU by memory
        timeout_seconds=API_TIMEOUT_SECONDS,
        routes=_routes("workflows", "files"),
        environment=(*API_ENVIRONMENT, *COMPILER_ENVIRONMENT),
        grants=(
            _table("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _LIST_BY_TENANT,
            _KEEP_DOCUMENTS,
            Grant("uploaded_files", ("s3:DeleteObject",)),
            Grant("executions", _READ_RUNS),
            Grant("machines", ("states:CreateStateMachine", "states:StartExecution")),
            Grant("machine_role", ("iam:PassRole",)),
        ),
    ),
    Function(
        "api_executions",
        "api",
        memory_mb=1024,  # it compiles what a rerun from a step leaves of a workflow
        timeout_seconds=API_TIMEOUT_SECONDS,
        routes=_routes("executions", "stats", "approvals", "audit", "tenant"),
        environment=(*API_ENVIRONMENT, *COMPILER_ENVIRONMENT),
        grants=(
            _table("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _LIST_BY_TENANT,
            _LIST_BY_WORKFLOW,
            _KEEP_DOCUMENTS,
            Grant("bucket_objects", ("s3:DeleteObject",)),
            Grant("bucket", ("s3:ListBucket",)),
            Grant("executions", (*_READ_RUNS, "states:RedriveExecution", "states:StopExecution")),
            Grant("machines", (*_ANSWER, "states:CreateStateMachine", "states:StartExecution")),
            Grant("machine_role", ("iam:PassRole",)),
            Grant("step_logs", ("logs:FilterLogEvents",)),
        ),
    ),
    Function(
        "api_activities",
        "api",
        memory_mb=256,
        timeout_seconds=API_TIMEOUT_SECONDS,
        routes=_routes("activities"),
        environment=(*API_ENVIRONMENT, "STEP_FUNCTIONS", "ACTIVITY_RELAY"),
        grants=(
            _table("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _READ_DOCUMENTS,
            Grant("activities", (*_ANSWER, "states:SendTaskHeartbeat")),
            Grant("machines", (*_ANSWER, "states:SendTaskHeartbeat")),
            Grant("activity_relay", ("lambda:InvokeFunction",)),
        ),
    ),
    Function(
        "activity_relay",
        "background",
        memory_mb=128,
        timeout_seconds=75,
        environment=ENGINE_ENVIRONMENT,
        grants=(_table("DeleteItem", "PutItem"), Grant("activities", ("states:GetActivityTask",))),
    ),
    Function(
        "api_steps",
        "api",
        memory_mb=1024,  # it compiles the workflow of a step's test
        timeout_seconds=API_TIMEOUT_SECONDS,
        routes=_routes("steps", "schema"),
        environment=(*API_ENVIRONMENT, "LOG_GROUP_ARN", *REGISTRATION_ENVIRONMENT),
        grants=(
            _table("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _LIST_BY_TENANT,
            _KEEP_DOCUMENTS,
            Grant("executions", _READ_RUNS),
            Grant("machines", ("states:CreateStateMachine", "states:StartExecution")),
            Grant("machine_role", ("iam:PassRole",)),
            Grant("activities", ("states:CreateActivity",)),
        ),
    ),
    Function(
        "api_agents",
        "api",
        memory_mb=1024,  # it compiles the workflow of an agent's run
        timeout_seconds=API_TIMEOUT_SECONDS,
        routes=_routes("agents", "prompts"),
        layers=("deps", "llm", "engine"),
        environment=(*API_ENVIRONMENT, *COMPILER_ENVIRONMENT),
        grants=(
            _table("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _KEEP_DOCUMENTS,
            Grant("executions", _READ_RUNS),
            Grant("machines", ("states:CreateStateMachine", "states:StartExecution")),
            Grant("machine_role", ("iam:PassRole",)),
        ),
    ),
    Function(
        "api_tools",
        "api",
        memory_mb=512,
        timeout_seconds=API_TIMEOUT_SECONDS,
        routes=_routes("tools"),
        layers=("llm_deps", "llm", "engine"),
        environment=(*API_ENVIRONMENT, *LLM_ENVIRONMENT),
        grants=(
            _table("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _READ_DOCUMENTS,
            _READ_LLM_SECRETS,
        ),
    ),
    Function(
        "api_docs",
        "api",
        memory_mb=256,
        timeout_seconds=10,
        routes=(*_routes(*SERVICE_ROOTS), Route("", "$default")),
        environment=("OPENAPI_FILE", "AUTH_MODE"),
    ),
    Function(
        "api_console",
        "api",
        memory_mb=256,
        timeout_seconds=10,
        routes=_routes(CONSOLE_ROOT),
        environment=(
            "AUTH_MODE",
            "CONSOLE_ISSUER",
            "CONSOLE_CLIENT_ID",
            "CONSOLE_SCOPES",
            "CONSOLE_CONNECT_TO",
        ),
    ),
    Function("step_data", "step", memory_mb=MEMORY_MB["step_data"], timeout_seconds=60),
    Function(
        "step_files",
        "step",
        memory_mb=MEMORY_MB["step_files"],
        timeout_seconds=300,
        layers=("files_deps", "engine"),
        environment=(*ENGINE_ENVIRONMENT, "STEP_HTTP_ALLOWED_HOSTS"),
        grants=(_table("GetItem"), _KEEP_DOCUMENTS, Grant("file_buckets", ("s3:GetObject",))),
    ),
    Function(
        "step_http",
        "step",
        memory_mb=MEMORY_MB["step_http"],
        timeout_seconds=900,
        # Of "deps" only jsonschema is used, and only where an output is held to a schema.
        environment=("LLM_TENANT_SECRET_PREFIX", "LLM_OWNER_TENANT", "STEP_HTTP_ALLOWED_HOSTS"),
        grants=(Grant("tenant_secrets", ("secretsmanager:GetSecretValue",)),),
    ),
    Function(
        "step_approval",
        "step",
        memory_mb=MEMORY_MB["step_approval"],
        timeout_seconds=30,
        environment=ENGINE_ENVIRONMENT,
        grants=(_table("GetItem", "PutItem", "UpdateItem"), _KEEP_DOCUMENTS),
    ),
    Function(
        "step_agent",
        "step",
        memory_mb=MEMORY_MB["step_agent"],
        timeout_seconds=900,
        layers=("llm_deps", "llm", "engine"),
        environment=(*ENGINE_ENVIRONMENT, *LLM_ENVIRONMENT, "LLM_PRICES", "LLM_DEFAULT_PROVIDER", "LLM_DEFAULT_MODEL"),
        grants=(
            _table("GetItem"),
            _READ_DOCUMENTS,
            _READ_LLM_SECRETS,
            Grant("client_functions", ("lambda:InvokeFunction",)),
            Grant("bedrock_models", ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")),
        ),
    ),
    Function(
        "step_vectors",
        "step",
        memory_mb=MEMORY_MB["step_vectors"],
        timeout_seconds=600,
        layers=("llm_deps", "llm", "engine"),
        environment=(*ENGINE_ENVIRONMENT, *LLM_ENVIRONMENT, "LLM_PRICES", "VECTOR_BUCKET_NAME"),
        grants=(
            _KEEP_DOCUMENTS,
            _READ_LLM_SECRETS,
            Grant("bedrock_models", ("bedrock:InvokeModel",)),
            Grant(
                "vector_indexes",
                (
                    "s3vectors:CreateIndex",
                    "s3vectors:DeleteIndex",
                    "s3vectors:DeleteVectors",
                    "s3vectors:GetIndex",
                    "s3vectors:GetVectors",  # QueryVectors asks for it where there is a filter, or metadata to return
                    "s3vectors:PutVectors",
                    "s3vectors:QueryVectors",
                ),
            ),
        ),
    ),
    Function(
        "execution_recorder",
        "event",
        memory_mb=1769,  # one processor ("Configure Lambda function memory"): ten writes at once are bound by it
        timeout_seconds=60,
        environment=ENGINE_ENVIRONMENT,
        grants=(
            _table("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _FIND_BY_ARN,
            _KEEP_DOCUMENTS,
            Grant("executions", (_READ_HISTORY, "states:StopExecution")),
        ),
    ),
    Function(
        "run_counter",
        "stream",
        memory_mb=512,
        timeout_seconds=60,
        environment=ENGINE_ENVIRONMENT,
        grants=(_table("BatchGetItem", "GetItem", "PutItem", "UpdateItem"),),
    ),
    Function(
        "execution_sweeper",
        "schedule",
        memory_mb=1024,  # it may read a history
        timeout_seconds=300,
        environment=ENGINE_ENVIRONMENT,
        schedule_minutes=15,
        grants=(
            _table("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _QUERY_DUE,
            _KEEP_DOCUMENTS,
            Grant("executions", _READ_RUNS),
            Grant("machines", _ANSWER),
        ),
    ),
    Function(
        "results_archiver",
        "schedule",
        memory_mb=1024,  # a full history of large outputs is bound by CPU
        timeout_seconds=870,  # a round ends before the next begins, so that two never share the quota
        environment=ENGINE_ENVIRONMENT,
        schedule_minutes=15,
        grants=(
            _table("DeleteItem", "GetItem", "PutItem", "UpdateItem"),
            _QUERY_DUE,
            _KEEP_DOCUMENTS,
            Grant("executions", (_READ_HISTORY,)),
        ),
    ),
    Function(
        "approval_reminder",
        "schedule",
        memory_mb=1024,  # it compiles the workflow of a reminder
        timeout_seconds=300,
        environment=(*ENGINE_ENVIRONMENT, *COMPILER_ENVIRONMENT, "EXECUTION_SHARDS", "TENANT_QUOTA"),
        schedule_minutes=5,
        grants=(
            _table("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _QUERY_DUE,
            _KEEP_DOCUMENTS,
            Grant("machines", ("states:CreateStateMachine", "states:StartExecution")),
            Grant("machine_role", ("iam:PassRole",)),
        ),
    ),
    Function(
        "workflow_tuner",
        "schedule",
        memory_mb=1769,  # one processor ("Configure Lambda function memory"): it compiles, with a search that is bound by it
        timeout_seconds=300,
        environment=(*ENGINE_ENVIRONMENT, *COMPILER_ENVIRONMENT, "EXECUTION_SHARDS", "TUNE"),
        schedule_minutes=60,
        grants=(
            _table("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _QUERY_DUE,
            _LIST_BY_WORKFLOW,
            _KEEP_DOCUMENTS,
            Grant("machines", ("states:CreateStateMachine",)),
            Grant("machine_role", ("iam:PassRole",)),
        ),
    ),
    Function(
        "machine_janitor",
        "schedule",
        memory_mb=256,
        timeout_seconds=300,
        environment=(*ENGINE_ENVIRONMENT, "MACHINE_IDLE_DAYS"),
        schedule_minutes=60,
        grants=(
            _table("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            _QUERY_DUE,
            Grant("machines", ("states:DeleteStateMachine", "states:ListExecutions")),
        ),
    ),
    Function(
        "step_registrar",
        "deployment",
        memory_mb=256,
        timeout_seconds=60,
        environment=(*ENGINE_ENVIRONMENT, *REGISTRATION_ENVIRONMENT),
        grants=(
            _table("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query"),
            _LIST_BY_TENANT,
            _KEEP_DOCUMENTS,
            Grant("activities", ("states:CreateActivity",)),
        ),
    ),
)


def function(name: str) -> Function:
    """The function of this name. Raises `KeyError`."""
    return {f.name: f for f in FUNCTIONS}[name]
