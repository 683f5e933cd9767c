import { describe, expect, it } from "vitest";

import { layered } from "../src/graph/layers";

const GAP = { x: 10, y: 20 };
const size = (id: string) => (id === "tall" ? { width: 100, height: 90 } : { width: 100, height: 50 });

describe("layers", () => {
  it("put each step below all that it waits for, and a layer in the middle", () => {
    const { at, width, height } = layered(
      [{ id: "a", after: [] }, { id: "b", after: ["a"] }, { id: "tall", after: ["a"] }, { id: "c", after: ["a", "b", "elsewhere"] }],
      size,
      GAP,
    );
    expect([...at]).toEqual([
      ["a", { x: 105, y: 25 }],
      ["b", { x: 50, y: 115 }],
      ["tall", { x: 160, y: 115 }],
      ["c", { x: 105, y: 205 }],
    ]);
    expect([width, height]).toEqual([210, 230]);
  });

  it("stand 20,000 in a row", () => {
    const steps = Array.from({ length: 20_000 }, (_, i) => ({ id: `${i}`, after: i ? [`${i - 1}`] : [] }));
    expect(layered(steps, size, GAP).at.get("19999")).toEqual({ x: 50, y: 19_999 * 70 + 25 });
  });

  it("stand a circle", () => {
    const { at } = layered([{ id: "a", after: ["b"] }, { id: "b", after: ["a"] }, { id: "c", after: ["c"] }], size, GAP);
    expect(at.size).toBe(3);
  });

  it("of nothing have no size", () => expect(layered([], size, GAP)).toMatchObject({ width: 0, height: 0 }));
});
