"""Findings of cdk-nag (AwsSolutions) that stand: each for one resource, each with the reason why it is right as it is.

A test compares this list with what cdk-nag finds, so an entry that is no longer needed fails as a missing one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import Acknowledgment, Aws, Validations
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from constructs import IConstruct

from infra.constructs.deployment import Deployment
from infra.constructs.engine_function import EngineFunction
from infra.function import Resource

OWN_LOG_GROUP: Final = (
    "The wildcard stands for the streams of the function's own log group, which Lambda names when it starts an "
    "environment of the function; the group is named in full."
)
TRACES: Final = (
    "X-Ray's PutTraceSegments and PutTelemetryRecords know no resources; AWS documents them with Resource '*'. They "
    "write, and read nothing."
)
RUNTIME: Final = (
    "Python 3.13 is a supported runtime, and the one that the wheels of the deps layer are locked and tested for; the "
    "runtime changes together with that lock, not with the list that this rule knows."
)
SECRETS_OF_TENANTS: Final = (
    "Tenants come and go while the deployment stays; their secrets are those below the one prefix that is kept for "
    "them, and each is read for its own tenant only."
)
BY_GRANT: Final[Mapping[Resource, str]] = {
    "bucket_objects": (
        "Documents over 300 KB are objects named by the hash of their content, below the one prefix that is allowed; "
        "their names are not known at deployment."
    ),
    "uploaded_files": (
        "Users' files are objects below a folder of their tenant, and named by the hash of their content; a request may "
        "remove one of its own tenant, and nothing else in the bucket."
    ),
    "machines": (
        "State machines are made at run time and named by the hash of their definition, below the prefix of this "
        "stage, which no other deployment in the account shares."
    ),
    "executions": (
        "Executions are of machines below the prefix of this stage and named by a random id at run time; the prefix is "
        "shared with no other deployment."
    ),
    "activities": (
        "Activities are made when clients register step types that workers do, and named by tenant and name below the "
        "prefix of this stage."
    ),
    "step_logs": (
        "Our step functions' log groups are named in full, and the wildcard behind stands for their streams. Those of functions "
        "that the construct WorkflowStep makes in other stacks begin with a prefix of this stage. A request reads the lines "
        "with the id of a run of its own tenant."
    ),
    "client_functions": (
        "Agents may call what clients registered as steps, whose names are not known at deployment. The pattern is the "
        "deployment's own choice (context step_function_arns); registration refuses every ARN outside it."
    ),
    "bedrock_models": (
        "The wildcards stand for versions of models and for the regions that an inference profile may choose; which "
        "vendors' models there are is the deployment's own choice (context bedrock_models)."
    ),
    "vector_indexes": (
        "Indexes are made at run time, one for each collection of a tenant, and named by the hash of both; they lie in "
        "the one bucket of vectors that is this deployment's own."
    ),
    "file_buckets": (
        "Users' files have keys that are not known at deployment; which buckets they may be read from is the "
        "deployment's own choice (context file_buckets), and by default there is none."
    ),
    "llm_secrets": SECRETS_OF_TENANTS,
    "tenant_secrets": SECRETS_OF_TENANTS,
}
MACHINE_LOG_DELIVERY: Final = (
    "Step Functions sets up log delivery with the machine's role, and none of CloudWatch Logs' delivery actions, nor "
    "X-Ray's, knows resources; AWS documents both policies with Resource '*'. They allow to deliver logs and traces, "
    "not to read them."
)
OWN_STEP_VERSIONS: Final = (
    "The wildcard stands for the versions and aliases of one step function, which is named in full; with SnapStart "
    "machines invoke an alias."
)
REGISTRABLE_STEPS: Final = (
    "Clients register step functions at run time, so their names are not known at deployment. The pattern is the "
    "deployment's own choice (context step_function_arns); registration refuses every ARN outside it."
)
HEALTH: Final = (
    "Load balancers and uptime monitors cannot sign requests. The route answers a constant, reads nothing and is "
    "throttled like all others; a test sees to it that only this one and the console's are open."
)
CONSOLE: Final = (
    "A browser asks for a page before anybody can have signed in on it. These routes answer the files of the console, which "
    "hold no data, read nothing else and are throttled like all others; what the page shows it asks the API for, as whoever "
    "signs in."
)
PREFLIGHT: Final = (
    "Browsers send CORS preflight requests without credentials, so a route for them cannot ask for any. API Gateway "
    "answers them by itself, and only for the configured origins."
)
OPEN_ROUTES: Final = {"|health": HEALTH, "|console": CONSOLE, "Route OPTIONS": PREFLIGHT}
"""Why a route asks for no credentials, by what is in the id of its construct."""

BUCKET_LOGS: Final = (
    "Only the roles of this deployment's functions read or write objects, on behalf of requests that the API's access "
    "log names; an account that must log each object access does so with CloudTrail's data events for all buckets."
)
TABLE_STREAM: Final = (
    "The wildcard stands for when the stream of the one table was made, as in DynamoDB's own example of a policy for Lambda; "
    "a table has one stream at a time."
)
DEAD_LETTERS_OF_A_STREAM: Final = (
    "The queue is where Lambda puts aside what could not be counted of the table's stream, a dead-letter queue itself; the rule "
    "knows those of other queues only."
)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One finding on one resource. `finding` is cdk-nag's name of it."""

    construct: IConstruct
    finding: str
    reason: str


def acknowledgements(
    deployment: Deployment,
    functions: Iterable[EngineFunction],
    machine_role: IConstruct,
    bucket: IConstruct,
    uncounted: IConstruct,
    open_routes: Iterable[apigatewayv2.HttpRoute],
) -> Iterator[Acknowledged]:
    """All that is acknowledged in an app."""
    for made in functions:
        yield from _function(deployment, made)
    for arn in (*deployment.invocable_by_machines(), deployment.machine_arns, deployment.execution_arns, "*"):
        if "*" in arn:
            yield Acknowledged(machine_role, _wildcard(arn), _machine_reason(deployment, arn))
    yield Acknowledged(bucket, "AwsSolutions-S1", BUCKET_LOGS)
    yield Acknowledged(uncounted, "AwsSolutions-SQS3", DEAD_LETTERS_OF_A_STREAM)
    for route in open_routes:
        reason = next(reason for part, reason in OPEN_ROUTES.items() if part in route.node.id)
        yield Acknowledged(route, "AwsSolutions-APIG4", reason)


def acknowledge(accepted: Iterable[Acknowledged]) -> None:
    """Tell CDK's validation, so that only other findings fail the synthesis."""
    for one in accepted:
        Validations.of(one.construct).acknowledge(Acknowledgment(id=f"AwsSolutions::{one.finding}", reason=one.reason))


def _function(deployment: Deployment, made: EngineFunction) -> Iterator[Acknowledged]:
    yield Acknowledged(made.function, "AwsSolutions-L1", RUNTIME)
    yield Acknowledged(made.role, _wildcard(deployment.log_arn(made.described.name)), OWN_LOG_GROUP)
    yield Acknowledged(made.role, _wildcard("*"), TRACES)
    if made.described.kind == "stream":
        yield Acknowledged(made.role, _wildcard(deployment.table_stream_arns), TABLE_STREAM)
    for resource in {grant.resource: None for grant in made.described.grants}:
        for arn in deployment.arns(resource):
            if "*" in arn:
                yield Acknowledged(made.role, _wildcard(arn), BY_GRANT[resource])


def _machine_reason(deployment: Deployment, arn: str) -> str:
    if arn == "*":
        return MACHINE_LOG_DELIVERY
    if arn == deployment.machine_arns:
        return BY_GRANT["machines"]
    if arn == deployment.execution_arns:
        return BY_GRANT["executions"]
    return REGISTRABLE_STEPS if arn in deployment.invocable_patterns() else OWN_STEP_VERSIONS


def _wildcard(arn: str) -> str:
    """cdk-nag's name of a wildcard in a resource; it writes CloudFormation's parameters in angle brackets."""
    for token, name in ((Aws.PARTITION, "Partition"), (Aws.REGION, "Region"), (Aws.ACCOUNT_ID, "AccountId")):
        arn = arn.replace(token, f"<AWS::{name}>")
    return f"AwsSolutions-IAM5[Resource::{arn}]"
