import { expect, it } from "vitest";

import { jsonOf, objectOf } from "../src/json/read";

it("says in words what is no JSON", () => {
  expect(() => jsonOf("{", "input")).toThrow(/^The input is not JSON: /);
});

it("takes nothing for an empty object, and nothing else than objects", () => {
  expect(objectOf("  ", "configuration")).toEqual({});
  expect(objectOf('{"a": 1}', "configuration")).toEqual({ a: 1 });
  expect(() => objectOf("[1]", "configuration")).toThrow("The configuration must be an object");
});
