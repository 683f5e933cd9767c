import { describe, expect, it } from "vitest";

import { numbered } from "../src/model/places";

describe("the places of a step", () => {
  it("have the numbers of their elements, in that order", () => {
    const found = numbered(["each[10].a", "each[9].a", "each[11].a"]);
    expect(found.map(({ key, index }) => [key, index])).toEqual([["each[9].a", 9], ["each[10].a", 10], ["each[11].a", 11]]);
  });

  it("are counted where lists are inside of lists, so that each can be named", () => {
    const found = numbered(["o[1].i[0].a", "o[0].i[1].a", "o[0].i[0].a", "o[1].i[1].a"]);
    expect(found.map(({ key, index }) => [key, index])).toEqual([["o[0].i[0].a", 0], ["o[0].i[1].a", 1], ["o[1].i[0].a", 2], ["o[1].i[1].a", 3]]);
  });
});
