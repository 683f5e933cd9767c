"""Results of lists, maps, loops and switches from histories written by hand."""

from __future__ import annotations

from tests.support.backend_history import History
from tests.support.outlines import container, leaf, outline
from tests.support.run_report import outputs, report, statuses


def test_for_each_has_a_list_in_order_with_null_for_a_skipped_element() -> None:
    history = History()
    started = history.map("s", 3)
    first = history.iteration("s", 1, previous=started)
    history.task("s.each", "one", previous=first)
    history.iteration("s", 1, "Succeeded")
    history.iteration("s", 0, previous=started)
    history.task("s.each", "zero")
    last = history.iteration("s", 0, "Succeeded")
    history.iteration("s", 2, previous=last)
    history.choose("s.guard")
    history.iteration("s", 2, "Succeeded")
    history.mapped("s", previous=started)
    history.task("t", "end")
    run = report(history.end(), outline(leaf("s", each=True), leaf("t"), sinks=["t"]))
    assert outputs(run) == {"s": ["zero", "one", None], "s[0]": "zero", "s[1]": "one", "s[2]": None, "t": "end"}
    assert statuses(run)["s[2]"] == "skipped"


def test_a_pure_step_per_element_is_read_from_its_pass_state() -> None:
    history = History()
    started = history.map("s", 2)
    for i in range(2):
        history.iteration("s", i, previous=started)
        history.passed("s.each", i * 10)
        history.iteration("s", i, "Succeeded")
    history.mapped("s", previous=started)
    assert outputs(report(history.end(), outline(leaf("s", each=True)))) == {"s": [0, 10], "s[0]": 0, "s[1]": 10}


def test_an_empty_for_each_completes_with_an_empty_list() -> None:
    history = History()
    history.map("s", 0)
    history.mapped("s")
    assert outputs(report(history.end(), outline(leaf("s", each=True)))) == {"s": []}


def test_one_failed_element_fails_the_for_each_and_the_run() -> None:
    history = History()
    started = history.map("s", 2)
    history.iteration("s", 0, previous=started)
    history.task("s.each", 1)
    history.iteration("s", 0, "Succeeded")
    history.iteration("s", 1, previous=started)
    history.enter("s.each")
    history.schedule()
    failed = history.fail("Boom", "bang")
    history.iteration("s", 1, "Failed")
    history.add("MapStateFailed", previous=failed)
    run = report(history.end_failed("Boom", history.cause_of_last_failure()), outline(leaf("s", each=True)))
    assert statuses(run) == {"s": "failed", "s[0]": "completed", "s[1]": "failed"}
    assert run.step_results["s"]["error_message"] == "bang"
    assert run.error == {"step_id": "s", "type": "Boom", "message": "bang"}


def test_a_for_each_that_is_redriven_has_completed_when_its_last_element_has() -> None:
    history = History()
    started = history.map("s", 2)
    history.iteration("s", 0, previous=started)
    history.task("s.each", 1)
    history.iteration("s", 0, "Succeeded")
    history.iteration("s", 1, previous=started)
    history.enter("s.each")
    scheduled = history.schedule()
    failed = history.fail("Boom", "bang")
    history.iteration("s", 1, "Failed")
    history.add("MapStateFailed", previous=failed)
    history.end_failed("Boom", history.cause_of_last_failure())
    history.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    history.last = scheduled
    history.schedule()
    history.succeed(2)
    history.exit("s.each")
    history.iteration("s", 1, "Succeeded")
    history.mapped("s")
    run = report(history.end(), outline(leaf("s", each=True), sinks=["s"]))
    assert statuses(run) == {"s": "completed", "s[0]": "completed", "s[1]": "completed"}
    assert run.step_results["s"]["error_type"] is None
    assert run.output == {"s": [1, 2]}


def test_a_caught_for_each_is_failed_and_the_run_goes_on() -> None:
    history = History()
    started = history.map("s", 1)
    history.iteration("s", 0, previous=started)
    history.enter("s.each")
    history.schedule()
    failed = history.fail("Boom", "bang")
    history.iteration("s", 0, "Failed")
    history.add("MapStateFailed", previous=failed)
    history.exit("s", "Map")
    history.task("t", 1)
    run = report(history.end(), outline(leaf("s", each=True), leaf("t")))
    assert statuses(run) == {"s": "failed", "s[0]": "failed", "t": "completed"}
    assert run.step_results["s"]["error_type"] == "Boom"


def test_maps_in_maps_are_told_apart_by_their_iterations() -> None:
    history = History()
    outer = history.map("outer", 2)
    for i in range(2):
        history.iteration("outer", i, previous=outer)
        inner = history.map("inner", 2)
        for j in range(2):
            history.iteration("inner", j, previous=inner)
            history.task("leaf", [i, j])
            history.iteration("inner", j, "Succeeded")
        history.mapped("inner", previous=inner)
        history.iteration("outer", i, "Succeeded")
    history.mapped("outer", previous=outer)
    body = container("inner", "map", leaf("leaf"), sinks=["leaf"])
    run = report(history.end(), outline(container("outer", "map", body, sinks=["inner"]), sinks=["outer"]))
    assert run.step_results["outer[1].inner[0].leaf"]["output_data"] == [1, 0]
    assert run.output == {
        "outer": [{"inner": [{"leaf": [i, j]} for j in range(2)]} for i in range(2)],
    }


def test_a_map_body_without_sinks_gives_the_output_of_its_last_state() -> None:
    history = History()
    started = history.map("m", 1)
    history.iteration("m", 0, previous=started)
    history.task("x", 1)
    history.passed("m.output", {"total": 7})
    history.iteration("m", 0, "Succeeded")
    history.mapped("m", previous=started)
    run = report(history.end(), outline(container("m", "map", leaf("x"))))
    assert run.step_results["m"]["output_data"] == [{"total": 7}]


def test_turns_of_a_loop_are_counted_also_when_a_turn_skips_a_step() -> None:
    history = History()
    history.passed("loop.start", {})
    for turn in range(3):
        history.choose("loop.while")
        if turn != 1:
            history.task("x", turn)
        else:
            history.choose("x.guard")
    history.choose("loop.while")
    history.task("after", "z")
    loop = container("loop", "loop", leaf("x"), sinks=["x"])
    run = report(history.end(), outline(loop, leaf("after"), sinks=["after"]))
    assert outputs(run) == {
        "loop": {"x": 2},
        "loop[0].x": 0,
        "loop[1].x": None,
        "loop[2].x": 2,
        "after": "z",
    }
    assert statuses(run)["loop[1].x"] == "skipped"


def test_loops_in_loops_count_their_own_turns() -> None:
    history = History()
    for _ in range(2):
        history.choose("outer.while")
        for _ in range(2):
            history.choose("inner.while")
            history.task("x", 1)
        history.choose("inner.while")
    history.choose("outer.while")
    body = container("inner", "loop", leaf("x"), sinks=["x"])
    run = report(history.end(), outline(container("outer", "loop", body, sinks=["inner"])))
    assert [k for k in run.step_results if k.endswith(".x")] == [
        f"outer[{i}].inner[{j}].x" for i in range(2) for j in range(2)
    ]


def test_a_switch_gives_the_output_of_the_branch_that_was_taken() -> None:
    history = History()
    history.choose("pick.switch")
    history.task("b", "B")
    switch = container("pick", "switch", leaf("a"), leaf("b"), sinks=["a", "b"])
    run = report(history.end(), outline(switch, sinks=["pick"]))
    assert statuses(run) == {"pick": "completed", "pick.a": "skipped", "pick.b": "completed"}
    assert run.output == {"pick": {"b": "B"}}


def test_a_loop_whose_condition_never_held_completes_without_an_output() -> None:
    history = History()
    history.passed("loop.start", {})
    history.enter("loop.while", "Choice")
    history.exit("loop.while", "Choice", {"loop": None})
    run = report(history.end(), outline(container("loop", "loop", leaf("x"), sinks=["x"])))
    assert statuses(run) == {"loop": "completed"}
    assert outputs(run) == {"loop": None}


def test_the_output_that_a_loop_computes_itself_is_read_where_it_leaves() -> None:
    history = History()
    history.passed("loop.start", {})
    history.task("x", 1)
    history.enter("loop.until", "Choice")
    history.exit("loop.until", "Choice", {"loop": {"total": 5}})
    run = report(history.end(), outline(container("loop", "loop", leaf("x"))))
    assert outputs(run) == {"loop": {"total": 5}, "loop[0].x": 1}


def test_a_loop_that_is_tried_again_shows_its_last_attempt_only() -> None:
    history = History()
    history.enter("loop.try", "Parallel")
    history.add("ParallelStateStarted")
    history.passed("loop.start", {})
    for _ in range(2):
        history.task("x", "old")
        history.choose("loop.until")
    history.enter("x")
    history.schedule()
    history.fail()
    history.add("ParallelStateStarted")
    history.passed("loop.start", {})
    history.task("x", "new")
    history.choose("loop.until")
    history.add("ParallelStateSucceeded")
    history.exit("loop.try", "Parallel")
    run = report(history.end(), outline(container("loop", "loop", leaf("x"), sinks=["x"])))
    assert outputs(run) == {"loop": {"x": "new"}, "loop[0].x": "new"}
    assert run.step_results["loop"]["retry_count"] == 1


def test_a_caught_loop_that_ran_out_of_turns_is_failed() -> None:
    history = History()
    history.enter("loop.try", "Parallel")
    history.add("ParallelStateStarted")
    history.passed("loop.start", {})
    history.task("x", 1)
    history.choose("loop.until")
    history.enter("loop.fail", "Fail")
    history.add("ParallelStateFailed")
    history.exit("loop.try", "Parallel")
    history.task("after", 2)
    run = report(history.end(), outline(container("loop", "loop", leaf("x"), sinks=["x"]), leaf("after")))
    assert statuses(run) == {"loop": "failed", "loop[0].x": "completed", "after": "completed"}
    assert run.step_results["loop"]["error_type"] == "MaxIterationsExceeded"


def test_a_failure_in_nested_parallels_of_a_caught_loop_fails_the_loop_with_its_error() -> None:
    history = History()
    history.enter("loop.try", "Parallel")
    history.add("ParallelStateStarted")
    history.passed("loop.start", {})
    history.enter("a.parallel", "Parallel")
    started = history.add("ParallelStateStarted")
    history.task("a", 1, previous=started)
    history.enter("b", previous=started)
    history.schedule()
    history.fail("Boom", "bang")
    failed = history.add("ParallelStateFailed")
    history.add("ParallelStateAborted")
    history.add("ParallelStateFailed", previous=failed)
    history.exit("loop.try", "Parallel")
    history.task("after", 2)
    loop = container("loop", "loop", leaf("a"), leaf("b"), sinks=["a", "b"])
    run = report(history.end(), outline(loop, leaf("after")))
    assert statuses(run) == {"loop": "failed", "loop[0].a": "completed", "loop[0].b": "failed", "after": "completed"}
    assert run.step_results["loop"]["error_message"] == "bang"


def test_a_map_that_fails_inside_a_map_does_not_end_the_outer_one() -> None:
    history = History()
    outer = history.map("outer", 1)
    history.iteration("outer", 0, previous=outer)
    entered = history.enter("inner", "Map")
    cause = f"An error occurred while executing the state 'inner' (entered at the event id #{entered}). No list."
    details = {"error": "States.QueryEvaluationError", "cause": cause}
    history.add("EvaluationFailed", previous=entered - 1, evaluationFailedEventDetails=details)
    history.add("MapStateFailed")
    history.exit("inner", "Map")
    history.task("x", 1)
    body = container("outer", "map", leaf("inner", each=True), leaf("x"), sinks=["x"])
    run = report(history.events, outline(body))
    assert statuses(run) == {"outer": "running", "outer[0].inner": "failed", "outer[0].x": "completed"}


def test_a_container_that_was_never_entered_is_skipped_with_its_guard() -> None:
    history = History()
    history.choose("loop.guard")
    run = report(history.end(), outline(container("loop", "loop", leaf("x"), sinks=["x"])))
    assert statuses(run) == {"loop": "skipped"}


def test_ten_thousand_iterations_are_read() -> None:
    history = History()
    started = history.map("s", 10_000)
    for i in range(10_000):
        history.iteration("s", i, previous=started)
        history.passed("s.each", i)
        history.iteration("s", i, "Succeeded")
    history.mapped("s", previous=started)
    run = report(history.end(), outline(leaf("s", each=True)))
    assert run.step_results["s"]["output_data"] == list(range(10_000))
    assert len(run.step_results) == 10_001


def test_a_map_that_ended_the_run_has_its_times() -> None:
    history = History()
    started = history.map("a", 1)
    history.iteration("a", 0, previous=started)
    history.enter("a.each")
    history.schedule()
    history.fail("Boom", "bang")
    history.iteration("a", 0, "Failed")
    history.add("MapStateFailed")
    step = report(
        history.end_failed("Boom", history.cause_of_last_failure()), outline(leaf("a", each=True))
    ).step_results["a"]
    assert (step["status"], step["execution_time_ms"]) == ("failed", 800)
    assert step["completed_at"] == "2026-01-02T03:04:05.900Z"


def test_elements_that_a_completed_run_never_came_to_were_skipped() -> None:
    history = History()
    started = history.map("a", 3)
    history.iteration("a", 0, previous=started)
    history.enter("a.each")
    history.schedule()
    history.fail("Boom", "bang")
    history.iteration("a", 1, previous=started)
    history.enter("a.each")
    history.schedule()
    history.iteration("a", 0, "Failed", previous=started)
    history.add("MapStateFailed")
    history.exit("a", "Map", {})
    run = report(history.end(), outline(leaf("a", each=True)))
    assert statuses(run) == {"a": "failed", "a[0]": "failed", "a[1]": "aborted", "a[2]": "skipped"}
