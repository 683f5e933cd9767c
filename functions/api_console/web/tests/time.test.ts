import { describe, expect, it } from "vitest";

import { between, duration, moment } from "../src/model/time";

describe("durations", () => {
  it.each([
    [0, "0 ms"], [999, "999 ms"], [1000, "1.0 s"], [59_949, "59.9 s"], [59_960, "1 m 00 s"], [61_000, "1 m 01 s"],
    [3_600_000, "1 h 00 m"], [172_800_000, "2 d 0 h"], [null, "–"], [Number.NaN, "–"], [-1, "–"],
  ])("%s is %s", (ms, text) => expect(duration(ms)).toBe(text));
});

describe("moments", () => {
  it("are shown in UTC where that is asked for", () => {
    expect(moment("2026-11-28T23:59:59.123Z", { utc: true })).toBe("2026-11-28 23:59:59");
    expect(moment("2026-11-28T23:59:59.123Z", { utc: true, millis: true })).toBe("2026-11-28 23:59:59.123");
    expect(moment(null)).toBe("–");
    expect(moment("never")).toBe("–");
  });

  it("have a distance, up to now where the second has not come", () => {
    expect(between("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z")).toBe(2000);
    expect(between("2026-01-01T00:00:00Z", null, Date.parse("2026-01-01T00:00:05Z"))).toBe(5000);
    expect(between(null, null)).toBeNull();
  });
});
