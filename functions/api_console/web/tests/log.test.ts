import { expect, it } from "vitest";

import { ApiProblem } from "../src/api/problem";
import { RunLog, whatFollows } from "../src/live/log";

it.each([
  [404, "never"],
  [410, "anew"],
  [422, "anew"],
  [401, "later"],
  [403, "later"],
  [429, "later"],
  [503, "later"],
])("a status %i means that a run is asked for %s", (status, then) => {
  expect(whatFollows(new ApiProblem(status, "code", "detail"))).toBe(then);
});

it("a run's log keeps no lines of logs, however it is followed", () => {
  const log = new RunLog();
  const event = { id: "1", type: "log", timestamp: null, step: null, step_id: null, attempt: null, details: {} };
  expect([log.add(event), log.add({ ...event, type: "step.started" }), log.events.length]).toEqual([false, true, 1]);
});
