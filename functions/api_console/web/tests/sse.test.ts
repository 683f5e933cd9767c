import { describe, expect, it } from "vitest";

import { EventParser } from "../src/live/sse";

describe("a stream of events", () => {
  it("is read alike wherever it is cut", () => {
    const text = ": hello\nretry: 100\n\nid: 1\ndata: {\"a\":1}\n\nid: 2\r\nevent: x\r\ndata: one\r\ndata: two\r\n\r\n";
    const whole = new EventParser();
    const expected = whole.push(text);
    expect(expected).toEqual([
      { id: "1", type: "message", data: '{"a":1}' },
      { id: "2", type: "x", data: "one\ntwo" },
    ]);
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = new EventParser();
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual(expected);
      expect(parser.retry).toBe(100);
      expect(parser.lastId).toBe("2");
    }
  });

  it("gives no event of which the end has not come", () => {
    expect(new EventParser().push("id: 1\ndata: half")).toEqual([]);
  });
});
