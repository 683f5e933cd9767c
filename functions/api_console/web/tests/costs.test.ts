import { describe, expect, it } from "vitest";

import { RunStore } from "../src/live/runStore";
import type { RunEvent } from "../src/live/stream";
import { costsOf, costText, exactUsd, meanUsd, plannedFor, type PlannedCosts, type StepCost, type Usd } from "../src/model/costs";

const ONE = 0.000025;
const PLANNED: PlannedCosts = {
  a: { usd: ONE, most_usd: 4 * ONE },
  list: { usd: ONE, most_usd: ONE, each: { usd: ONE, most_usd: 3 * ONE } },
  outer: { usd: ONE, most_usd: ONE },
  inner: { usd: 2 * ONE, most_usd: 2 * ONE },
  loop: { usd: ONE, most_usd: 2 * ONE, each: { usd: ONE, most_usd: ONE } },
};

function usd(transitions: number, models: number | null = 0): Usd {
  return { total: models === null ? null : transitions * ONE + models, transitions: transitions * ONE, models };
}

function found(own: Record<string, Usd>, steps: readonly string[] = [], isOver = true): (id: string) => StepCost {
  const costs = costsOf(new Map(Object.entries(own)), PLANNED, steps, () => isOver);
  return (id) => {
    const cost = costs.get(id);
    if (cost === undefined) throw new Error(`nothing of ${id}`);
    return cost;
  };
}

describe("what a step has cost", () => {
  it("is more than planned where an attempt was made again", () => {
    expect(found({ a: usd(2) })("a")).toMatchObject({ verdict: "more", planned: ONE, count: 0 });
    expect(found({ a: usd(1) })("a").verdict).toBe("as planned");
  });

  it("is held against what was planned only when it has ended, unless it is more already", () => {
    expect(found({ inner: usd(1) }, [], false)("inner").verdict).toBe("so far");
    expect(found({ inner: usd(1) })("inner").verdict).toBe("less");
    expect(found({ inner: usd(3) }, [], false)("inner").verdict).toBe("more");
  });

  it("has what models took besides, which no plan tells", () => {
    expect(found({ a: usd(1, 0.002) })("a")).toMatchObject({ verdict: "models", planned: ONE });
    expect(found({ a: usd(1, null) })("a").verdict).toBe("unknown");
  });

  it("is that of all elements of a list, with as much planned for each that there is", () => {
    const list = found({ list: usd(1), "list[0]": usd(1), "list[1]": usd(3) })("list");
    expect(list.spent?.transitions).toBeCloseTo(5 * ONE, 12);
    expect(list.planned).toBeCloseTo(3 * ONE, 12);
    expect(list).toMatchObject({ count: 2, verdict: "more" });
  });

  it("is that of the steps in a container, at all of their places", () => {
    const cost = found({ outer: usd(1), "outer[0].inner": usd(2), "outer[1].inner": usd(1) });
    expect(cost("inner")).toMatchObject({ count: 2, verdict: "less" });
    expect(cost("inner").planned).toBeCloseTo(4 * ONE, 12);
    expect(cost("outer").spent?.transitions).toBeCloseTo(4 * ONE, 12);
    expect(cost("outer")).toMatchObject({ count: 2, verdict: "less" });
  });

  it("counts the looks of a loop for each of its turns", () => {
    expect(found({ loop: usd(3), "loop[0].a": usd(1), "loop[1].a": usd(1) })("loop")).toMatchObject({ count: 2, verdict: "as planned" });
  });

  it("is counted once in a step that is a list of loops", () => {
    const planned: PlannedCosts = { each: { usd: ONE, most_usd: ONE, each: { usd: ONE, most_usd: ONE, each: { usd: ONE, most_usd: ONE } } } };
    const own = new Map([["each", usd(1)], ["each[0]", usd(2)], ["each[0][0].a", usd(1)]]);
    const cost = costsOf(own, planned, [], () => true).get("each");
    expect(cost?.spent?.transitions).toBeCloseTo(4 * ONE, 12);
    expect(cost?.planned).toBeCloseTo(3 * ONE, 12);
    expect(cost?.count).toBe(1);
  });

  it("is nothing of a step that has not begun, of which the plan is told", () => {
    expect(found({}, ["a"])("a")).toEqual({ spent: null, planned: ONE, count: 0, verdict: "not begun" });
  });

  it("is told without a plan where an earlier release has saved the workflow", () => {
    const cost = costsOf(new Map([["a", usd(1)]]), null, [], () => true).get("a");
    expect(cost).toMatchObject({ planned: null, verdict: "unplanned" });
  });
});

describe("one place of a step", () => {
  it("has planned what has begun in it", () => {
    const own = ["outer", "outer[0].inner", "outer[1].inner", "list", "list[0]"];
    expect(plannedFor("outer[1].inner", own, PLANNED)).toBeCloseTo(2 * ONE, 12);
    expect(plannedFor("outer", own, PLANNED)).toBeCloseTo(5 * ONE, 12);
    expect(plannedFor("list[0]", own, PLANNED)).toBeCloseTo(ONE, 12);
  });
});

describe("the words", () => {
  it("say all that the colour and the box say", () => {
    expect(costText(found({ list: usd(1), "list[0]": usd(3) })("list"))).toBe("more than planned, planned $0.00005, spent $0.0001, $0.0001 for each of 1, planned $0.00005");
    expect(costText(found({ a: usd(1, 0.002) })("a"))).toBe("models besides, planned $0.000025, spent $0.002025, of it models $0.002");
  });

  it("have three digits of what is a mean", () => {
    expect([meanUsd(0.00325, 3), meanUsd(0, 2), meanUsd(0.00005, 2)]).toEqual(["$0.00108", "$0", "$0.000025"]);
  });

  it("have as many digits as there are", () => {
    expect([0, 1, 0.000025, 12.5, null].map(exactUsd)).toEqual(["$0", "$1", "$0.000025", "$12.5", "not known"]);
  });
});

describe("events", () => {
  const event = (type: string, step: string | null, details: Record<string, unknown>): RunEvent => ({ id: "1", type, timestamp: null, step, step_id: step, attempt: null, details });

  it("tell what was last known of each step, and of the run in the end", () => {
    const run = new RunStore((work) => work());
    run.apply(event("step.started", "a", { cost_usd: usd(1) }));
    run.apply(event("step.retried", "a", { cost_usd: usd(2) }));
    run.apply(event("step.completed", "a", {}));
    expect(run.costs.own.get("a")).toEqual(usd(2));
    expect(run.costs.run).toBeNull();
    run.apply(event("run.failed", null, { cost_usd: usd(4), step_costs_usd: { b: usd(1, null) } }));
    expect(run.costs.own.get("b")).toEqual(usd(1, null));
    run.apply(event("log", null, { message: "late" }));
    expect(run.costs.run).toEqual(usd(4));
    run.apply(event("run.redriven", null, {}));
    expect(run.costs.run).toBeNull();
    run.clear();
    expect([run.costs.own.size, run.costs.run]).toEqual([0, null]);
  });

  it("of an earlier release, or with anything else in them, tell nothing", () => {
    const run = new RunStore((work) => work());
    for (const cost_usd of [undefined, null, 3, "x", {}, { transitions: "x" }]) run.apply(event("step.started", "a", { cost_usd }));
    expect(run.costs.own.size).toBe(0);
  });
});

describe("a part", () => {
  it("has its own cost under its key, with all that is in it", () => {
    const cost = found({ outer: usd(1), "outer[0].list": usd(1), "outer[0].list[0]": usd(2), "outer[0].list[1]": usd(1), "outer[1].list": usd(1) });
    expect(cost("outer[0].list").spent?.transitions).toBeCloseTo(4 * ONE, 12);
    expect(cost("outer[0].list")).toMatchObject({ count: 2, verdict: "more" });
    expect(cost("outer[0].list[1]")).toMatchObject({ count: 0, verdict: "as planned" });
    expect(cost("list").spent?.transitions).toBeCloseTo(5 * ONE, 12);
    expect(cost("list").count).toBe(2);
  });
});
