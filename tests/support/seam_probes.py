"""One small machine or call a seam: does the interpreter do what AWS does?

`test_seams` runs the probes with the seams, where each must pass. `python -m tests.support.seam_probes` runs them
without, on stock moto with only an evaluator plugged in, where each must fail: one that passes there tells that its
seam is needed no more.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

Probe = Callable[["Client"], bool]

PROBES: dict[str, Probe] = {}

# Probes with refused definitions. On stock moto these spoil what is parsed after them.
_REFUSED: Final = (
    "an_expression_that_does_not_parse_is_refused_at_create",
    "double_context_references_are_refused_at_create",
    "a_bad_definition_is_invalid_definition",
    "a_refused_definition_does_not_poison_the_next",
)

ROLE: Final = "arn:aws:iam::123456789012:role/machines"
PATIENCE_SECONDS: Final = 6.0
"""After this a run without the seams is taken for one that does not end."""

_numbers = itertools.count()
_creating = threading.Lock()


def probe(function: Probe) -> Probe:
    """Add a probe; its name says what AWS does."""
    PROBES[function.__name__] = function
    return function


class Client:
    """What a probe may use: the Step Functions client and a way to run one machine."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.patience_seconds = patience_seconds
        self.sfn: Any = boto3.client(
            "stepfunctions", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )

    def create(self, states: dict[str, Any], **top: Any) -> str:
        """Create a JSONata machine that starts at its first state."""
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **top}
        with _creating:
            answer = self.sfn.create_state_machine(
                name=f"probe-{next(_numbers)}", definition=json.dumps(definition), roleArn=ROLE
            )
        return str(answer["stateMachineArn"])

    def start(self, states: dict[str, Any], value: Any = None, **top: Any) -> str:
        """Create a machine and start it under a name of its own."""
        arn = self.create(states, **top)
        name = f"run-{next(_numbers)}"
        return str(self.sfn.start_execution(stateMachineArn=arn, name=name, input=json.dumps(value))["executionArn"])

    def run(self, states: dict[str, Any], value: Any = None, **top: Any) -> dict[str, Any]:
        """Run a machine and describe its end; the status is RUNNING where it does not end."""
        return self.end_of(self.start(states, value, **top))

    def end_of(self, execution: str) -> dict[str, Any]:
        """Wait for an end, but not for ever."""
        deadline = time.monotonic() + self.patience_seconds
        described: dict[str, Any] = self.sfn.describe_execution(executionArn=execution)
        while described["status"] == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.02)
            described = self.sfn.describe_execution(executionArn=execution)
        return described

    def events(self, execution: str) -> list[dict[str, Any]]:
        """The first page of a history."""
        events: list[dict[str, Any]] = self.sfn.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return events


def _pass(output: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Output": output, "End": True, **more}


def _then(state: dict[str, Any], following: str) -> dict[str, Any]:
    return {**{key: value for key, value in state.items() if key != "End"}, "Next": following}


def _parallel(branch: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": [{"StartAt": "Inner", "States": {"Inner": branch}}], "End": True, **more}


def _nested(child: str, value: Any, **more: Any) -> dict[str, Any]:
    arguments = {"StateMachineArn": child, "Name": f"child-{next(_numbers)}", "Input": value}
    resource = "arn:aws:states:::states:startExecution.sync:2"
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more}


def _value(described: dict[str, Any]) -> Any:
    return json.loads(described["output"]) if "output" in described else None


@probe
def strings_with_quotes_and_line_breaks_are_data(client: Client) -> bool:
    text = 'He said "hi"\nand left \\ $now()'
    first = _then(_pass({}, Assign={"v": "{% $states.input.text %}"}), "B")
    return bool(_value(client.run({"A": first, "B": _pass("{% $v %}")}, {"text": text})) == text)


@probe
def a_refused_definition_does_not_poison_the_next(client: Client) -> bool:
    from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

    try:
        client.create({"A": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": True}})
    except ClientError:
        return not vars(Preprocessor)["_query_language_per_scope"]
    return False


@probe
def a_bad_definition_is_invalid_definition(client: Client) -> bool:
    try:
        client.create({"A": {"Type": "Nothing"}})
    except client.sfn.exceptions.InvalidDefinition:
        return True
    except ClientError:
        return False
    return False


@probe
def an_evaluation_that_fails_is_a_query_evaluation_error(client: Client) -> bool:
    return bool(client.run({"A": _pass("{% 1 + 'x' %}")}).get("error") == "States.QueryEvaluationError")


@probe
def an_undefined_result_is_a_query_evaluation_error_with_its_field(client: Client) -> bool:
    ended = client.run({"A": _pass({"total": "{% $states.input.nothing %}"})}, {})
    return bool(ended.get("error") == "States.QueryEvaluationError" and "'Output/total'" in ended.get("cause", ""))


@probe
def a_states_error_in_a_branch_can_be_caught(client: Client) -> bool:
    catch = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught"}]
    states = {"A": _parallel(_pass("{% $nothing %}"), Catch=catch), "Caught": _pass("caught")}
    return bool(_value(client.run(states)) == "caught")


@probe
def a_cause_is_decorated_once(client: Client) -> bool:
    ended = client.run({"A": _parallel(_pass("{% $nothing %}"))})
    return bool(ended.get("cause", "").count("An error occurred while executing the state") == 1)


@probe
def the_argument_of_a_failed_parallel_can_be_caught(client: Client) -> bool:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    states = {"A": _parallel(_pass(1), Arguments="{% $nothing %}", Catch=catch), "Caught": _pass("caught")}
    return bool(_value(client.run(states)) == "caught")


@probe
def states_all_does_not_catch_an_exceeded_data_limit(client: Client) -> bool:
    child = client.create({"A": _pass("{% $pad('', 262100, 'x') %}")})
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    ended = client.run({"A": _nested(child, {}, Catch=catch), "Caught": _pass("caught")})
    return bool(ended.get("error") == "States.DataLimitExceeded")


@probe
def output_sees_the_variables_at_entry(client: Client) -> bool:
    first = _then(_pass({}, Assign={"v": "old"}), "B")
    second = _pass("{% $v %}", Assign={"v": "new"})
    return bool(_value(client.run({"A": first, "B": second})) == "old")


@probe
def the_context_reference_is_allowed_in_filters(client: Client) -> bool:
    return bool(_value(client.run({"A": _pass("{% $states.input[$ > 1] %}")}, [1, 2, 3])) == [2, 3])


@probe
def hash_gives_a_digest(client: Client) -> bool:
    return bool(_value(client.run({"A": _pass("{% $hash('a', 'MD5') %}")})) == "0cc175b9c0f1b6a831c399e269772661")


@probe
def uuid_gives_a_uuid(client: Client) -> bool:
    return len(str(_value(client.run({"A": _pass("{% $uuid() %}")})))) == 36


@probe
def partition_refuses_a_chunk_size_of_zero(client: Client) -> bool:
    return bool(client.run({"A": _pass("{% $partition([1, 2], 0) %}")})["status"] == "FAILED")


@probe
def parse_reads_json_only(client: Client) -> bool:
    ended = client.run({"A": _pass("{% $parse('1 + 1') %}")})
    return bool(ended["status"] == "FAILED")


@probe
def eval_is_not_supported(client: Client) -> bool:
    return bool(client.run({"A": _pass("{% $eval('1 + 1') %}")})["status"] == "FAILED")


@probe
def output_is_described_as_json_text(client: Client) -> bool:
    described = client.run({"A": _pass("text")})
    return bool(described.get("output") == '"text"')


@probe
def a_null_output_is_described_as_json_text(client: Client) -> bool:
    described = client.run({"A": _pass(None)})
    return bool(described.get("output") == "null")


@probe
def an_unnamed_execution_gets_a_name_of_its_own(client: Client) -> bool:
    answer = client.sfn.start_execution(stateMachineArn=client.create({"A": _pass(1)}))
    return not answer["executionArn"].endswith(":None")


@probe
def an_input_over_the_quota_is_refused(client: Client) -> bool:
    try:
        client.start({"A": _pass(1)}, "x" * 262_143)
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "ValidationException")
    return False


@probe
def a_payload_of_exactly_the_quota_passes(client: Client) -> bool:
    # Four bytes are the brackets and quotes around the text.
    return bool(client.run({"A": _pass("{% [$pad('', 262140, 'x')] %}")})["status"] == "SUCCEEDED")


@probe
def variables_are_limited(client: Client) -> bool:
    big = "{% $pad('', 200000, 'x') %}"
    ended = client.run({"A": _pass(1, Assign={"a": big, "b": big})})
    return bool(ended.get("error") == "States.DataLimitExceeded")


@probe
def histories_are_paged(client: Client) -> bool:
    execution = client.start({"A": _pass(1)})
    client.end_of(execution)
    answer = client.sfn.get_execution_history(executionArn=execution, maxResults=2)
    return len(answer["events"]) == 2 and "nextToken" in answer


@probe
def assigned_variables_are_recorded_as_json(client: Client) -> bool:
    execution = client.start({"A": _pass(1, Assign={"v": "{% $states.input %}"})}, 'a"b')
    client.end_of(execution)
    exited = next(event for event in client.events(execution) if event["type"] == "PassStateExited")
    return bool(exited["stateExitedEventDetails"].get("assignedVariables", {}).get("v") == '"a\\"b"')


@probe
def error_and_cause_of_a_stop_are_kept(client: Client) -> bool:
    execution = client.start({"A": {"Type": "Wait", "Seconds": 30, "End": True}})
    time.sleep(0.2)
    client.sfn.stop_execution(executionArn=execution, error="E", cause="because")
    ended = client.end_of(execution)
    return (ended["status"], ended.get("error"), ended.get("cause")) == ("ABORTED", "E", "because")


@probe
def a_timed_out_execution_has_a_stop_date(client: Client) -> bool:
    ended = client.run({"A": {"Type": "Wait", "Seconds": 30, "End": True}}, TimeoutSeconds=1)
    return ended["status"] == "TIMED_OUT" and "stopDate" in ended


@probe
def a_choice_without_match_and_default_is_no_choice_matched(client: Client) -> bool:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "B"}]}
    return bool(client.run({"A": choice, "B": _pass(1)}).get("error") == "States.NoChoiceMatched")


@probe
def a_rule_that_leads_to_the_default_state_leaves_the_choices_own_output(client: Client) -> bool:
    rules = [{"Condition": "{% true %}", "Next": "B", "Output": "by rule"}]
    choice = {"Type": "Choice", "Choices": rules, "Default": "B", "Output": "by default"}
    return bool(_value(client.run({"A": choice, "B": {"Type": "Pass", "End": True}})) == "by rule")


@probe
def seconds_must_be_a_number(client: Client) -> bool:
    ended = client.run({"A": {"Type": "Wait", "Seconds": "{% 'soon' %}", "End": True}})
    return bool(ended.get("error") == "States.QueryEvaluationError")


@probe
def a_nested_execution_gets_its_input(client: Client) -> bool:
    child = client.create({"A": _pass("{% $states.input.n + 1 %}")})
    task = _nested(child, {"n": 41}, Output="{% $states.result.Output %}")
    return bool(_value(client.run({"A": task})) == 42)


@probe
def an_expression_that_does_not_parse_is_refused_at_create(client: Client) -> bool:
    try:
        client.create({"A": _pass("{% 1 + %}")})
    except ClientError:
        return True
    return False


@probe
def double_context_references_are_refused_at_create(client: Client) -> bool:
    try:
        client.create({"A": _pass("{% $string($$) %}")})
    except ClientError:
        return True
    return False


@probe
def threads_are_not_kept(client: Client) -> bool:
    from moto.stepfunctions.parser import utils

    client.run({"A": _pass(1)})
    return not utils.TMP_THREADS


def run_stock() -> dict[str, bool]:
    """Whether each probe passes on moto as it is, with jsonata-python as the evaluator it lacks."""
    plug_evaluator()
    results = {}
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        client = Client()
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            running = {
                name: pool.submit(_passes, check, client) for name, check in PROBES.items() if name not in _REFUSED
            }
            results = {name: future.result() for name, future in running.items()}
        for name in _REFUSED:
            results[name] = _passes(PROBES[name], client)
    return results


def _passes(check: Probe, client: Client) -> bool:
    try:
        return check(client)
    except Exception:  # a probe that breaks does not find what AWS does
        return False


def plug_evaluator() -> None:
    """Give stock moto an evaluator, in the place that it leaves for one."""
    import jsonata
    from moto.stepfunctions.parser.asl.jsonata import jsonata as hook

    def evaluate(expression: str) -> Any:
        try:
            return jsonata.Jsonata(expression).evaluate(None)
        except Exception as error:
            raise hook.JSONataException(type(error).__name__, str(error)) from error

    hook.__dict__["_eval_jsonata"] = evaluate
    for module in list(sys.modules.values()):
        is_interpreter = getattr(module, "__name__", "").startswith("moto.stepfunctions.parser")
        if is_interpreter and "eval_jsonata_expression" in vars(module):
            vars(module)["eval_jsonata_expression"] = evaluate


if __name__ == "__main__":
    import logging

    import moto.stepfunctions.parser.models  # noqa: F401 - loads the modules that import the evaluator by name

    logging.disable(logging.CRITICAL)
    print(json.dumps(run_stock()))
