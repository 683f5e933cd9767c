"""Cases from their start to their end: the clock, what is done from outside, and what stands in for models, tools and servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.local.testing.conftest import RunCases, told

OTHER: dict[str, Any] = {"step_id": "other", "step_type": "other"}
ASK: dict[str, Any] = {
    "step_id": "ask",
    "step_type": "human_approval",
    "config": {"prompt": "?", "require_comment": True},
}
SEND: dict[str, Any] = {
    "step_id": "send",
    "step_type": "http_request",
    "config": {"url": "https://a.example/x", "query": {"q": "1"}, "timeout_seconds": 10},
}


def agent(**config: Any) -> dict[str, Any]:
    return {
        "step_id": "talk",
        "step_type": "agent_execution",
        "config": {
            "query": "Hello",
            "agent_config": {"agent_name": "A", "provider_type": "openai_textgen", "model": "gpt-4o-mini", **config},
        },
    }


# Time


def test_a_case_has_its_own_now_and_randomness(run: RunCases) -> None:
    expressions = {"now": "$now()", "random": "$random()", "id": "$uuid()"}
    steps = [
        {
            "step_id": "pure",
            "step_type": "output",
            "input_mapping": {name: {"expression": text} for name, text in expressions.items()},
        },
        {"step_id": "count", "step_type": "data_processing", "config": {"processing_type": "word_count"}},
        {"step_id": "stamp", "step_type": "output", "input_mapping": {"at": "count.processed_at"}},
    ]
    cases = """
    defaults: {now: 2026-03-29T01:30:00+01:00}
    cases:
      - {name: a, seed: 7, expect: {check: 'output.pure.data.now = "2026-03-29T00:30:00.000Z"', snapshot: [output]}}
      - {name: b, seed: 8, expect: {output: {stamp: {data: {at: "2026-03-29T00:30:00.000Z"}}}, snapshot: [output]}}
    """
    first = run(steps, cases)
    again = run(steps, cases)
    assert [each.failures for each in (*first, *again)] == [()] * 4


def test_equal_seeds_give_equal_jitter_and_ids_and_others_do_not(run: RunCases, tmp_path: Path) -> None:
    steps = [{"step_id": "pure", "step_type": "output", "input_mapping": {"id": {"expression": "$uuid()"}}}]
    run(steps, "cases: [{name: c, seed: 1, expect: {snapshot: [output]}}]")
    (other,) = run(steps, "cases: [{name: c, seed: 2, expect: {snapshot: [output]}}]")
    assert "by its snapshot" in other.failures[0].told


def test_now_without_an_offset_is_of_the_time_zone(run: RunCases) -> None:
    steps = [
        {"step_id": "pure", "step_type": "output", "input_mapping": {"now": {"expression": "$now()"}, "more": "input"}}
    ]
    (outcome,) = run(
        steps,
        """
        cases:
          - name: c
            now: 2026-07-01T12:00:00
            time_zone: Europe/Berlin
            expect: {output: {pure: {data: {now: "2026-07-01T10:00:00.000Z"}}}}
        """,
    )
    assert outcome.failures == ()


def test_a_real_handler_runs_in_the_time_zone_and_takes_its_time_while_none_is_skipped(run: RunCases) -> None:
    (outcome,) = run(
        [
            {"step_id": "clock", "step_type": "clock"},
            {"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 3600}},
        ],
        """
        cases:
          - name: c
            time_zone: Pacific/Honolulu
            mocks: {clock: {real: true}}
            expect: {output: {clock: {zone: HST}}, duration: {min: 1h, max: 1h 30s}, calls: {clock: {at: [{max: 1s}]}}}
        """,
    )
    assert outcome.failures == ()


# From outside


def test_a_decision_that_the_api_would_refuse_fails_the_case(run: RunCases) -> None:
    refused, taken = run(
        [ASK | {"timeout_seconds": 60}],
        """
        cases:
          - {name: refused, mocks: {ask: {decision: approved, after: 5s}}, expect: {error: {type: States.Timeout}}}
          - name: taken
            mocks: {ask: {decision: denied, comment: no, by: ann, after: 5s}}
            expect: {output: {ask: {decision: denied, decided_by: ann, comment: "no"}}, duration: 5s}
        """,
    )
    assert ["needs a comment" in failure.told for failure in refused.failures] == [True]
    assert taken.failures == ()


def test_a_run_that_waits_for_a_person_is_waiting(run: RunCases) -> None:
    waiting, wrong = run(
        [ASK, {"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 60}}],
        """
        cases:
          - {name: waits, mocks: {ask: {hang: true}}, expect: {status: waiting, steps: {ask: running, wait: completed}}}
          - {name: ends, mocks: {ask: {decision: denied, comment: "no"}}, expect: {status: waiting}}
        """,
    )
    assert waiting.failures == ()
    assert told(wrong)[0].startswith("w.test.yaml:5: status is completed, expected waiting")


def test_a_decision_may_be_replaced_by_an_output_or_a_failure(run: RunCases) -> None:
    output, error, unmocked, pure = run(
        [ASK | {"conditions": "input.x is_null"}],
        """
        cases:
          - {name: output, mocks: {ask: {output: {decision: approved}}}, expect: {output: {ask: {decision: approved}}}}
          - {name: error, mocks: {ask: {error: Lost, message: why}}, expect: {error: {type: Lost, message: why}}}
          - {name: unmocked, expect: {status: failed}}
          - {name: nothing waits, input: {x: 1}, expect: {status: waiting}}
        """,
    )
    assert output.failures == error.failures == ()
    assert ["ask: {decision: approved}" in failure.told for failure in unmocked.failures] == [True]
    assert told(pure) == ["w.test.yaml:7: status is completed, expected waiting"]


def test_a_run_is_cancelled_at_its_time(run: RunCases) -> None:
    (outcome,) = run(
        [OTHER],
        """
        cases:
          - name: c
            mocks: {other: {hang: true}}
            actions: [{at: 10m, cancel: enough}, {at: 20m, cancel: again}]
            expect: {status: cancelled, duration: 10m}
        """,
    )
    assert outcome.failures == ()


def test_a_failed_run_is_redriven_with_other_mocks_and_does_not_do_again_what_was_done(run: RunCases) -> None:
    (outcome,) = run(
        [OTHER, {**OTHER, "step_id": "second", "dependencies": ["other"]}],
        """
        cases:
          - name: c
            mocks: {other: {output: {n: 1}}, second: {error: Down}}
            actions:
              - {at: 1m, redrive: {mocks: {second: {output: {n: 2}}}}}
              - {at: 2m, redrive: {}, expect_error: 409}
            expect: {status: completed, output: {second: {n: 2}}, calls: {other: 1, second: {at: [0s, 1m]}}}
        """,
    )
    assert outcome.failures == ()


def test_an_action_that_is_refused_unexpectedly_fails_the_case(run: RunCases) -> None:
    refused, taken = run(
        [OTHER],
        """
        defaults: {mocks: {other: {after: 1h, output: {}}}}
        cases:
          - {name: refused, actions: [{at: 1m, redrive: {}}], expect: {status: completed}}
          - {name: taken, actions: [{at: 1m, cancel: x, expect_error: 409}], expect: {status: cancelled}}
        """,
    )
    assert told(refused)[0].startswith("w.test.yaml:5: 'redrive' is refused with 409")
    assert told(taken)[0] == "w.test.yaml:6: 'cancel' is taken; expected to be refused with 409"


# Servers


def test_a_request_is_answered_by_the_pattern_of_its_address(run: RunCases) -> None:
    outcomes = run(
        [SEND],
        """
        cases:
          - name: by address
            mocks: {"http:GET https://a.example/*": {status: 200, json: {n: 1}, headers: {X-A: b}}}
            expect: {output: {send: {body: {n: 1}, headers: {x-a: b}}}, calls: {send: {inputs: [{query: {q: "1"}, method: GET}]}}}
          - name: by step
            mocks: {send: [{status: 503}, {status: 503}, {status: 200, body: text}]}
            expect: {status: completed, output: {send: {attempts: 3, body: text}}, calls: {send: 3}}
          - name: the server is silent
            mocks: {"http:* *": {hang: true}}
            expect: {error: {type: HttpTimeoutError}, calls: {send: {count: 3}}}
          - name: a whole output
            mocks: {send: {output: {body: 5}}}
            expect: {output: {send: {body: 5}}}
          - name: no mock
            expect: {status: failed, error: {type: UnmockedStepError}}
        """,
    )
    assert [outcome.failures for outcome in outcomes[:4]] == [()] * 4
    (failure,) = outcomes[4].failures
    assert 'send: {status: 200, json: {}}\n    or "http:GET https://a.example/x"' in failure.told


def test_no_request_leaves_the_process(run: RunCases) -> None:
    metadata = {**SEND, "config": {"url": "http://169.254.169.254/latest"}}
    (outcome,) = run(
        [metadata], "cases: [{name: c, mocks: {send: {status: 200, body: x}}, expect: {status: completed}}]"
    )
    assert outcome.failures == ()


# Agents


def test_an_agent_asks_tools_and_its_model_again_as_its_mocks_say(run: RunCases) -> None:
    outcomes = run(
        [agent(tools=["calculator", "other"])],
        """
        cases:
          - name: turns
            mocks:
              talk:
                - {tool_calls: [{name: calculator, arguments: {expression: "2 * 21"}}, {name: other, arguments: {q: 1}}]}
                - {when: "turn = 2 and attempt = 1", text: done, usage: {tokens_in: 5, tokens_out: 1, cost_usd: 0.5}}
              "tool:other": {after: 3s, output: {found: true}}
            expect:
              output: {talk: {response: done, usage: {llm_calls: 2}, tool_calls_trace: {$contains: {result: {$match: "42"}}}}}
              calls: {talk: {count: 2, gaps: [3s]}, "tool:other": {inputs: [{q: 1}]}}
              cost_usd: {min: 0.5, max: 0.51}
          - name: a tool that fails is told to the model
            mocks:
              talk:
                - {tool_calls: [{name: other}]}
                - {when: '$contains($string(input.messages), "not today")', text: sorry}
              "tool:other": {error: Closed, message: not today}
            expect: {output: {talk: {response: sorry}}}
          - name: an unmocked tool
            mocks: {talk: [{tool_calls: [{name: other}]}, {text: ok}]}
            expect: {status: completed}
          - name: a model that is down
            mocks: {talk: {error: Authentication}}
            expect: {error: {type: LlmAuthenticationError}, calls: {talk: 1}}
          - name: a whole output
            mocks: {talk: {output: {response: all}}}
            expect: {output: {talk: {response: all}}, calls: {talk: {inputs: [{}]}}}
        """,
    )
    assert [outcome.failures for outcome in (*outcomes[:2], *outcomes[3:])] == [()] * 4
    assert ['"tool:other": {output: {}}' in failure.told for failure in outcomes[2].failures] == [True]


def test_a_tool_that_hangs_ends_the_agent_by_its_time(run: RunCases) -> None:
    (outcome,) = run(
        [agent(tools=["other"]) | {"timeout_seconds": 60}],
        """
        cases:
          - name: c
            mocks: {talk: [{tool_calls: [{name: other}]}], "tool:other": {hang: true}}
            expect: {duration: {min: 50s, max: 60s}, calls: {"tool:other": 1}}
        """,
    )
    assert outcome.failures == ()


def test_an_answer_that_is_no_json_is_sent_back_as_it_really_would_be(run: RunCases) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    (outcome,) = run(
        [agent(response_format="json", response_schema=schema)],
        """
        cases:
          - name: c
            mocks: {talk: [{text: no json}, {text: '{"n": 1}'}]}
            expect: {output: {talk: {response: {n: 1}}}, calls: {talk: 2}}
        """,
    )
    assert outcome.failures == ()


def test_tools_of_a_server_that_is_not_asked_are_those_with_mocks(run: RunCases) -> None:
    (outcome,) = run(
        [agent(tools=["mcp:wiki"])],
        """
        cases:
          - name: c
            mocks:
              talk: [{tool_calls: [{name: wiki__search, arguments: {q: a}}]}, {text: found}]
              "tool:wiki__search": {output: {hits: 1}}
            expect: {output: {talk: {response: found}}, calls: {"tool:wiki__search": {inputs: [{q: a}]}}}
        """,
    )
    assert outcome.failures == ()


# Workers


def test_a_step_of_a_worker_is_mocked_and_fails_as_its_worker_would(run: RunCases, session: Any, steps: Path) -> None:
    bench = session.bench(steps)
    registered = {"step_type": "by_hand", "execution_type": "activity", "timeout_seconds": 600}
    beating = {**registered, "step_type": "with_beats", "heartbeat_seconds": 60}
    for each in (registered, beating):
        assert bench._cloud.call("POST", "/steps/register", each)[0] in (200, 201)
    done, failed, lost = run(
        [{"step_id": "hand", "step_type": "by_hand"}],
        """
        cases:
          - {name: done, mocks: {hand: {after: 5s, output: {n: 1}}}, expect: {output: {hand: {n: 1}}, duration: 5s}}
          - {name: failed, mocks: {hand: {error: Torn, message: paper}}, expect: {error: {type: Torn, message: paper}}}
          - {name: lost, mocks: {hand: {hang: true}}, expect: {error: {type: States.Timeout}, duration: 10m}}
        """,
    )
    assert done.failures == failed.failures == lost.failures == ()
    (silent,) = run(
        [{"step_id": "hand", "step_type": "with_beats"}],
        "cases: [{name: c, mocks: {hand: {hang: true}}, expect: {error: {type: States.Timeout}, duration: 60s}}]",
    )
    assert silent.failures == ()


def test_what_only_a_model_may_ask_for_is_refused_elsewhere(run: RunCases) -> None:
    (outcome,) = run(
        [OTHER], "cases: [{name: c, mocks: {other: {error: A, retry_after: 5s}}, expect: {status: failed}}]"
    )
    assert ["'retry_after' is what a model" in failure.told for failure in outcome.failures] == [True]


# Subflows


def test_a_subflow_runs_from_the_file_beside_it_with_mocks_of_its_own_steps_or_is_mocked_whole(
    run: RunCases, tmp_path: Path
) -> None:
    child = {"name": "child", "steps": [{"step_id": "inner", "step_type": "other", "input_mapping": {"v": "input.v"}}]}
    (tmp_path / "child.json").write_text(json.dumps(child))
    outcomes = run(
        [
            {
                "step_id": "sub",
                "step_type": "subflow",
                "config": {"workflow_id": "child"},
                "input_mapping": {"v": "input.v"},
            }
        ],
        """
        defaults: {input: {v: 3}}
        cases:
          - name: its steps
            mocks: {inner: {output: {w: 4}}}
            expect:
              output: {sub: {subflow_output: {inner: {w: 4}}, subflow_status: completed}}
              calls: {inner: {inputs: [{v: 3}]}}
          - name: whole
            mocks: {"subflow:child": {output: {w: 5}}}
            expect: {output: {sub: {subflow_output: {w: 5}}}, calls: {sub: {inputs: [{v: 3}]}}}
          - {name: it fails, mocks: {sub: {error: Gone, message: away}}, expect: {error: {type: Gone, message: away}}}
        """,
    )
    assert [outcome.failures for outcome in outcomes] == [()] * 3


# Snapshots


def test_a_snapshot_is_written_once_compared_then_and_missed_under_ci(
    run: RunCases, session: Any, tmp_path: Path
) -> None:
    cases = "cases: [{name: c, mocks: {other: {output: {n: 1}}}, expect: {snapshot: [output, other.n]}}]"
    session.is_ci = True
    (missing,) = run([OTHER], cases)
    session.is_ci = False
    assert ["there is no snapshot of" in failure.told for failure in missing.failures] == [True, True]
    session._snapshots.clear()
    (written,) = run([OTHER], cases)
    (same,) = run([OTHER], cases)
    (changed,) = run([OTHER], cases.replace("n: 1", "n: 2"))
    assert written.failures == same.failures == ()
    assert (
        told(changed)[0]
        == "w.test.yaml:2: output.other.n is 2, expected 1 by its snapshot. Look at it, and take it over with --update"
    )
