import { describe, expect, it } from "vitest";

import { flatten } from "../src/json/flatten";

const all = () => true;

describe("the lines of a value", () => {
  it("have the paths that references are written with", () => {
    const lines = flatten({ rows: [{ name: "x" }], "odd key": 1 }, "a", all);
    expect(lines.map((l) => l.path)).toEqual(["a", "a.rows", "a.rows[0]", "a.rows[0].name", "a.`odd key`"]);
  });

  it("leave out what is closed, and say how much is in it", () => {
    const lines = flatten({ a: { b: 1 }, c: [] }, "", (_, depth) => depth === 0);
    expect(lines.map((l) => [l.key, l.size, l.isOpen])).toEqual([[null, 2, true], ["a", 1, false], ["c", 0, false]]);
  });

  it("are cut where there are too many", () => {
    const lines = flatten(Array.from({ length: 2500 }, (_, i) => i), "x", all);
    expect(lines).toHaveLength(1002);
    expect(lines.at(-1)?.value).toBe("… 1,500 more");
  });

  it("of a value that is neither object nor array are one", () => {
    expect(flatten(null, "x", all)).toEqual([{ path: "x", depth: 0, key: null, value: null, size: null, isOpen: false }]);
  });
});
