import { describe, expect, it } from "vitest";

import { offersAt } from "../src/editor/schema";

const typed = (type: string) => ({
  if: { type: "object", properties: { step_type: { const: type } }, required: ["step_type"] },
  then: { properties: { config: { $ref: `#/$defs/config_${type}` } } },
});
const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string", description: "What it is called." },
    steps: { type: "array", items: { allOf: [{ $ref: "#/$defs/Step" }] } },
  },
  required: ["steps"],
  $defs: {
    Step: {
      type: "object",
      properties: {
        step_id: { type: "string" },
        step_type: { enum: ["delay", "map"], markdownEnumDescriptions: ["Waits.", "Repeats."] },
        config: { type: ["object", "null"] },
        critical: { type: "boolean" },
        input_mapping: { additionalProperties: { $ref: "#/$defs/Source" } },
      },
      required: ["step_id"],
      allOf: [typed("delay"), typed("map")],
    },
    config_delay: { type: "object", properties: { delay_seconds: { type: "number", examples: [60] } } },
    config_map: { type: "object", properties: { steps: { type: "array", items: { $ref: "#/$defs/Step" } } } },
    Source: { anyOf: [{ $ref: "#/$defs/Reference" }, { type: "object", properties: { value: {} } }] },
    Reference: { type: "string" },
  },
};
const names = (path: (string | number)[], document: unknown) => offersAt(SCHEMA, path, document).keys.map((k) => k.name);

describe("what is offered", () => {
  it("are the names that are not there yet", () => {
    expect(names([], { name: "x" })).toEqual(["steps"]);
    expect(offersAt(SCHEMA, [], {}).keys).toContainEqual({ name: "steps", description: "", isRequired: true, opens: "array" });
  });

  it("in config is what the type of the step has there", () => {
    expect(names(["steps", 0, "config"], { steps: [{ step_type: "delay", config: {} }] })).toEqual(["delay_seconds"]);
    expect(names(["steps", 0, "config"], { steps: [{ step_type: "map" }] })).toEqual(["steps"]);
  });

  it("inside of a container is what a step may have", () => {
    const inner = { step_type: "delay", config: null };
    const document = { steps: [{ step_type: "map", config: { steps: [inner] } }] };
    expect(names(["steps", 0, "config", "steps", 0], document)).toEqual(["step_id", "critical", "input_mapping"]);
    expect(names(["steps", 0, "config", "steps", 0, "config"], document)).toEqual(["delay_seconds"]);
  });

  it("are values with what they mean", () => {
    expect(offersAt(SCHEMA, ["steps", 0, "step_type"], { steps: [{}] }).values).toEqual([
      { value: "delay", description: "Waits." },
      { value: "map", description: "Repeats." },
    ]);
    expect(offersAt(SCHEMA, ["steps", 0, "critical"], {}).values.map((v) => v.value)).toEqual([true, false]);
    expect(offersAt(SCHEMA, ["steps", 0, "config", "delay_seconds"], { steps: [{ step_type: "delay" }] }).values[0]?.value).toBe(60);
  });

  it("are references where a value of the run may stand", () => {
    expect(offersAt(SCHEMA, ["steps", 0, "input_mapping", "x"], {}).takesReference).toBe(true);
    expect(offersAt(SCHEMA, ["name"], {}).takesReference).toBe(false);
  });

  it("of a place that the schema does not know is nothing", () => {
    expect(offersAt(SCHEMA, ["name", "x", 3], {})).toEqual({ keys: [], values: [], takesReference: false });
  });
});
