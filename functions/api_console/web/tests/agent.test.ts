import { expect, it } from "vitest";

import { conversationOf } from "../src/model/agent";

const CALL = { tool: "search", arguments: { q: "x" }, result: "found", is_error: false, truncated: true, duration_ms: 12, iteration: 2 };

it("tells an agent's rounds in their order, between what was asked and what was answered", () => {
  const turns = conversationOf({
    query: "why?",
    response: { because: 1 },
    tool_calls_trace: [CALL, { ...CALL, tool: "read", is_error: true, iteration: 1 }],
    remarks: [{ kind: "thought", text: "let me look", truncated: false, iteration: 2 }],
  });
  expect(turns?.map((t) => (t.kind === "round" ? [t.round, t.remarks, t.calls.map((c) => [c.tool, c.isError, c.isCut])] : t.kind))).toEqual([
    "asked",
    [1, [], [["read", true, true]]],
    [2, ["let me look"], [["search", false, true]]],
    "answered",
  ]);
});

it("takes no other step's output for a conversation", () => {
  expect([null, "x", [], { response: "x" }, { turns: [] }].map(conversationOf)).toEqual([null, null, null, null, null]);
});
