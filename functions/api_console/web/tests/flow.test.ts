import { describe, expect, it } from "vitest";

import { flowOf, idsIn } from "../src/model/flow";

const WORKFLOW = {
  steps: [
    { step_id: "a", step_type: "http" },
    {
      step_id: "which",
      step_type: "switch",
      dependencies: ["a"],
      config: { cases: [{ when: "input.x > 1", steps: [{ step_id: "x", step_type: "http" }] }], default: [{ step_id: "y", step_type: "fail" }] },
    },
    { step_id: "each", step_type: "http", for_each: "a.rows", conditions: ["a.ok"], critical: false },
  ],
};
const PLAN = {
  structure: {
    sequence: [
      { step: "a", start: 0, end: 1 },
      {
        parallel: [
          { step: "which", after: ["a"], start: 1, end: 2, bodies: [{ step: "x", start: 0, end: 1 }, { step: "y", start: 0, end: 0 }] },
          { step: "each", after: ["a"], start: 1, end: 4 },
        ],
        start: 1,
        end: 4,
      },
    ],
    start: 0,
    end: 4,
  },
  critical_path: ["a", "each"],
  serialised_pairs: [],
};

describe("what runs when the run fails", () => {
  const undo = { step_id: "release", step_type: "http" };
  const told = [{ step_id: "notify", step_type: "http" }, { step_id: "close", step_type: "http", dependencies: ["notify"] }];
  const flow = flowOf({ steps: [{ step_id: "reserve", step_type: "http", compensate: [undo] }], on_failure: told }, { structure: { step: "reserve", start: 0, end: 1 } });

  it("is in the graph: what undoes a step behind that", () => {
    expect([...flow.steps.values()].map((s) => [s.id, s.after, s.onFailure])).toEqual([
      ["reserve", [], null],
      ["release", ["reserve"], { undoes: "reserve" }],
      ["notify", [], { undoes: null }],
      ["close", ["notify"], { undoes: null }],
    ]);
  });

  it("is no part of the plan", () => expect(flow.own).toEqual(["reserve"]));
});

describe("a flow", () => {
  const flow = flowOf(WORKFLOW, PLAN);

  it("has every step, with what it waits for and what it is in", () => {
    expect([...flow.steps.values()].map((s) => [s.id, s.container, s.after])).toEqual([
      ["a", null, []],
      ["which", null, ["a"]],
      ["x", "which", []],
      ["y", "which", []],
      ["each", null, ["a"]],
    ]);
    expect(flow.own).toEqual(["a", "which", "each"]);
  });

  it("knows the bodies of a container, and when a step is planned", () => {
    expect(flow.steps.get("which")?.bodies).toEqual([["x"], ["y"]]);
    expect(flow.steps.get("each")).toMatchObject({ start: 1, end: 4, isList: true, isConditional: true, isCritical: false });
  });

  it("is drawn by the document's own dependencies where the plan is an earlier release's", () => {
    expect(flowOf(WORKFLOW, {}).steps.get("which")?.after).toEqual(["a"]);
  });

  it("tells the steps of a part without those inside of containers", () => {
    expect(idsIn(PLAN.structure)).toEqual(["a", "which", "each"]);
  });

  it("is made of a text that is half written, too", () => {
    const steps = [null, 3, { step_id: "a", dependencies: "b", step_type: 4 }, { step_id: "a" }, { step_id: "m", config: { cases: [null, { steps: 1 }] } }];
    expect([...flowOf({ steps }, {}).steps.values()].map((s) => [s.id, s.type, s.after])).toEqual([["a", "4", []], ["m", "", []]]);
    expect(flowOf({ steps: "x" }, {}).own).toEqual([]);
  });
});
