import { expect, it } from "vitest";

import { newKey, wasRefused } from "../src/api/once";
import { ApiProblem, LostConnection } from "../src/api/problem";

it("takes another key once a request was refused", () => {
  expect(wasRefused(new ApiProblem(422, "invalid_request", "no"))).toBe(true);
  expect(wasRefused(new ApiProblem(409, "conflict", "paused"))).toBe(true);
});

it("sends the same key again as long as the request may have been heard", () => {
  expect(wasRefused(new LostConnection(null))).toBe(false);
  expect(wasRefused(new ApiProblem(503, "outcome_unknown", "perhaps"))).toBe(false);
  expect(wasRefused(new ApiProblem(409, "idempotent_request_under_way", "wait"))).toBe(false);
  expect(wasRefused(new SyntaxError("not JSON"))).toBe(false);
});

it("makes keys that differ", () => {
  expect(newKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(newKey()).not.toBe(newKey());
});
