import { describe, expect, it } from "vitest";

import type { Box } from "../src/graph/layout";
import { nextStep, placesOf } from "../src/graph/moving";
import { flowOf, notTaken, slackOf } from "../src/model/flow";

const box = (id: string, x: number, y: number, parent: string | null = null): Box => ({ id, kind: "step", parent, x, y, width: 100, height: 50 });

describe("arrow keys", () => {
  const places = placesOf([box("a", 100, 0), box("b", 0, 100), box("c", 200, 100), { ...box("d", 100, 200), kind: "container", height: 300 }, box("in", 10, 60, "d")]);

  it.each([
    ["a", "ArrowDown", "b"],
    ["b", "ArrowRight", "c"],
    ["c", "ArrowDown", "d"],
    ["d", "ArrowDown", "in"],
    ["in", "ArrowUp", "d"],
    ["a", "ArrowUp", null],
    ["b", "ArrowLeft", null],
    [null, "ArrowDown", "a"],
  ] as const)("lead from %s by %s to %s", (from, key, to) => {
    expect(nextStep(places, from, key)).toBe(to);
  });
});

const step = (id: string, ...dependencies: string[]) => ({ step_id: id, step_type: "delay", dependencies });
const part = (name: string, start: number, end: number, ...after: string[]) => ({ step: name, start, end, after });

describe("the plan", () => {
  it("gives a step the slack by which its branch is shorter", () => {
    const parts = [part("a", 0, 1), part("b", 1, 2, "a"), part("c", 1, 5, "a"), part("d", 5, 6, "b", "c"), part("e", 1, 2, "a")];
    const flow = flowOf({ steps: parts.map((p) => step(p.step)) }, { structure: { parallel: parts, start: 0, end: 6 } });
    expect(Object.fromEntries(slackOf(flow))).toEqual({ a: 0, b: 3, c: 0, d: 0, e: 4 });
  });

  it("tells which cases a switch did not take, with what is inside of them, once it has chosen", () => {
    const flow = flowOf(
      {
        steps: [
          { step_id: "choose", step_type: "switch", config: { cases: [{ steps: [step("x")] }, { steps: [{ step_id: "y", step_type: "map", config: { steps: [step("z")] } }] }] } },
        ],
      },
      {
        structure: {
          step: "choose", start: 0, end: 1,
          bodies: [part("x", 0, 1), { step: "y", start: 0, end: 1, bodies: [part("z", 0, 1)] }],
        },
      },
    );
    const statuses: Record<string, string> = { choose: "running" };
    const told = () => [...notTaken(flow, (id) => statuses[id] ?? "pending")];
    expect(told()).toEqual([]);
    Object.assign(statuses, { choose: "completed", x: "completed" });
    expect(told()).toEqual(["y", "z"]);
  });
});
