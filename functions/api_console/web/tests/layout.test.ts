import { describe, expect, it } from "vitest";

import { type Box, compiledLayout, type Layout, writtenLayout } from "../src/graph/layout";
import { flowOf, type PlannedPart } from "../src/model/flow";

function step(id: string, ...after: string[]): PlannedPart {
  return { step: id, start: 0, end: 1, ...(after.length ? { after } : {}) };
}

const STRUCTURE: PlannedPart = {
  sequence: [
    step("a"),
    { parallel: [{ ...step("each", "a"), bodies: [{ sequence: [step("x"), step("y", "x")], start: 0, end: 2 }] }, step("b", "a")], start: 1, end: 3 },
    step("z", "b", "each"),
  ],
  start: 0,
  end: 4,
};
const inner = [{ step_id: "x", step_type: "http" }, { step_id: "y", step_type: "http", dependencies: ["x"] }];
const FLOW = flowOf(
  {
    steps: [
      { step_id: "a", step_type: "http" },
      { step_id: "each", step_type: "map", config: { steps: inner } },
      { step_id: "b", step_type: "http" },
      { step_id: "z", step_type: "http" },
    ],
  },
  { structure: STRUCTURE },
);

function absolute(layout: Layout, id: string): Box {
  const box = layout.boxes.find((b) => b.id === id);
  if (box === undefined) throw new Error(id);
  if (box.parent === null) return box;
  const parent = absolute(layout, box.parent);
  return { ...box, x: box.x + parent.x, y: box.y + parent.y };
}

function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe.each([
  ["written", () => writtenLayout(FLOW)],
  ["compiled", () => compiledLayout(STRUCTURE)],
] as const)("the %s graph", (_, make) => {
  const layout = make();

  it("has a box for each step, once, and each inside of what it is in", () => {
    const steps = layout.boxes.filter((b) => b.kind !== "group");
    expect(steps.map((b) => b.id).sort()).toEqual(["a", "b", "each", "x", "y", "z"]);
    for (const box of layout.boxes) {
      const parent = layout.boxes.find((b) => b.id === box.parent);
      if (parent === undefined) continue;
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(parent.width);
      expect(box.y + box.height).toBeLessThanOrEqual(parent.height);
    }
  });

  it("has no two boxes in one place", () => {
    for (const a of layout.boxes) {
      for (const b of layout.boxes) {
        if (a.id < b.id && a.parent === b.parent) expect(overlaps(a, b), `${a.id} ${b.id}`).toBe(false);
      }
    }
  });

  it("has what waits below what it waits for", () => {
    for (const [before, after] of [["a", "b"], ["a", "each"], ["x", "y"], ["b", "z"], ["each", "z"]] as const) {
      expect(absolute(layout, before).y).toBeLessThan(absolute(layout, after).y);
    }
  });

  it("has a parent before what is in it", () => {
    const seen = new Set<string | null>([null]);
    for (const box of layout.boxes) {
      expect(seen.has(box.parent)).toBe(true);
      seen.add(box.id);
    }
  });
});

describe("the written graph", () => {
  it("has an arrow for each step that another waits for", () => {
    expect(writtenLayout(FLOW).edges.map((e) => `${e.from}>${e.to}`).sort()).toEqual(["a>b", "a>each", "b>z", "each>z", "x>y"]);
  });
});

describe("the compiled graph", () => {
  it("of 1,200 steps in nested parallels is laid out at once", () => {
    const parts = Array.from({ length: 400 }, (_, i) => ({ parallel: [step(`a${i}`), step(`b${i}`), step(`c${i}`)], start: 0, end: 1 }));
    expect(compiledLayout({ sequence: parts, start: 0, end: 400 }).boxes).toHaveLength(1600);
  });

  it("of nothing is nothing", () => expect(compiledLayout(null).boxes).toEqual([]));
});

describe("the compiled graph", () => {
  const layout = compiledLayout(STRUCTURE);

  it("has an arrow from each part of a sequence to the next, whatever the part is", () => {
    expect(layout.edges.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(["a parallel:0.1", "parallel:0.1 z", "x y"]);
    const known = new Set(layout.boxes.map((b) => b.id));
    expect(layout.edges.every(({ from, to }) => known.has(from) && known.has(to))).toBe(true);
  });

  it("has the parts of a sequence above one another", () => {
    const middles = ["a", "parallel:0.1", "z"].map((id) => absolute(layout, id)).map((box) => box.x + box.width / 2);
    expect(new Set(middles).size).toBe(1);
  });
});
