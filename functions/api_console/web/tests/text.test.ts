import { describe, expect, it } from "vitest";

import { converted, cursorAt, type Format, rangeInMessage, rangeOf, reading, textOf, valueOf } from "../src/editor/text";

const YAML = `# orders
name: Order
steps:
  - step_id: a
    step_type: delay
    config: {delay_seconds: 1}
  - step_id: b
    dependencies:
      - a
      - c
`;
const JSON_TEXT = JSON.stringify({ name: "Order", steps: [{ step_id: "a", "odd/key": 1 }, { step_id: "b", dependencies: ["a", "c"] }] }, null, "\t");

function marked(text: string, pointer: string, target: "key" | "value" = "value"): string {
  const { from, to } = rangeOf(text, reading(text), pointer, target);
  return text.slice(from, to);
}

describe("a pointer", () => {
  it.each([
    ["/steps/1/dependencies/1", "c"],
    ["/steps/0/config/delay_seconds", "1"],
    ["/steps/1/dependencies", "dependencies"],
    ["/steps/0", "step_id: a"],
    ["/steps/1/nothing", "step_id: b"],
    ["", "name: Order"],
  ])("%s is found in YAML", (pointer, text) => expect(marked(YAML, pointer)).toBe(text));

  it.each([
    ["/steps/1/dependencies/1", '"c"'],
    ["/steps/0/odd~1key", "1"],
    ["/steps", '"steps"'],
    ["/steps/0", "{"],
  ])("%s is found in JSON with tabs", (pointer, text) => expect(marked(JSON_TEXT, pointer)).toBe(text));

  it("may mean the key", () => expect(marked(YAML, "/steps/0/step_type", "key")).toBe("step_type"));

  it("is found as far as the text can be read", () => expect(marked('{"steps": [{"step_id": "a"}, {"step_id"', "/steps/0/step_id")).toBe('"a"'));
});

it("a message with line and column tells where", () => {
  expect(rangeInMessage("a\nbcd\n", "Not JSON: x at line 2, column 3.")).toEqual({ from: 4, to: 5 });
  expect(rangeInMessage("a", "at line 9, column 9")?.to).toBe(1);
  expect(rangeInMessage("a", "no place")).toBeNull();
});

/** A text with | where the cursor is. */
function at(text: string, format: Format) {
  const offset = text.indexOf("|");
  const found = cursorAt(text.replace("|", ""), offset, format);
  return found && [found.path.join("."), found.isKey ? "key" : "value", found.word];
}

describe("the cursor", () => {
  it.each<[string, Format, unknown]>([
    ['{"na|"}', "json", ["", "key", "na"]],
    ['{"name": "x", |}', "json", ["", "key", ""]],
    ['{"steps": [{"step_type": "de|"}]}', "json", ["steps.0.step_type", "value", "de"]],
    ['{"steps": [{"step_type": |}]}', "json", ["steps.0.step_type", "value", ""]],
    ['{"steps": [{"step_id": "a", "co|": {}}]}', "json", ["steps.0", "key", "co"]],
    ['{"steps": [{"dependencies": ["a", "|"]}', "json", ["steps.0.dependencies.1", "value", ""]],
    ["na|", "yaml", ["", "key", "na"]],
    ["name: x\nst|\ntags: []\n", "yaml", ["", "key", "st"]],
    ["steps:\n  - st|\n    step_type: x\n", "yaml", ["steps.0", "key", "st"]],
    ["name: x\nst|\n", "yaml", ["", "key", "st"]],
    ["steps:\n  - step_id: a\n    step_type: de|\n", "yaml", ["steps.0.step_type", "value", "de"]],
    ["steps:\n  - st|\n", "yaml", ["steps.0", "key", "st"]],
    ["steps:\n  - step_id: a\n    co|\n  - step_id: b\n", "yaml", ["steps.0", "key", "co"]],
    ["steps:\n  - step_id: a\n    config:\n      de|\n", "yaml", ["steps.0.config", "key", "de"]],
    ["steps:\n  - step_id: a\n    dependencies: [b, |]\n", "yaml", ["steps.0.dependencies.1", "value", ""]],
    ["steps:\n  - dependencies:\n      - a\n      - |\n", "yaml", ["steps.0.dependencies.1", "key", ""]],
    ["steps:\n  - step_id: a\n    |\n", "yaml", ["steps.0", "key", ""]],
    ["name: x # na|\n", "yaml", null],
  ])("in %j (%s) is known", (text, format, expected) => expect(at(text, format)).toEqual(expected));
});

describe("a text in the other notation", () => {
  it("has the same value", () => {
    const json = converted(YAML, "json") ?? "";
    expect(JSON.parse(json)).toEqual(valueOf(YAML, "yaml"));
    expect(valueOf(converted(json, "yaml") ?? "", "yaml")).toEqual(JSON.parse(json));
  });

  it("keeps texts that YAML would read as something else", () => {
    const value = { a: "yes", b: "1e3", c: "null", d: "0x1f", e: "x: y", f: "line\nline\n", g: " ", h: "2026-01-01" };
    expect(valueOf(textOf(value, "yaml"), "yaml")).toEqual(value);
  });

  it("has in escapes what readers of YAML take for something else", () => {
    const text = textOf({ a: "x\u2028y", b: "<<", c: "\u00a0", d: "\u0085 é" }, "yaml");
    expect(text).toBe('a: "x\\u2028y"\nb: "<<"\nc: "\\u00a0"\nd: "\\u0085 é"\n');
    expect(valueOf(text, "yaml")).toEqual({ a: "x\u2028y", b: "<<", c: "\u00a0", d: "\u0085 é" });
  });

  it("is not made of a text that is not whole", () => expect(converted('{"a": ', "yaml")).toBeNull());
});
