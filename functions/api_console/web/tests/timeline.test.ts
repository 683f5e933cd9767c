import { describe, expect, it } from "vitest";

import { axisOf, type Bar, barsOf, foldedOf, realCriticalPath, ticksOf } from "../src/model/timeline";

function bar(key: string, from: number, to: number): Bar {
  return { key, status: "completed", from, to, attempts: [] };
}

describe("the axis", () => {
  it("is even where nothing is idle for long", () => {
    const axis = axisOf([bar("a", 0, 100), bar("b", 100, 200)], 200);
    expect([0, 50, 200].map((ms) => axis.at(ms))).toEqual([0, 50, 200]);
    expect(axis.folds).toEqual([]);
  });

  it("folds days in which nothing happened", () => {
    const axis = axisOf([bar("a", 0, 100), bar("b", 1_000_000, 1_000_100)], 1_000_100);
    expect(axis.length).toBeCloseTo(208);
    expect(axis.folds).toHaveLength(1);
    expect(axis.folds[0]?.ms).toBe(999_900);
    expect(axis.at(1_000_000)).toBeCloseTo(108);
  });

  it("folds the wait of a step that only waits", () => {
    const wait = { ...bar("approve", 100, 1_000_000), status: "waiting" };
    const axis = axisOf([bar("a", 0, 100), wait, bar("b", 1_000_000, 1_000_050)], 1_000_050, (b) => b.key === "approve");
    expect(axis.length).toBeLessThan(200);
  });

  it("never goes back", () => {
    const bars = [bar("a", 5, 30), bar("b", 10, 20), bar("c", 500, 510), bar("d", 505, 900)];
    const axis = axisOf(bars, 1000);
    const places = Array.from({ length: 101 }, (_, i) => axis.at(i * 10));
    expect(places.every((x, i) => i === 0 || x >= (places[i - 1] ?? 0))).toBe(true);
    expect(places.at(-1)).toBeCloseTo(axis.length);
  });

  it("names round moments that do not stand on each other", () => {
    expect(ticksOf(axisOf([bar("a", 0, 10_000)], 10_000), 2_000)).toEqual([0, 2_000, 4_000, 6_000, 8_000, 10_000]);
    expect(ticksOf(axisOf([bar("a", 0, 400_000)], 400_000), 90_000)).toEqual([0, 120_000, 240_000, 360_000]);
  });

  it("names no moment of a time that is folded, and goes on behind it", () => {
    const axis = axisOf([bar("a", 0, 10_000), bar("b", 900_000_000, 900_010_000)], 900_010_000);
    const ticks = ticksOf(axis, 3_000);
    expect(ticks.filter((ms) => ms > 10_000 && ms < 900_000_000)).toEqual([]);
    expect(ticks).toEqual([0, 5_000, 10_000, 900_005_000, 900_010_000]);
    expect(axis.end).toBe(900_010_000);
  });

  it("of nothing has a length all the same", () => expect(axisOf([], 0).length).toBe(1));
});

describe("bars", () => {
  const step = {
    key: "a", stepId: "a", status: "failed", startedAt: "2026-01-01T00:00:01Z", endedAt: "2026-01-01T00:00:05Z", durationMs: 4000, waitingFor: null,
    error: "X", isReused: false,
    attempts: [{ attempt: 1, startedAt: "2026-01-01T00:00:01Z", endedAt: "2026-01-01T00:00:02Z", error: "X" }, { attempt: 2, startedAt: "2026-01-01T00:00:04Z", endedAt: null, error: null }],
  };

  it("have the attempts of a step, and the time between them is none", () => {
    const [found] = barsOf([step], "2026-01-01T00:00:00Z", 0);
    expect(found).toMatchObject({ from: 1000, to: 5000 });
    expect(found?.attempts).toEqual([{ from: 1000, to: 2000, isFailed: true }, { from: 4000, to: 5000, isFailed: false }]);
  });

  it("go up to now while a step runs", () => {
    const [found] = barsOf([{ ...step, endedAt: null, attempts: [] }], "2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:00:09Z"));
    expect(found?.to).toBe(9000);
  });

  it("are none of steps that did not begin", () => {
    expect(barsOf([{ ...step, startedAt: null }, { ...step, status: "skipped" }], "2026-01-01T00:00:00Z", 0)).toEqual([]);
    expect(barsOf([step], null, 0)).toEqual([]);
  });
});

describe("the real critical path", () => {
  const after: Record<string, string[]> = { b: ["a"], c: ["a"], d: ["b", "c"] };

  it("goes back from the step that ended last to what it waited for last", () => {
    const ends = new Map([["a", 1], ["b", 5], ["c", 9], ["d", 10]]);
    expect(realCriticalPath(ends, (id) => after[id] ?? [])).toEqual(["a", "c", "d"]);
  });

  it("ends with what has not ended", () => {
    expect(realCriticalPath(new Map([["a", 1]]), (id) => after[id] ?? [])).toEqual(["a"]);
    expect(realCriticalPath(new Map(), () => [])).toEqual([]);
  });
});

describe("long lists", () => {
  function ran(key: string, status = "completed"): Parameters<typeof foldedOf>[0][number] {
    return { key, stepId: key, status, startedAt: null, endedAt: null, durationMs: null, waitingFor: null, error: null, isReused: false, attempts: [] };
  }
  const each = Array.from({ length: 60 }, (_, i) => ran(`each[${i}].one`, i === 7 ? "failed" : "completed"));
  const steps = [ran("each"), ...each, ran("after")];

  it("are folded but for what failed in them", () => {
    const { steps: left, lists } = foldedOf(steps, () => false);
    expect(left.map((s) => s.key)).toEqual(["each", "each[7].one", "after"]);
    expect(lists).toEqual([{ key: "each", steps: 60 }]);
  });

  it("are opened, and can be folded again", () => {
    const { steps: left, lists } = foldedOf(steps, (list) => list === "each");
    expect(left).toHaveLength(62);
    expect(lists).toHaveLength(1);
  });

  it("show some of what failed where all did", () => {
    const { steps: left } = foldedOf(each.map((s) => ran(s.key, "failed")), () => false);
    expect(left).toHaveLength(20);
  });

  it("inside of a list that is opened are folded by themselves", () => {
    const inner = Array.from({ length: 51 }, (_, i) => ran(`a[1].b[${i}].c`));
    const { steps: left, lists } = foldedOf([...inner, ran("a[0].x")], (list) => list === "a");
    expect(left.map((s) => s.key)).toEqual(["a[0].x"]);
    expect(lists.map((l) => l.key)).toEqual(["a", "a[1].b"]);
  });

  it("are none where a list is short", () => {
    const { steps: left, lists } = foldedOf(steps.slice(0, 51), () => false);
    expect([left.length, lists]).toEqual([51, []]);
  });
});
