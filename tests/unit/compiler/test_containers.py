"""Maps, loops and switches as states."""

from __future__ import annotations

from tests.support.compiled import compiled, container, data, states, ways, work


def test_a_map_of_one_lambda_takes_one_state_per_element() -> None:
    machine = compiled(container("m", "map", config={"items": "input.list", "steps": [work("p")]}), work("z", "m"))
    assert ways(machine) == {"m": ["z"], "p": [""], "z": [""]}
    assert states(machine)["p"]["Output"] == {"p": "{% $states.result.Payload %}"}


def test_a_map_that_ends_in_a_pure_step_needs_no_state_for_its_output() -> None:
    steps = [work("p"), data("q", 1, "p")]
    machine = compiled(container("m", "map", config={"items": "input.list", "steps": steps}), work("z", "m"))
    assert ways(machine) == {"m": ["z"], "p": ["q"], "q": [""], "z": [""]}


def test_a_map_with_an_output_of_its_own_ends_in_a_state_for_it() -> None:
    config = {"items": "input.list", "steps": [work("p")], "output": {"x": "p.x"}}
    machine = compiled(container("m", "map", config=config), work("z", "m"))
    assert ways(machine) == {"m": ["z"], "p": ["m.output"], "m.output": [""], "z": [""]}


def test_the_output_of_a_map_that_nobody_reads_costs_nothing() -> None:
    steps = [work("p"), work("q")]
    machine = compiled(container("m", "map", config={"items": "input.list", "steps": steps}))
    assert ways(machine) == {"m": [""], "p.parallel": [""], "p": [""], "q": [""]}


def test_for_each_retries_its_elements_and_fails_as_a_whole() -> None:
    machine = compiled(
        work("e", for_each="input.list", max_retries=2, timeout_seconds=7, critical=False), work("z", "e")
    )
    each, element = states(machine)["e"], states(machine)["e.each"]
    assert "Retry" not in each
    assert each["Catch"][0]["Next"] == "z.guard"
    assert element["Retry"][-1]["MaxAttempts"] == 2
    assert element["TimeoutSeconds"] == "{% $states.context.Execution.Input.timeouts.e %}"
    assert machine.bindings["timeouts"] == {"e": 7}


def test_a_critical_loop_stands_in_line() -> None:
    config = {"until": "p.done", "max_iterations": 3, "steps": [work("p")]}
    machine = compiled(container("again", "loop", config=config), work("z", "again"))
    assert ways(machine) == {
        "again.start": ["p"],
        "p": ["again.until"],
        "again.until": ["again.fail", "z", "p"],
        "again.fail": [""],
        "z": [""],
    }


def test_what_may_fail_as_a_whole_is_a_parallel_that_catches() -> None:
    config = {"cases": [{"when": "input.x", "steps": [work("p")]}]}
    machine = compiled(container("s", "switch", critical=False, config=config), work("z", "s", trigger_rule="all_done"))
    assert set(ways(machine)["s.try"]) == {"z"}
    assert states(machine)["s.try"]["Type"] == "Parallel"
