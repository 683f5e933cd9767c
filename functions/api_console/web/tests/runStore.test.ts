import { describe, expect, it, vi } from "vitest";

import { parentOf, RunStore } from "../src/live/runStore";
import type { RunEvent } from "../src/live/stream";

let number = 0;

function event(type: string, step: string | null = null, details: Record<string, unknown> = {}, attempt: number | null = null): RunEvent {
  number += 1;
  return { id: `${number}`, type, timestamp: `2026-01-01T00:00:${String(number % 60).padStart(2, "0")}Z`, step, step_id: step, attempt, details };
}

function store(...events: RunEvent[]): RunStore {
  const made = new RunStore((work) => work());
  for (const e of events) made.apply(e);
  return made;
}

describe("a run", () => {
  it("has the end that it was told, whatever older event comes after it", () => {
    const run = store(event("run.started"), event("run.failed", null, { error: { type: "X", message: "y" } }), event("run.started"));
    expect(run.getRun()).toMatchObject({ status: "failed", error: "X: y" });
  });

  it("goes on when it is redriven", () => {
    const run = store(event("run.started"), event("run.failed"), event("run.redriven"));
    expect(run.getRun()).toMatchObject({ status: "running", endedAt: null, redrives: 1 });
  });
});

describe("a step", () => {
  it("took as long as its moments tell, where nothing else does", () => {
    const at = (second: number, e: RunEvent): RunEvent => ({ ...e, timestamp: `2026-01-01T00:00:0${second}Z` });
    const run = store(at(1, event("step.started", "a")), at(4, event("step.completed", "a")), at(5, event("step.skipped", "b")));
    expect(run.getStep("a")?.durationMs).toBe(3000);
    expect(run.getStep("b")?.durationMs).toBeNull();
  });

  it("that began last is what a run was at when it was ended", () => {
    const run = store(event("step.started", "each"), event("step.started", "each[0].a"), event("step.completed", "each[0].a"), event("step.started", "each[1].a"));
    expect(run.cutOff()).toBeNull();
    run.apply(event("step.aborted", "each[1].a"));
    run.apply(event("step.aborted", "each"));
    expect(run.cutOff()).toBe("each[1].a");
  });

  it("has each of its attempts, with why it failed", () => {
    const run = store(
      event("step.started", "a", {}, 1),
      event("step.attempt_failed", "a", { error: { type: "Boom", message: "no" } }, 1),
      event("step.retried", "a", {}, 2),
      event("step.completed", "a", { duration_ms: 12 }),
    );
    const step = run.getStep("a");
    expect(step?.status).toBe("completed");
    expect(step?.durationMs).toBe(12);
    expect(step?.attempts.map((a) => [a.attempt, a.error])).toEqual([[1, "Boom: no"], [2, null]]);
    expect(step?.attempts.every((a) => a.endedAt !== null)).toBe(true);
  });

  it("says what it waits for, until it goes on", () => {
    const run = store(event("step.started", "a"), event("step.waiting", "a", { for: "decision" }));
    expect(run.getStep("a")).toMatchObject({ status: "waiting", waitingFor: "decision" });
    run.apply(event("step.completed", "a"));
    expect(run.getStep("a")).toMatchObject({ status: "completed", waitingFor: null });
  });

  it("passes over what a later release tells", () => {
    const run = store(event("step.started", "a"), event("step.dreamt", "a"));
    expect(run.getStep("a")?.status).toBe("running");
  });
});

describe("parts", () => {
  it("are counted by status with what they are parts of", () => {
    const run = store(
      event("step.started", "each[0]"),
      event("step.started", "each[1]"),
      event("step.completed", "each[0]"),
      event("step.failed", "each[1]"),
      event("step.started", "each[2]"),
    );
    expect(run.getCounts("each")).toEqual({ running: 1, completed: 1, failed: 1 });
    expect(run.partsOf("each")).toEqual(["each[0]", "each[1]", "each[2]"]);
  });

  it("of a step inside of a list are told together, the worst of them first", () => {
    const inside = (type: string, key: string): RunEvent => ({ ...event(type, key), step_id: "one" });
    const run = store(inside("step.started", "each[0].one"), inside("step.completed", "each[0].one"));
    expect(run.getStatusOf("one")).toBe("completed");
    run.apply(inside("step.started", "each[1].one"));
    expect(run.getStatusOf("one")).toBe("running");
    run.apply(inside("step.failed", "each[1].one"));
    expect(run.getStatusOf("one")).toBe("failed");
    expect(run.getInner("one")).toEqual({ running: 0, completed: 1, failed: 1 });
  });

  it("of a map are its elements, each told by the steps in it, which stand for it", () => {
    const run = store(
      event("step.started", "each"),
      event("step.completed", "each[0].one"),
      event("step.started", "each[0].two"),
      event("step.completed", "each[1].one"),
    );
    expect(run.getCounts("each")).toEqual({ completed: 1, running: 1 });
    expect(run.partsOf("each")).toEqual(["each[0].one", "each[0].two", "each[1].one"]);
    run.apply(event("step.failed", "each[0].two"));
    expect(run.getCounts("each")).toEqual({ completed: 1, running: 0, failed: 1 });
  });

  it("belong to the element that they are in", () => {
    expect(parentOf("each[3].inner")).toBe("each[3]");
    expect(parentOf("each[3]")).toBe("each");
    expect(parentOf("outer[0].inner[2]")).toBe("outer[0].inner");
    expect(parentOf("loop.turn")).toBe("loop");
    expect(parentOf("a")).toBeNull();
  });
});

describe("listeners", () => {
  it("hear of their own step only, once for all that happened in a frame", () => {
    const frames: (() => void)[] = [];
    const run = new RunStore((work) => frames.push(work));
    const [a, b, all] = [vi.fn(), vi.fn(), vi.fn()];
    run.subscribe("a", a);
    run.subscribe("b", b);
    run.subscribe(null, all);
    run.apply(event("step.started", "a"));
    run.apply(event("step.completed", "a"));
    frames.splice(0).forEach((work) => work());
    expect([a, b, all].map((f) => f.mock.calls.length)).toEqual([1, 0, 1]);
  });

  it("hear no more when they have ended listening", () => {
    const run = new RunStore((work) => work());
    const a = vi.fn();
    run.subscribe("a", a)();
    run.apply(event("step.started", "a"));
    expect(a).not.toHaveBeenCalled();
  });
});

describe("the elements of a list", () => {
  const inside = (key: string, type: string) => ({ ...event(type, key), step_id: "one" });
  const run = store(
    event("step.started", "each"),
    inside("each[10].one", "step.completed"),
    inside("each[2].one", "step.failed"),
    inside("each[0].one", "step.started"),
  );

  it("stand in their order, each as what is in it is together", () => {
    expect(run.elementsOf("each").map((e) => [e.index, e.status])).toEqual([[0, "running"], [2, "failed"], [10, "completed"]]);
  });

  it("open the step in it, and that step knows all the places where it ran", () => {
    expect(run.insideOf("each[2]")).toBe("each[2].one");
    expect([...run.keysOf("one")].sort()).toEqual(["each[0].one", "each[10].one", "each[2].one"]);
    expect(run.keysOf("nowhere")).toEqual([]);
  });
});

describe("an element that ends itself after what is in it", () => {
  const run = () =>
    store(
      event("step.started", "each"),
      event("step.completed", "each[0].inner"),
      event("step.failed", "each[1].inner", { error: { type: "X", message: "y" } }),
      event("step.completed", "each[0]"),
      event("step.completed", "each[1]"),
    );

  it("is one element all the same", () => {
    expect(run().elementsOf("each").map((e) => [e.index, e.status])).toEqual([[0, "completed"], [1, "completed"]]);
  });

  it("is counted once, by its own end", () => {
    const counted = Object.entries(run().getCounts("each")).filter(([, count]) => count > 0);
    expect(counted).toEqual([["completed", 2]]);
  });
});

it("tells whoever listens to a step inside of others that all is forgotten", () => {
  const run = store(event("step.completed", "each[0].inner"));
  const told = vi.fn();
  run.subscribe("inner", told);
  run.subscribe("each", told);
  const keyed = new RunStore((work) => work());
  keyed.apply({ ...event("step.completed", "each[0].inner"), step_id: "inner" });
  const inner = vi.fn();
  keyed.subscribe("inner", inner);
  keyed.clear();
  run.clear();
  expect(told).toHaveBeenCalledTimes(1);
  expect(inner).toHaveBeenCalledTimes(1);
});
