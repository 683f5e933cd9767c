"""What the templates hold: data that is kept, an API that is closed, functions as the catalogue has them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from aws_cdk import App
from aws_cdk.assertions import Match, Template

from infra.catalog import FUNCTIONS, function
from infra.config import StageConfig
from infra.constructs.deployment import Deployment, construct_id
from infra.function import Function
from infra.stacks.data import expiry_of_runs
from infra.stacks.observability import ObservabilityStack
from tests.support.templates import Assembly, as_list, as_text
from workflow_engine.store.aggregates.stream import STREAM_FILTERS
from workflow_engine.store.schema import table_definition

pytestmark = pytest.mark.xdist_group("cdk")

OPEN = {
    *("GET /health", "GET /health/{proxy+}", "HEAD /health", "HEAD /health/{proxy+}"),
    *("GET /console", "GET /console/config.json", "GET /console/{file}", "GET /console/{proxy+}"),
    *("HEAD /console", "HEAD /console/{proxy+}"),
}
"""Routes that ask for no credentials."""

ROUTES = [route for function in FUNCTIONS for route in function.served_routes]


def checked(assembly: Assembly, stack: str) -> Template:
    return Template.from_json(assembly.templates[stack])


def lambda_function(assembly: Assembly, described: Function) -> dict[str, Any]:
    stage = "prod" if "prod" in str(assembly.folder) else "dev"
    name = f"workflow-{stage}-{described.name.replace('_', '-')}"
    (found,) = [f for f in assembly.resources("AWS::Lambda::Function").values() if f["FunctionName"] == name]
    return found


def test_the_table_is_the_one_of_the_schema(dev: Assembly) -> None:
    wanted: dict[str, Any] = dict(table_definition("workflow-dev-table"))
    table = dev.only("AWS::DynamoDB::Table")
    by_name = {name: table[name] for name in ("TableName", "BillingMode", "KeySchema", "GlobalSecondaryIndexes")}
    assert by_name == {name: wanted[name] for name in by_name}
    assert (
        sorted(table["AttributeDefinitions"], key=lambda a: str(a["AttributeName"])) == wanted["AttributeDefinitions"]
    )
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_table_can_be_restored_to_any_second(dev: Assembly, prod: Assembly) -> None:
    for assembly in (dev, prod):
        recovery = assembly.only("AWS::DynamoDB::Table")["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}


HOLDING_DATA: Final = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::S3Vectors::VectorBucket", "AWS::Logs::LogGroup")


def test_data_outlives_its_stack_in_prod_only(dev: Assembly, prod: Assembly) -> None:
    kept = ("RetainExceptOnCreate", "Retain")
    for assembly, policies, protected in ((dev, ("Delete", "Delete"), False), (prod, kept, True)):
        assert assembly.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is protected
        holding = [resource for resource in assembly.all_resources() if resource["Type"] in HOLDING_DATA]
        assert len(holding) == 3 + len(FUNCTIONS) + 2
        assert {(r["DeletionPolicy"], r["UpdateReplacePolicy"]) for r in holding} == {policies}


def test_the_function_of_vectors_knows_their_bucket(dev: Assembly) -> None:
    (bucket,) = dev.resources("AWS::S3Vectors::VectorBucket").values()
    assert bucket["VectorBucketName"] == "workflow-dev-vectors"
    variables = lambda_function(dev, function("step_vectors"))["Environment"]["Variables"]
    assert variables["VECTOR_BUCKET_NAME"] == "workflow-dev-vectors"


def test_nothing_is_made_after_the_table_whose_failure_would_have_to_delete_it(prod: Assembly) -> None:
    resources = prod.templates["data"]["Resources"]
    (table,) = [r for r in resources.values() if r["Type"] == "AWS::DynamoDB::Table"]
    others = {id_ for id_, r in resources.items() if r is not table and r["Type"] != "AWS::CDK::Metadata"}
    assert set(table["DependsOn"]) == others


def test_nothing_is_public(dev: Assembly) -> None:
    checked(dev, "data").has_resource_properties(
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": dict.fromkeys(
                ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
            ),
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        },
    )
    for type_ in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
        for policy in dev.resources(type_).values():
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    assert "Service" in statement["Principal"]
                    assert statement["Condition"]
    assert not dev.resources("AWS::Lambda::Url")


def test_everything_is_encrypted_at_rest_and_on_the_way(dev: Assembly) -> None:
    bucket = dev.only("AWS::S3::Bucket")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    queues = dev.resources("AWS::SQS::Queue")
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())
    for type_, guarded in (("AWS::S3::BucketPolicy", 1), ("AWS::SQS::QueuePolicy", len(queues))):
        denied = [
            statement
            for policy in dev.resources(type_).values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert [s["Effect"] for s in denied] == ["Deny"] * guarded


def test_documents_move_to_a_cheaper_class_and_never_expire(dev: Assembly) -> None:
    (rule,) = dev.only("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert [t["StorageClass"] for t in rule["Transitions"]] == ["INTELLIGENT_TIERING"]
    assert not any(name.startswith("Expiration") for name in rule)


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_a_function_is_deployed_as_the_catalogue_has_it(dev: Assembly, described: Function) -> None:
    found = lambda_function(dev, described)
    assert (found["MemorySize"], found["Timeout"]) == (described.memory_mb, described.timeout_seconds)
    assert found["Handler"] == described.handler
    assert (found["Runtime"], found["Architectures"]) == ("python3.13", ["arm64"])
    assert found["TracingConfig"] == {"Mode": "Active"}
    assert found["LoggingConfig"]["LogFormat"] == "JSON"
    assert len(found.get("Layers", [])) == len(described.layers)
    variables = found.get("Environment", {}).get("Variables", {})
    assert set(variables) == set(described.environment) - {"OPENAPI_FILE"}


def test_machines_find_the_step_functions_by_alias(dev: Assembly, prod: Assembly) -> None:
    (api,) = [f for f in FUNCTIONS if f.name == "api_workflows"]
    for assembly, suffix in ((dev, "workflow-dev-step-data"), (prod, "workflow-prod-step-data:live")):
        text = as_text(lambda_function(assembly, api)["Environment"]["Variables"]["STEP_FUNCTIONS"])
        step_functions = json.loads(text)
        assert set(step_functions) == {f.name for f in FUNCTIONS if f.kind == "step"}
        assert step_functions["step_data"].endswith(f":function:{suffix}")


def test_logs_are_kept_for_a_time_and_no_longer(dev: Assembly, prod: Assembly) -> None:
    for assembly, days in ((dev, 14), (prod, 365)):
        groups = assembly.resources("AWS::Logs::LogGroup")
        assert len(groups) == len(FUNCTIONS) + 2  # and those of the machines and of the API
        assert {group["RetentionInDays"] for group in groups.values()} == {days}


def test_the_api_has_the_routes_of_the_catalogue_and_is_closed_but_for_health_and_console(dev: Assembly) -> None:
    routes = dev.resources("AWS::ApiGatewayV2::Route").values()
    assert {route["RouteKey"] for route in routes} == {route.key for route in ROUTES}
    open_ = {route["RouteKey"] for route in routes if route.get("AuthorizationType", "NONE") == "NONE"}
    assert open_ == OPEN
    assert {r["AuthorizationType"] for r in routes if r["RouteKey"] not in open_} == {"AWS_IAM"}


def test_with_jwt_every_route_but_those_and_preflight_asks_for_a_token(prod: Assembly) -> None:
    checked(prod, "api").has_resource_properties(
        "AWS::ApiGatewayV2::Authorizer",
        {
            "AuthorizerType": "JWT",
            "JwtConfiguration": {"Issuer": "https://login.example.com/", "Audience": ["workflows"]},
            "IdentitySource": ["$request.header.Authorization"],
        },
    )
    routes = prod.resources("AWS::ApiGatewayV2::Route").values()
    open_ = {route["RouteKey"] for route in routes if route.get("AuthorizationType", "NONE") == "NONE"}
    assert open_ == OPEN | {"OPTIONS /{proxy+}"}
    assert {r["AuthorizationType"] for r in routes if r["RouteKey"] not in open_} == {"JWT"}
    for described in (f for f in FUNCTIONS if f.kind == "api"):
        variables = lambda_function(prod, described)["Environment"]["Variables"]
        assert variables["AUTH_MODE"] == "jwt"
        assert described.name in ("api_docs", "api_console") or variables["TENANT_CLAIM"] == "org_id"


def test_what_may_call_a_function_fits_into_its_policy(dev: Assembly) -> None:
    """Lambda, quotas: a function's resource-based policy has 20 KB. A statement has about 450 bytes."""
    of_functions = Counter(as_text(p["FunctionName"]) for p in dev.resources("AWS::Lambda::Permission").values())
    assert max(of_functions.values()) * 450 < 20_480


def test_only_configured_origins_may_call_from_a_browser(dev: Assembly, prod: Assembly) -> None:
    assert "CorsConfiguration" not in dev.only("AWS::ApiGatewayV2::Api")
    cors = prod.only("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com"]
    (of_bucket,) = prod.only("AWS::S3::Bucket")["CorsConfiguration"]["CorsRules"]
    assert of_bucket["AllowedOrigins"] == ["https://app.example.com"]
    assert (of_bucket["AllowedMethods"], of_bucket["AllowedHeaders"]) == (["GET", "PUT"], ["content-type"])
    assert set(cors["AllowMethods"]) == {route.method for route in ROUTES if route.method}


def test_requests_are_logged_and_limited(dev: Assembly) -> None:
    stage = dev.only("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 100
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 200
    fields = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"$context.requestId", "$context.identity.userArn", "$context.status"} <= set(fields.values())


def test_starts_of_subflows_reach_the_recorder_by_the_same_queue(dev: Assembly) -> None:
    started, ended = rules_of_machines(dev)
    pattern = as_text(started["EventPattern"])
    assert pattern["detail"] | {"stateMachineArn": None} == {
        "status": ["RUNNING"],
        "name": [{"prefix": "sub-"}],
        "stateMachineArn": None,
    }
    assert pattern["detail"]["stateMachineArn"] == as_text(ended["EventPattern"])["detail"]["stateMachineArn"]
    assert as_text(started["Targets"])[0]["Arn"] == as_text(ended["Targets"])[0]["Arn"]


def rules_of_machines(assembly: Assembly) -> tuple[Any, Any]:
    """The rules for starts of subflows, and for ends of runs."""
    rules = [r for r in assembly.resources("AWS::Events::Rule").values() if "EventPattern" in r]
    (started,) = [r for r in rules if r["EventPattern"]["detail"]["status"] == ["RUNNING"]]
    (ended,) = [r for r in rules if r is not started]
    return started, ended


def mapping_of(assembly: Assembly, function_id: str) -> dict[str, Any]:
    resources = assembly.resources("AWS::Lambda::EventSourceMapping").values()
    mappings: list[dict[str, Any]] = [as_text(mapping) for mapping in resources]
    (found,) = [mapping for mapping in mappings if function_id in mapping["FunctionName"]]
    return found


def test_ends_of_our_own_machines_reach_the_recorder_by_a_queue(dev: Assembly) -> None:
    _, rule = rules_of_machines(dev)
    pattern = as_text(rule["EventPattern"])
    assert pattern["detail-type"] == ["Step Functions Execution Status Change"]
    assert pattern["detail"]["status"] == ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
    (machines,) = pattern["detail"]["stateMachineArn"]
    assert machines["prefix"].endswith(":stateMachine:workflow-dev-")
    (target,) = as_text(rule["Targets"])
    mapping = mapping_of(dev, "ExecutionRecorder")
    assert mapping["EventSourceArn"] == target["Arn"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10
    assert "MaximumBatchingWindowInSeconds" not in mapping  # nobody who waits for an end waits for other ends
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}


def test_what_cannot_be_recorded_is_kept_for_two_weeks(dev: Assembly) -> None:
    queues = dev.resources("AWS::SQS::Queue")
    (queue,) = [q for q in queues.values() if "RedrivePolicy" in q]
    dead = {q["QueueName"]: q["MessageRetentionPeriod"] for q in queues.values() if "RedrivePolicy" not in q}
    assert dead == dict.fromkeys(("workflow-dev-ended-runs-dead", "workflow-dev-uncounted-runs"), 14 * 86_400)
    (recorder,) = [f for f in FUNCTIONS if f.name == "execution_recorder"]
    assert queue["VisibilityTimeout"] >= 6 * recorder.timeout_seconds


def test_who_counts_runs_is_told_of_ends_and_results_alone_and_what_fails_is_put_aside(dev: Assembly) -> None:
    assert dev.only("AWS::DynamoDB::Table")["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    mapping = mapping_of(dev, "RunCounter")
    assert "StreamArn" in mapping["EventSourceArn"]
    patterns = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]
    assert patterns == [dict(pattern) for pattern in STREAM_FILTERS]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert "UncountedRuns" in mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (1000, 12 * 3600)
    assert mapping["StartingPosition"] == "TRIM_HORIZON"


def test_the_clock_starts_what_the_catalogue_schedules(dev: Assembly) -> None:
    scheduled = [f for f in FUNCTIONS if f.kind == "schedule"]
    rules = [r["ScheduleExpression"] for r in dev.resources("AWS::Events::Rule").values() if "ScheduleExpression" in r]
    minutes = {5: "rate(5 minutes)", 15: "rate(15 minutes)", 60: "rate(1 hour)"}
    assert sorted(rules) == sorted(minutes[f.schedule_minutes or 0] for f in scheduled)


def test_snapstart_is_asked_for_and_then_everybody_invokes_the_alias(dev: Assembly, prod: Assembly) -> None:
    assert all("SnapStart" not in f for f in dev.resources("AWS::Lambda::Function").values())
    assert not dev.resources("AWS::Lambda::Alias")
    assert all(
        f["SnapStart"] == {"ApplyOn": "PublishedVersions"} for f in prod.resources("AWS::Lambda::Function").values()
    )
    aliases = {name.split("/")[1] for name in prod.resources("AWS::Lambda::Alias")}
    assert len(aliases) == len(FUNCTIONS)
    integrations = prod.resources("AWS::ApiGatewayV2::Integration").values()
    invoked = [as_text(i["IntegrationUri"]) for i in integrations]
    invoked += [as_text(p["FunctionName"]) for p in prod.resources("AWS::Lambda::Permission").values()]
    mappings = prod.resources("AWS::Lambda::EventSourceMapping").values()
    invoked += [as_text(mapping["FunctionName"]) for mapping in mappings]
    assert all(any(alias in uri for alias in aliases) or uri.endswith(":live") for uri in invoked)


def alarms_of(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Alarms by what follows `workflow-STAGE-` in their names."""
    return {a["AlarmName"].split("-", 2)[2]: a for a in assembly.resources("AWS::CloudWatch::Alarm").values()}


def watched(alarm: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Namespace, metric and dimensions of an alarm."""
    dimensions = {d["Name"]: as_text(d["Value"]) for d in alarm.get("Dimensions", ())}
    return alarm["Namespace"], alarm["MetricName"], dimensions


def test_alarms_exist_for_all_that_can_go_wrong(dev: Assembly) -> None:
    wanted = set()
    for described in FUNCTIONS:
        id_ = "".join(part.capitalize() for part in described.name.split("_"))
        wanted |= {f"{id_}Throttles", f"{id_}Faults" if described.kind == "step" else f"{id_}Errors"}
        wanted |= {f"{id_}NotRunning"} if described.schedule_minutes else set()
    wanted |= {"DeadLetters", "EndedRunsWait", "QuarantinedRuns", "ExecutionThrottled", "ServerErrors", "SlowRequests"}
    wanted |= {"UncountedRuns", "CountedLate"}
    parts = ("Table", "ByTenant", "ByWorkflow", "ByArn", "ByDue")
    wanted |= {f"{part}{what}Throttles" for part in parts for what in ("Read", "Write")}
    assert set(alarms_of(dev)) == wanted


def test_every_alarm_is_on_one_plain_metric_that_is_no_mistake_to_miss(dev: Assembly) -> None:
    for name, alarm in alarms_of(dev).items():
        assert "Metrics" not in alarm, name
        if not name.endswith("NotRunning"):
            assert alarm["TreatMissingData"] == "notBreaching", name
            assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold", name


@pytest.mark.parametrize(
    ("name", "metric", "statistic", "threshold"),
    [
        (
            "DeadLetters",
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "ended-runs-dead"),
            "Maximum",
            1,
        ),
        ("EndedRunsWait", ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "ended-runs"), "Maximum", 1800),
        (
            "UncountedRuns",
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "uncounted-runs"),
            "Maximum",
            1,
        ),
        ("CountedLate", ("AWS/Lambda", "IteratorAge", "FunctionName", "run-counter"), "Maximum", 1_800_000),
        ("QuarantinedRuns", ("WorkflowEngine", "QuarantinedRuns", "Deployment", ""), "Sum", 1),
        ("SlowRequests", ("WorkflowEngine", "RequestDuration", "Deployment", ""), "p99", 5000),
        ("TableWriteThrottles", ("AWS/DynamoDB", "WriteThrottleEvents", "TableName", "table"), "Sum", 10),
        ("ApiToolsErrors", ("AWS/Lambda", "Errors", "FunctionName", "api-tools"), "Sum", 1),
    ],
)
def test_an_alarm_watches_what_its_name_says(
    dev: Assembly, name: str, metric: tuple[str, str, str, str], statistic: str, threshold: int
) -> None:
    alarm = alarms_of(dev)[name]
    namespace, metric_name, dimension, value = metric
    assert watched(alarm) == (namespace, metric_name, {dimension: f"workflow-dev-{value}".removesuffix("-")})
    assert (alarm.get("Statistic") or alarm["ExtendedStatistic"], alarm["Threshold"]) == (statistic, threshold)


def test_throttled_transitions_are_the_accounts_since_machines_come_and_go(dev: Assembly) -> None:
    alarm = alarms_of(dev)["ExecutionThrottled"]
    assert watched(alarm) == ("AWS/States", "ThrottledEvents", {"ServiceMetric": "StateTransition"})
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)


def test_an_index_is_watched_beside_its_table(dev: Assembly) -> None:
    names = {index["IndexName"] for index in dev.only("AWS::DynamoDB::Table")["GlobalSecondaryIndexes"]}
    found = [watched(alarm) for name, alarm in alarms_of(dev).items() if name.startswith("By")]
    both = {(n, f"{what}ThrottleEvents") for n in names for what in ("Read", "Write")}
    assert {(d["GlobalSecondaryIndexName"], metric) for _, metric, d in found} == both
    assert {d["TableName"] for _, _, d in found} == {"workflow-dev-table"}


def test_the_docs_tell_every_alarm_of_its_own_and_how_many_there_are(dev: Assembly) -> None:
    text = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
    of_functions = {f"{construct_id(f.name)}{kind}" for f in FUNCTIONS for kind in ("Errors", "Faults", "Throttles")}
    more = set(alarms_of(dev)) - of_functions
    kinds = {name for name in more if not re.fullmatch("(Table|By).+Throttles", name)}
    assert [name for name in sorted(kinds) if f"`{name}`" not in text] == []
    assert len(set(alarms_of(dev)) & of_functions) == 2 * len(FUNCTIONS)
    assert f"two for each function and {len(more)} more" in " ".join(text.split())


def test_a_clock_that_stands_still_is_told_though_it_makes_no_data(dev: Assembly) -> None:
    periods = {f.name: f.schedule_minutes * 60 for f in FUNCTIONS if f.schedule_minutes is not None}
    assert len(periods) == 5
    for name, period in periods.items():
        alarm = alarms_of(dev)[f"{construct_id(name)}NotRunning"]
        assert watched(alarm)[:2] == ("AWS/Lambda", "Invocations")
        assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Sum", period, 3)
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert alarm["TreatMissingData"] == "breaching"


def test_a_step_function_alarms_by_the_faults_in_its_log_and_not_by_users_failures(dev: Assembly) -> None:
    filters = dev.resources("AWS::Logs::MetricFilter").values()
    made = {t["MetricName"]: f for f in filters for t in f["MetricTransformations"]}
    for described in (f for f in FUNCTIONS if f.kind == "step"):
        id_ = "".join(part.capitalize() for part in described.name.split("_"))
        name = f"workflow-dev-{described.name.replace('_', '-')}"
        assert f"{id_}Errors" not in alarms_of(dev)
        assert watched(alarms_of(dev)[f"{id_}Faults"]) == ("WorkflowEngine", f"{name}-faults", {})
        found = made.pop(f"{name}-faults")
        (counted,) = found["MetricTransformations"]
        assert (counted["MetricNamespace"], counted["MetricValue"]) == ("WorkflowEngine", "1")
        group = dev.templates["steps"]["Resources"][found["LogGroupName"]["Ref"]]
        assert group["Properties"]["LogGroupName"] == f"/aws/lambda/{name}"
        assert '($.fault = "unexpected") || ($.errorType = "Runtime.*")' in found["FilterPattern"]
        assert '$.record.status = "timeout"' in found["FilterPattern"]
        assert '$.record.status = "error"' not in found["FilterPattern"]
    assert not made


def test_alarms_tell_somebody_when_there_is_a_topic(dev: Assembly, prod: Assembly) -> None:
    assert all("AlarmActions" not in a for a in dev.resources("AWS::CloudWatch::Alarm").values())
    actions = [a["AlarmActions"] for a in prod.resources("AWS::CloudWatch::Alarm").values()]
    assert actions == [["arn:aws:sns:eu-west-1:123456789012:alarms"]] * len(actions)


def test_alarms_can_be_left_out() -> None:
    deployment = Deployment(StageConfig(alarms=False))
    stack = ObservabilityStack(App(), "Observability", deployment=deployment, api_id="api")
    Template.from_stack(stack).resource_count_is("AWS::CloudWatch::Alarm", 0)
    Template.from_stack(stack).resource_count_is("AWS::CloudWatch::Dashboard", 1)


def test_there_is_a_dashboard(dev: Assembly) -> None:
    checked(dev, "observability").has_resource_properties(
        "AWS::CloudWatch::Dashboard", {"DashboardName": "workflow-dev", "DashboardBody": Match.any_value()}
    )


def test_no_stack_imports_from_another_what_follows_from_names(dev: Assembly) -> None:
    outputs = [(stack, output) for stack, t in dev.templates.items() for output in t.get("Outputs", {}).items()]
    exported = [(stack, as_text(output["Value"])) for stack, (_, output) in outputs if "Export" in output]
    assert [(stack, re.sub("[0-9A-F]{8}", "", value)) for stack, value in exported] == [
        ("api", "${Api}"),
        ("data", "${Table.StreamArn}"),
    ]
    assert "ApiUrl" in dev.templates["api"]["Outputs"]


def test_lists_of_one_are_read_as_lists() -> None:
    assert as_list("a") == as_list(["a"]) == ["a"]


def test_objects_of_runs_expire_where_runs_do_and_no_sooner_than_their_records_may() -> None:
    assert expiry_of_runs(0) == []
    (rule,) = expiry_of_runs(30)
    assert (rule.prefix, rule.expiration and rule.expiration.to_days()) == ("payloads/runs/", 30 + 366)
