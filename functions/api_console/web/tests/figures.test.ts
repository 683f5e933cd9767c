import { describe, expect, it } from "vitest";

import { comparisons, dollars, type PlanFigures, quotasOf } from "../src/model/figures";

const PLAN: PlanFigures = {
  states: 5,
  definition_bytes: 3538,
  history_events_max: null,
  critical_path_seconds: 4,
  ideal_seconds: 4,
  parallel_width: 1,
  transitions_min: 3,
  transitions_max: null,
  cost_usd_per_1000_runs: { transitions: 0.075 },
};

describe("money", () => {
  it.each([[0, "$0"], [0.025, "$0.0250"], [1.005, "$1.00"], [12, "$12.00"], [0.0000002, "$0.00000020"], [null, "not bounded"], [-0.5, "-$0.500"]])(
    "%s is %s",
    (amount, text) => expect(dollars(amount)).toBe(text),
  );
});

describe("two plans", () => {
  it("are told in dollars, states and seconds, whatever is the same", () => {
    const told = comparisons(PLAN, { states: { before: 3, after: 5 }, critical_path_seconds: { before: 61, after: 4 } });
    expect(told.map((c) => [c.name, c.before, c.after, c.change, c.verdict])).toEqual([
      ["Cost of 1,000 runs", "$0.0750", "$0.0750", null, "same"],
      ["States", "3", "5", "+2", "worse"],
      ["Planned time", "1 m 01 s", "4.0 s", "−57.0 s", "better"],
    ]);
  });

  it("tell a bound that is gone, and other figures that changed", () => {
    const told = comparisons(PLAN, { history_events_max: { before: 20, after: null }, parallel_width: { before: 1, after: 2 } });
    expect(told.slice(3).map((c) => [c.name, c.after, c.verdict])).toEqual([
      ["History events, at most", "not bounded", "worse"],
      ["Steps at the same time", "2", "unknown"],
    ]);
  });
});

it("quotas know what is not bounded", () => expect(quotasOf(PLAN).map((q) => q.used)).toEqual([null, 3538]));
