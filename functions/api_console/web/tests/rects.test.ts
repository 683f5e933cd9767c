import { describe, expect, it } from "vitest";

import type { Box } from "../src/graph/layout";
import { linesOf, rectsOf, stepAt } from "../src/graph/rects";

const box = (id: string, kind: Box["kind"], parent: string | null, x: number, y: number, width: number, height: number): Box => ({ id, kind, parent, x, y, width, height });
const BOXES = [
  box("parallel:0", "group", null, 0, 0, 1000, 1000),
  box("map", "container", "parallel:0", 100, 100, 400, 300),
  box("inner", "step", "map", 10, 50, 190, 56),
  box("after", "step", null, 100, 1100, 190, 56),
];
const rects = rectsOf(BOXES);

describe("boxes inside of others", () => {
  it("are seen from the corner of the graph", () => {
    expect(rects.map(({ id, x, y }) => [id, x, y])).toEqual([["parallel:0", 0, 0], ["map", 100, 100], ["inner", 110, 150], ["after", 100, 1100]]);
  });

  it("are joined by lines as far as both are there", () => {
    const lines = linesOf({ boxes: BOXES, edges: [{ from: "map", to: "after" }, { from: "gone", to: "after" }], width: 0, height: 0 }, rects);
    expect(lines.map(({ from, to }) => [from.id, to.id])).toEqual([["map", "after"]]);
  });
});

describe("a point", () => {
  it.each([
    ["in a step", 150, 170, 0, "inner"],
    ["in a container beside its steps", 450, 380, 40, "map"],
    ["in a container close to a step", 150, 140, 40, "inner"],
    ["beside a step, as far as one reaches", 150, 1170, 40, "after"],
    ["further from a step than one reaches", 150, 1200, 40, null],
    ["in a group, which is no step", 900, 900, 40, null],
  ])("%s means it", (_, x, y, reach, step) => {
    expect(stepAt(rects, x, y, reach)).toBe(step);
  });

  it("between two steps means the nearer one", () => {
    const two = rectsOf([box("upper", "step", null, 0, 0, 100, 50), box("lower", "step", null, 0, 80, 100, 50)]);
    expect([stepAt(two, 50, 60, 100), stepAt(two, 50, 75, 100)]).toEqual(["upper", "lower"]);
  });
});
