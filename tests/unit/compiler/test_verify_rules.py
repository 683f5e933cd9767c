"""Each rule of the verifier has machines that break it and nothing else, and good machines break none."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from workflow_engine import aws_quotas
from workflow_engine.compiler.verify import RULES, verify

Json = Any
LAMBDA = "arn:aws:states:::lambda:invoke"
END: dict[str, Json] = {"Type": "Pass", "End": True}
CATCH_SOME = {"ErrorEquals": ["A"], "Next": "last"}
TOO_LARGE = {"ErrorEquals": ["States.DataLimitExceeded"]}
CATCH_ALL = {"ErrorEquals": ["States.ALL"], "Next": "last"}


def machine(**states: Json) -> dict[str, Json]:
    """A machine that starts at the first of `states`."""
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def inner(**states: Json) -> dict[str, Json]:
    """A branch or item processor that starts at the first of `states`."""
    return {"StartAt": next(iter(states)), "States": states}


def passing(**fields: Json) -> dict[str, Json]:
    return machine(only={"Type": "Pass", "End": True, **fields})


def task(**fields: Json) -> dict[str, Json]:
    return machine(only={"Type": "Task", "Resource": LAMBDA, "End": True, **fields})


def caught(**catcher: Json) -> dict[str, Json]:
    """A Task whose catcher has these fields too."""
    state = {"Type": "Task", "Resource": LAMBDA, "Catch": [{**CATCH_SOME, **catcher}], "Next": "last"}
    return machine(first=state, last=END)


def choice(**fields: Json) -> dict[str, Json]:
    rules = [{"Condition": "{% $states.input.a = 1 %}", "Next": "last"}]
    return machine(first={"Type": "Choice", "Choices": rules, "Default": "last", **fields}, last=END)


def mapped(processor: Json = None, **fields: Json) -> dict[str, Json]:
    return machine(each={"Type": "Map", "ItemProcessor": processor or inner(item=END), "End": True, **fields})


def distributed(**states: Json) -> dict[str, Json]:
    return {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inner(**states)}


def with_outer(container: dict[str, Json]) -> dict[str, Json]:
    """A machine that assigns `outer` and then enters the Parallel or Map."""
    return machine(first={"Type": "Pass", "Assign": {"outer": 1}, "Next": "container"}, container=container)


READS_OUTER = {"Type": "Pass", "Output": "{% $outer %}", "End": True}
ASSIGNS_OUTER = {"Type": "Pass", "Assign": {"outer": 2}, "End": True}
RETRY_SOME = {"ErrorEquals": ["A"]}

BROKEN: list[tuple[str, str, dict[str, Json]]] = [
    ("ASL-TOP-LEVEL", "", {"QueryLanguage": "JSONata", "StartAt": "a", "States": {}}),
    ("ASL-TOP-LEVEL", "", {"QueryLanguage": "JSONata", "States": {"a": END}}),
    ("ASL-TOP-LEVEL", "/QueryLanguage", inner(a=END)),
    ("ASL-TOP-LEVEL", "/States/p/Branches/0", machine(p={"Type": "Parallel", "Branches": [{}], "End": True})),
    ("ASL-DEFINITION-SIZE", "", passing(Output="x" * aws_quotas.DEFINITION_BYTES)),
    ("ASL-STATE-TYPE", "/States/only/Type", machine(only={"Type": "Loop", "End": True})),
    ("ASL-STATE-TYPE", "/States/b", machine(a=END, b=[])),
    ("ASL-NAME-LENGTH", "/States/" + "x" * 81, machine(**{"x" * 81: END})),
    ("ASL-NAME-CHARACTERS", "/States/a~1b", machine(**{"a/b": END})),
    ("ASL-NAME-CHARACTERS", "/States/a\x07", machine(**{"a\x07": END})),
    ("ASL-DUPLICATE-NAME", "/States/p/Branches/1/States/a",
     machine(p={"Type": "Parallel", "Branches": [inner(a=END), inner(a=END)], "End": True})),
    ("ASL-DANGLING-NEXT", "/States/a/Catch/0/Next",
     machine(a={"Type": "Task", "Resource": LAMBDA, "Catch": [CATCH_SOME], "End": True})),
    ("ASL-DANGLING-NEXT", "/States/first/Default", choice(Default="nowhere")),
    ("ASL-DANGLING-NEXT", "/StartAt", {**machine(a=END), "StartAt": "b"}),
    ("ASL-NEXT-OR-END", "/States/a", machine(a={"Type": "Pass", "Next": "b", "End": True}, b=END)),
    ("ASL-UNREACHABLE", "/States/b", machine(a=END, b=END)),
    ("ASL-NO-TERMINAL", "/States", machine(a={"Type": "Pass", "Next": "a"})),
    ("ASL-MISSING-FIELD", "/States/a", machine(a={"Type": "Task", "End": True})),
    ("ASL-MISSING-FIELD", "/States/a", machine(a={"Type": "Map", "End": True})),
    ("ASL-MISSING-FIELD", "/States/a", machine(a={"Type": "Parallel", "End": True})),
    ("ASL-MISSING-FIELD", "/States/a", machine(a={"Type": "Wait", "End": True})),
    ("ASL-MISSING-FIELD", "/States/a",
     machine(a={"Type": "Wait", "Seconds": 1, "Timestamp": "{% $now() %}", "End": True})),
    ("ASL-UNKNOWN-FIELD", "/States/only/Retry", passing(Retry=[RETRY_SOME])),
    ("ASL-UNKNOWN-FIELD", "/States/only/Catch", passing(Catch=[])),
    ("ASL-UNKNOWN-FIELD", "/States/only/Assign", machine(only={"Type": "Succeed", "Assign": {"a": 1}})),
    ("ASL-UNKNOWN-FIELD", "/States/only/Assign", machine(only={"Type": "Fail", "Assign": {"a": 1}})),
    ("ASL-UNKNOWN-FIELD", "/States/only/Output", machine(only={"Type": "Fail", "Output": 1})),
    ("ASL-UNKNOWN-FIELD", "/States/only/Next", machine(only={"Type": "Succeed", "Next": "only"})),
    ("ASL-UNKNOWN-FIELD", "/States/first/End", choice(End=True)),
    ("ASL-UNKNOWN-FIELD", "/States/each/Arguments", mapped(Arguments={})),
    ("ASL-UNKNOWN-FIELD", "/States/only/Retry/0/MaxAttemps", task(Retry=[{**RETRY_SOME, "MaxAttemps": 1}])),
    ("ASL-JSONPATH-FIELD", "/States/only/ResultPath", passing(ResultPath="$")),
    ("ASL-JSONPATH-FIELD", "/States/only/Parameters", task(Parameters={})),
    ("ASL-JSONPATH-FIELD", "/States/each/ItemsPath", mapped(ItemsPath="$.a")),
    ("ASL-JSONPATH-FIELD", "/States/only/TimeoutSecondsPath", task(TimeoutSecondsPath="$.a")),
    ("ASL-JSONPATH-FIELD", "/States/only/Output/a/b.$", passing(Output={"a": {"b.$": "$.c"}})),
    ("ASL-QUERY-LANGUAGE", "/States/only/QueryLanguage", passing(QueryLanguage="JSONPath", ResultPath="$")),
    ("ASL-FIELD-VALUE", "/States/only/TimeoutSeconds", task(TimeoutSeconds=0)),
    ("ASL-FIELD-VALUE", "/States/only/TimeoutSeconds", task(TimeoutSeconds=100_000_000)),
    ("ASL-FIELD-VALUE", "/States/only/TimeoutSeconds", task(TimeoutSeconds=True)),
    ("ASL-FIELD-VALUE", "/States/only/HeartbeatSeconds", task(TimeoutSeconds=5, HeartbeatSeconds=5)),
    ("ASL-FIELD-VALUE", "/States/a/Seconds", machine(a={"Type": "Wait", "Seconds": -1, "End": True})),
    ("ASL-FIELD-VALUE", "/States/a/Timestamp", machine(a={"Type": "Wait", "Timestamp": "tomorrow", "End": True})),
    ("ASL-FIELD-VALUE", "/States/each/Items", mapped(Items=3)),
    ("ASL-FIELD-VALUE", "/States/each/ToleratedFailurePercentage", mapped(ToleratedFailurePercentage=101)),
    ("ASL-FIELD-VALUE", "/States/p/Branches", machine(p={"Type": "Parallel", "Branches": [], "End": True})),
    ("ASL-FIELD-VALUE", "/States/only/Resource", task(Resource="my-function")),
    ("ASL-FIELD-VALUE", "/TimeoutSeconds", {**machine(a=END), "TimeoutSeconds": "{% 5 %}"}),
    ("ASL-PROCESSOR-MODE", "/States/each/ItemProcessor/ProcessorConfig",
     mapped({"ProcessorConfig": {"Mode": "REMOTE"}, **inner(item=END)})),
    ("ASL-PROCESSOR-MODE", "/States/each/ItemProcessor/ProcessorConfig",
     mapped({"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **inner(item=END)})),
    ("ASL-DYNAMIC-RESOURCE", "/States/only/Resource", task(Resource="{% $states.input.arn %}")),
    ("ASL-CONDITION", "/States/first/Choices/0/Condition", choice(Choices=[{"Condition": "a = 1", "Next": "last"}])),
    ("ASL-RETRY-VALUE", "/States/only/Retry/0/MaxAttempts", task(Retry=[{**RETRY_SOME, "MaxAttempts": "{% 1 %}"}])),
    ("ASL-RETRY-VALUE", "/States/only/Retry/0/IntervalSeconds", task(Retry=[{**RETRY_SOME, "IntervalSeconds": 0}])),
    ("ASL-RETRY-VALUE", "/States/only/Retry/0/BackoffRate", task(Retry=[{**RETRY_SOME, "BackoffRate": 0.5}])),
    ("ASL-RETRY-VALUE", "/States/only/Retry/0/MaxDelaySeconds",
     task(Retry=[{**RETRY_SOME, "MaxDelaySeconds": aws_quotas.RETRY_DELAY_SECONDS}])),
    ("ASL-RETRY-VALUE", "/States/only/Retry/0/JitterStrategy", task(Retry=[{**RETRY_SOME, "JitterStrategy": "SOME"}])),
    ("ASL-RETRY-VALUE", "/States/only/Retry/0/ErrorEquals", task(Retry=[{"ErrorEquals": []}])),
    ("ASL-STATES-ALL", "/States/only/Retry/1/ErrorEquals", task(Retry=[TOO_LARGE, {"ErrorEquals": ["States.ALL", "A"]}])),
    ("ASL-STATES-ALL", "/States/only/Retry/1/ErrorEquals",
     task(Retry=[TOO_LARGE, {"ErrorEquals": ["States.ALL"]}, RETRY_SOME])),
    ("OWN-DATA-LIMIT", "/States/only/Retry", task(Retry=[{"ErrorEquals": ["States.ALL"]}])),
    ("OWN-DATA-LIMIT", "/States/only/Retry", task(Retry=[RETRY_SOME, {"ErrorEquals": ["States.ALL"]}])),
    ("OWN-DATA-LIMIT", "/States/first/Catch", caught(ErrorEquals=["States.ALL"])),
    ("ASL-VARIABLE-NAME", "/States/only/Assign/a.b", passing(Assign={"a.b": 1})),
    ("ASL-VARIABLE-NAME", "/States/only/Assign/_a", passing(Assign={"_a": 1})),
    ("ASL-VARIABLE-NAME", "/States/only/Assign/" + "a" * 81, passing(Assign={"a" * 81: 1})),
    ("ASL-VARIABLE-RESERVED", "/States/only/Assign/states", passing(Assign={"states": 1})),
    ("ASL-NESTED-ASSIGN", "/States/container/Branches/0/States/a/Assign/outer",
     with_outer({"Type": "Parallel", "Branches": [inner(a=ASSIGNS_OUTER)], "End": True})),
    ("ASL-NESTED-ASSIGN", "/States/container/ItemProcessor/States/a/Assign/outer",
     with_outer({"Type": "Map", "ItemProcessor": inner(a=ASSIGNS_OUTER), "End": True})),
    ("ASL-NESTED-ASSIGN", "/States/each/ItemProcessor/States/a/Assign/late",
     mapped(inner(a={"Type": "Pass", "Assign": {"late": 1}, "End": True}), Assign={"late": "{% $states.result %}"})),
    ("ASL-DISTRIBUTED-VARIABLE", "/States/container/ItemProcessor/States/a/Output",
     with_outer({"Type": "Map", "ItemProcessor": distributed(a=READS_OUTER), "End": True})),
    ("ASL-DISTRIBUTED-VARIABLE", "/States/container/ItemProcessor/States/p/Branches/0/States/a/Output",
     with_outer({"Type": "Map", "End": True, "ItemProcessor": distributed(
         p={"Type": "Parallel", "Branches": [inner(a=READS_OUTER)], "End": True})})),
    ("ASL-EXPRESSION-DELIMITERS", "/States/only/Output", passing(Output="{% 1")),
    ("ASL-EXPRESSION-DELIMITERS", "/States/only/Output/0", passing(Output=["1 %}"])),
    ("ASL-EXPRESSION-SYNTAX", "/States/only/Output", passing(Output="{% 1 + %}")),
    ("ASL-EXPRESSION-SYNTAX", "/States/only/Output", passing(Output="{% $states.input.a ?? 1 %}")),
    ("ASL-EXPRESSION-SYNTAX", "/States/only/Output", passing(Output="{%%}")),
    ("ASL-EXPRESSION-SYNTAX", "/States/only/Output", passing(Output="{% '\ud800' %}")),
    ("ASL-CONTEXT-REFERENCE", "/States/only/Output", passing(Output="{% phone %}")),
    ("ASL-CONTEXT-REFERENCE", "/States/only/Output", passing(Output="{% $ %}")),
    ("ASL-CONTEXT-REFERENCE", "/States/only/Output",
     passing(Output="{% $map($states.input, function($v) { $v & suffix }) %}")),
    ("ASL-ROOT-REFERENCE", "/States/only/Output", passing(Output="{% $states.input[$$.a] %}")),
    ("ASL-STATES-FIELD", "/States/only/Output", passing(Output="{% $states.inputs %}")),
    ("ASL-STATES-RESULT", "/States/only/Output", passing(Output="{% $states.result %}")),
    ("ASL-STATES-RESULT", "/States/only/Arguments/a", task(Arguments={"a": "{% $states.result.a %}"})),
    ("ASL-STATES-RESULT", "/States/each/Items", mapped(Items="{% $states.result %}")),
    ("ASL-STATES-RESULT", "/States/first/Catch/0/Output", caught(Output="{% $states.result %}")),
    ("ASL-STATES-RESULT", "/States/first/Choices/0/Condition",
     choice(Choices=[{"Condition": '{% $states."result" = 1 %}', "Next": "last"}])),
    ("ASL-STATES-ERROR", "/States/only/Output", task(Output="{% $states.errorOutput %}")),
    ("RUN-EVAL", "/States/only/Output", passing(Output="{% $eval('1') %}")),
    ("RUN-DEPTH", "/States/only/Output", passing(Output="{% " + "+".join("1" * 100) + " %}")),
    ("RUN-DEPTH", "/States/only/Output", passing(Output="{% " + "[" * 500 + "]" * 500 + " %}")),
    ("RUN-DEPTH", "/States/only/Output", passing(Output="{% " + "(" * 5000 + "1" + ")" * 5000 + " %}")),
    ("RUN-UNASSIGNED", "/States/only/Output", passing(Output="{% $nowhere %}")),
    ("RUN-UNASSIGNED", "/States/only/Output", passing(Output="{% $summ([1]) %}")),
    ("OWN-NAME-SPACE", "/States/a b", machine(**{"a b": END})),
    ("OWN-CHOICE-DEFAULT", "/States/first",
     machine(first={"Type": "Choice", "Choices": [{"Condition": True, "Next": "last"}]}, last=END)),
    ("OWN-VARIABLE-FUNCTION", "/States/only/Assign/merge", passing(Assign={"merge": 1})),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "place", "broken"), BROKEN, ids=[f"{b[0]}-{i}" for i, b in enumerate(BROKEN)])
def test_a_machine_that_breaks_one_rule_is_reported_for_that_rule_and_place(
    rule: str, place: str, broken: dict[str, Json]
) -> None:
    assert {(v.rule, v.pointer) for v in verify(broken)} == {(rule, place)}


def test_every_rule_has_a_machine_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(RULES)


def test_a_state_with_neither_next_nor_end_leaves_its_machine_without_an_end() -> None:
    found = verify(machine(a={"Type": "Pass"}))
    assert {v.rule for v in found} == {"ASL-NEXT-OR-END", "ASL-NO-TERMINAL"}


def good_machine() -> dict[str, Json]:
    """Parallel, Map, Choice, Wait and Catch, variables of outer scopes, results and errors, each in its place."""
    fetch = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Arguments": {"FunctionName": "{% $states.context.Execution.Input.functions.f %}", "Payload": "{% $start %}"},
        "TimeoutSeconds": "{% $states.context.Execution.Input.config.fetch.timeout %}",
        "Assign": {"fetched": "{% $states.result.Payload %}"},
        "Output": {"fetch": "{% $states.result.Payload %}"},
        "Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 3, "BackoffRate": 1.5, "JitterStrategy": "FULL"},
                  {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 0}],
        "Catch": [{**catcher, "Assign": {"fetched": "{% $states.errorOutput.Error %}"}, "Next": "check"}
                  for catcher in (TOO_LARGE, CATCH_ALL)],
        "Next": "check",
    }  # fmt: skip
    item = {"Type": "Pass", "Assign": {"doubled": "{% $states.input * 2 %}"}, "Next": "item_end"}
    each = {
        "Type": "Map",
        "Items": "{% $fetched.list %}",
        "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}"},
        "MaxConcurrency": 5,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            **inner(item=item, item_end={"Type": "Pass", "Output": "{% [$doubled, $start, $fetched] %}", "End": True}),
        },
        "Assign": {"all": "{% $states.result %}"},
        "Next": "wait",
    }
    both = {
        "Type": "Parallel",
        "Branches": [
            inner(each=each, wait={"Type": "Wait", "Seconds": 0, "Output": "{% $all %}", "End": True}),
            inner(b=END),
        ],
        "Assign": {"both": "{% $states.result[0] %}"},
        "Next": "done",
    }
    rule = {"Condition": "{% $fetched.ok = true %}", "Assign": {"both": None}, "Next": "done"}
    return machine(
        start={"Type": "Pass", "Assign": {"start": {"x": 1}}, "Next": "fetch"},
        fetch=fetch,
        check={"Type": "Choice", "Choices": [rule], "Default": "parts"},
        parts=both,
        done={"Type": "Succeed", "Output": {"result": "{% $both %}", "text": "100 % literal"}},
    )


def test_a_good_machine_with_every_kind_of_state_has_no_violations() -> None:
    assert verify(good_machine()) == []


def test_a_distributed_map_may_read_what_it_assigns_and_what_it_selects() -> None:
    processor = distributed(a={"Type": "Pass", "Assign": {"own": "{% $states.input.v %}"}, "Next": "b"},
                            b={"Type": "Pass", "Output": "{% $own %}", "End": True})  # fmt: skip
    assert (
        verify(
            with_outer({"Type": "Map", "ItemSelector": {"v": "{% $outer %}"}, "ItemProcessor": processor, "End": True})
        )
        == []
    )


def test_branches_may_assign_the_same_name() -> None:
    branches = [inner(a={**ASSIGNS_OUTER}), inner(b={**ASSIGNS_OUTER})]
    assert verify(machine(p={"Type": "Parallel", "Branches": branches, "End": True})) == []


def test_violations_do_not_depend_on_the_run_and_the_machine_stays_as_it_was() -> None:
    broken = machine(a={"Type": "Pass", "Next": "x", "Output": "{% $q & phone %}"}, b=END)
    before = deepcopy(broken)
    assert verify(broken) == verify(broken)
    assert broken == before


@pytest.mark.parametrize(
    "value", [None, 1, "text", [], {}, [1], {"a": []}, True, "{% 1 %}", [{}], [["States.ALL"]]], ids=json.dumps
)
def test_no_value_of_any_field_makes_the_verifier_raise(value: Json) -> None:
    good = good_machine()
    verify({**good, "States": value})
    for name in ("start", "fetch", "check", "parts", "done"):
        for field in [*good["States"][name], "Credentials", "ItemReader", "Timestamp", "Label"]:
            changed = deepcopy(good)
            changed["States"][name][field] = value
            assert all(v.rule in RULES for v in verify(changed))
    for field in ("StartAt", "ProcessorConfig", "States"):
        changed = deepcopy(good)
        changed["States"]["parts"]["Branches"][0]["States"]["each"]["ItemProcessor"][field] = value
        assert all(v.rule in RULES for v in verify(changed))
