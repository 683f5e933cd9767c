"""Which reply a call gets, and what becomes of mocks that are wrong, missing, unused or at their end."""

from __future__ import annotations

from typing import Any

from tests.local.testing.conftest import RunCases, told

WORK: dict[str, Any] = {"step_id": "work", "step_type": "work", "input_mapping": {"x": "input.x"}}
OTHER: dict[str, Any] = {"step_id": "other", "step_type": "other", "input_mapping": {"a": "work.a"}}
EACH: dict[str, Any] = {
    "step_id": "all",
    "step_type": "map",
    "config": {
        "items": "input.items",
        "max_items": 10,
        "steps": [
            {
                "step_id": "one",
                "step_type": "other",
                "critical": False,
                "max_retries": 2,
                "input_mapping": {"v": "item.v"},
            }
        ],
    },
}


def test_a_mock_may_leave_out_fields_but_those_there_must_fit(run: RunCases) -> None:
    passed, failed = run(
        [WORK],
        """
        cases:
          - {name: some fields, mocks: {work: {output: {a: 2}}}, expect: {output: {work: {$exact: {a: 2}}}}}
          - {name: a wrong one, mocks: {work: {output: {a: two}}}, expect: {status: completed}}
        """,
    )
    assert passed.failures == ()
    assert told(failed)[0].startswith("w.test.yaml:5: The mock does not fit the output_schema of its step: /a: 'two'")


def test_an_unmocked_step_fails_and_the_mock_to_paste_is_told(run: RunCases) -> None:
    (outcome,) = run([WORK], "cases: [{name: c, input: {x: 1}, expect: {status: completed}}]")
    first, second = outcome.failures
    assert 'has effects outside and no mock; it was called with {"x": 1}' in first.told
    assert first.told.endswith("work: {output: {}}")
    assert "UnmockedStepError" in second.told


def test_what_is_not_mocked_really_runs_where_the_case_says_so(run: RunCases) -> None:
    (outcome,) = run(
        [WORK, OTHER],
        """
        cases:
          - name: c
            unmocked: real
            mocks: {other: {real: true}}
            expect: {output: {other: {real: true}}, calls: {work: 1, other: {inputs: [{a: 1}]}}}
        """,
    )
    assert outcome.failures == ()


def test_a_file_is_not_fetched_from_a_server_unless_the_case_says_so(run: RunCases) -> None:
    step = {"step_id": "read", "step_type": "file_reader", "input_mapping": {"file": "input.file"}}
    unmocked, shouted, mocked, here = run(
        [step],
        """
        cases:
          - {name: unmocked, input: {file: "https://files.invalid/a.txt"}, expect: {status: completed}}
          - {name: shouted, input: {file: {url: "HTTP://files.invalid/a.txt"}}, expect: {status: completed}}
          - name: mocked
            input: {file: "https://files.invalid/a.txt"}
            mocks: {read: {output: {content: mocked}}}
            expect: {output: {read: {content: mocked}}, calls: {read: 1}}
          - {name: here, input: {file: nowhere.txt}, expect: {error: {type: FileMissingError}}}
        """,
    )
    assert "Step 'read' has effects outside and no mock" in unmocked.failures[0].told
    assert "Step 'read' has effects outside and no mock" in shouted.failures[0].told
    assert mocked.failures == here.failures == ()


def test_an_unmocked_step_whose_failure_is_tolerated_is_noted(run: RunCases) -> None:
    (outcome,) = run(
        [{**WORK, "critical": False}], "cases: [{name: c, expect: {status: completed, steps: {work: failed}}}]"
    )
    assert outcome.failures == ()
    assert "work: {output: {}}" in outcome.notes[0]


def test_an_unmocked_step_that_is_undone_when_it_fails_fails_the_case(run: RunCases) -> None:
    undo = {"step_id": "undo", "step_type": "other"}
    (outcome,) = run(
        {"steps": [{**WORK, "compensate": [undo]}, {**OTHER, "dependencies": ["work"]}]},
        "cases: [{name: c, mocks: {work: {output: {a: 1}}, undo: {output: {}}}, expect: {status: failed}}]",
    )
    assert ["Step 'other' has effects outside and no mock" in failure.told for failure in outcome.failures] == [True]


def test_entries_of_a_list_serve_once_and_its_end_fails_the_case_though_the_flow_tolerates_it(run: RunCases) -> None:
    (outcome,) = run(
        [{**WORK, "critical": False, "max_retries": 5}],
        """
        cases:
          - {name: c, mocks: {work: [{error: A}, {error: B}]}, expect: {status: completed, steps: {work: failed}}}
        """,
    )
    assert ["is called once more than it has replies: 2 were served" in each for each in told(outcome)] == [True]
    assert told(outcome)[0].startswith("w.test.yaml:4: ")


def test_the_counter_of_a_list_runs_for_each_element_and_over_its_retries(run: RunCases) -> None:
    (outcome,) = run(
        [EACH],
        """
        cases:
          - name: c
            input: {items: [{v: 1}, {v: 2}]}
            mocks: {one: [{error: A}, {output: {n: 2}}]}
            expect:
              status: completed
              calls: {one: 4}
              steps: {"one[0]": {status: completed, output: {n: 2}}, "one[1]": completed}
        """,
    )
    assert outcome.failures == ()


def test_the_counter_of_a_list_runs_over_the_turns_of_a_loop(run: RunCases) -> None:
    loop = {
        "step_id": "again",
        "step_type": "loop",
        "config": {
            "until": "look.done",
            "max_iterations": 5,
            "steps": [{"step_id": "look", "step_type": "other"}],
        },
    }
    passed, by_turn = run(
        [loop],
        """
        cases:
          - name: by order
            mocks: {look: [{output: {done: false}, times: 2}, {output: {done: true}}]}
            expect: {status: completed, calls: {look: 3}}
          - name: by turn
            mocks: {look: [{when: turn = 2, output: {done: true}}, {output: {done: false}, times: any}]}
            expect: {status: completed, calls: {look: 2}}
        """,
    )
    assert passed.failures == by_turn.failures == ()


def test_a_reply_is_chosen_by_index_item_attempt_and_input(run: RunCases) -> None:
    (outcome,) = run(
        [EACH],
        """
        cases:
          - name: c
            input: {items: [{v: 1}, {v: 2}, {v: 3}, {v: 4}]}
            mocks:
              one:
                - {when: "index = 0 and attempt = 1", error: A}
                - {when: "item.v = 2", output: {by: item}}
                - {when: "input.v = 3", output: {by: input}}
                - {when: "true", expression: '{"by": index * 10 + item.v}'}
            expect:
              steps:
                "one[0]": {output: {by: 1}}
                "one[1]": {output: {by: item}}
                "one[2]": {output: {by: input}}
                "one[3]": {output: {by: 34}}
              calls: {one: 5}
        """,
    )
    assert outcome.failures == ()


def test_an_expression_that_cannot_be_evaluated_fails_the_case_with_its_line(run: RunCases) -> None:
    outcomes = run(
        [OTHER | {"input_mapping": {}}],
        """
        cases:
          - {name: when, mocks: {other: {when: "$nothing(1)", output: {}}}, expect: {status: completed}}
          - {name: expression, mocks: {other: {expression: "1 +"}}, expect: {status: completed}}
        """,
    )
    assert [each.failures[0].place.line for each in outcomes] == [4, 5]
    assert all("cannot be evaluated" in each.failures[0].told for each in outcomes)


def test_a_mock_that_nothing_used_fails_the_case_unless_the_step_is_expected_not_to_run(run: RunCases) -> None:
    skipped = [{**WORK, "conditions": "input.x == 1"}]
    unused, wanted, by_status, in_list = run(
        skipped,
        """
        cases:
          - {name: unused, mocks: {work: {output: {}}}, expect: {status: completed}}
          - {name: never, mocks: {work: {output: {}}}, expect: {never: [work]}}
          - {name: skipped, mocks: {work: {output: {}}}, expect: {steps: {work: skipped}}}
          - {name: "no second", input: {x: 1}, mocks: {work: [{output: {}}, {output: {}}]}, expect: {status: completed}}
        """,
    )
    assert told(unused) == [
        "w.test.yaml:4: mock 'work' was never used. Take it out, or say that the step does not run: never: [work]"
    ]
    assert wanted.failures == by_status.failures == ()
    assert told(in_list) == ["w.test.yaml:7: a reply of mock 'work' was never used"]


def test_defaults_may_stay_unused(run: RunCases) -> None:
    (outcome,) = run(
        [{**WORK, "conditions": "input.x == 1"}],
        "{defaults: {mocks: {work: {output: {}}}}, cases: [{name: c, expect: {status: completed}}]}".replace(
            "{defaults", "defaults", 1
        ).replace(", cases", "\ncases", 1)[:-1],
    )
    assert outcome.failures == ()


def test_what_cannot_be_mocked_is_refused_with_advice(run: RunCases) -> None:
    steps = [
        {"step_id": "pure", "step_type": "data_input", "config": {"input_type": "static", "data": {"a": 1}}},
        {"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 5}},
        EACH,
    ]
    outcomes = run(
        steps,
        """
        cases:
          - {name: pure, mocks: {pure: {output: {}}}, expect: {status: completed}}
          - {name: delay, mocks: {wait: {output: {}}}, expect: {status: completed}}
          - {name: map, mocks: {all: {output: []}}, expect: {status: completed}}
          - {name: typo, mocks: {onne: {output: {}}}, expect: {status: completed}}
          - {name: type, mocks: {"type:othre": {output: {}}}, expect: {status: completed}}
        """,
    )
    advice = [
        "calls nothing, so it runs as it is",
        "time is skipped",
        "Mock the steps in it",
        "mean 'one'",
        "mean 'other'",
    ]
    for outcome, wanted in zip(outcomes, advice, strict=True):
        assert [wanted in failure.told for failure in outcome.failures] == [True], outcome.failures


def test_a_step_is_mocked_by_its_type_too_and_by_its_id_first(run: RunCases) -> None:
    (outcome,) = run(
        [{**WORK, "step_id": "first"}, {**WORK, "step_id": "second"}],
        """
        cases:
          - name: c
            mocks: {"type:work": {output: {a: 1}}, second: {output: {a: 2}}}
            expect: {output: {first: {a: 1}, second: {a: 2}}, calls: {"type:work": 1}}
        """,
    )
    assert outcome.failures == ()


def test_a_reply_comes_after_its_time_and_one_that_hangs_never(run: RunCases) -> None:
    (outcome,) = run(
        [WORK | {"timeout_seconds": 60}, {**OTHER, "critical": False, "timeout_seconds": 30}],
        """
        cases:
          - name: c
            mocks: {work: {after: 20s, output: {a: 1}}, other: {hang: true}}
            expect:
              duration: 50s
              calls: {work: {at: [0s]}, other: {at: [20s]}}
              steps: {other: {status: failed, error: {type: States.Timeout}}}
        """,
    )
    assert outcome.failures == ()
