import { describe, expect, it } from "vitest";

import { optionsAt } from "../src/editor/completion";
import { cursorAt, type Format } from "../src/editor/text";

const STEP = {
  type: "object",
  properties: {
    step_id: { type: "string", description: "Its name." },
    step_type: { enum: ["delay", "map"] },
    dependencies: { type: ["array", "null"], items: { type: "string" } },
    config: { type: ["object", "null"] },
    input_mapping: { type: "object", additionalProperties: { $ref: "#/$defs/Reference" } },
  },
  required: ["step_type"],
};
const SCHEMA = { type: "object", properties: { name: {}, steps: { type: "array", items: STEP } }, $defs: { Reference: { type: "string" } } };
const STEPS = new Map([["ship", "Ships."]]);

/** What is offered where | stands, and the text once the first of it is taken. */
function taken(text: string, format: Format) {
  const offset = text.indexOf("|");
  const whole = text.replace("|", "");
  const cursor = cursorAt(whole, offset, format);
  if (cursor === null) return null;
  const options = optionsAt(cursor, whole, format, SCHEMA, STEPS);
  const first = options[0]?.apply;
  return { labels: options.map((o) => o.label), text: typeof first === "string" ? whole.slice(0, cursor.from) + first + whole.slice(cursor.to) : null };
}

describe("completion", () => {
  it.each<[string, Format, string]>([
    ["steps:\n  - st|", "yaml", "steps:\n  - step_type: "],
    ["name: x\nste|\ntags: []", "yaml", "name: x\nsteps:\n  - \ntags: []"],
    ["steps:\n  - step_id: a\n    conf|", "yaml", "steps:\n  - step_id: a\n    config:\n      "],
    ["steps:\n  - step_type: sh|", "yaml", "steps:\n  - step_type: ship"],
    ["steps:\n  - step_id: a\n  - dependencies: [|]", "yaml", "steps:\n  - step_id: a\n  - dependencies: [a]"],
    ["steps:\n  - step_id: a\n  - dependencies:\n      - |\n", "yaml", "steps:\n  - step_id: a\n  - dependencies:\n      - a\n"],
    ['{"steps": [{"step_id": "a"}, {"dep|"}]}', "json", '{"steps": [{"step_id": "a"}, {"dependencies": []}]}'],
    ['{"steps": [{"step_type": "de|"}]}', "json", '{"steps": [{"step_type": "delay"}]}'],
    ['{"steps": [{"step_ty|": "map"}]}', "json", '{"steps": [{"step_type": "map"}]}'],
    ['{"steps": [{"step_type": |}]}', "json", '{"steps": [{"step_type": "delay"}]}'],
  ])("of %j (%s) writes what belongs there", (text, format, expected) => expect(taken(text, format)?.text).toBe(expected));

  it("offers steps and roots where a reference stands, but not the step itself", () => {
    const { labels } = taken("steps:\n  - step_id: a\n  - step_id: b\n    input_mapping:\n      x: |", "yaml") ?? { labels: [] };
    expect(labels).toEqual(["a", "input.", "variables.", "item", "index", "execution.id"]);
  });

  it("offers what is required first, and nothing that is there already", () => {
    expect(taken("steps:\n  - step_id: a\n    |", "yaml")?.labels).toEqual(["step_type", "dependencies", "config", "input_mapping"]);
  });
});
