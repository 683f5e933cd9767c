import { describe, expect, it } from "vitest";

import { difference, freeId, withDependencies, withStep } from "../src/editor/patch";
import { textOf, valueOf } from "../src/editor/text";

const STEP = { step_id: "z", step_type: "delay", config: { delay_seconds: 1 } };
const YAML = `name: Order # theirs
steps:
  # the first
  - step_id: a
    step_type: delay # waits
  - step_id: b
    step_type: map
    config:
      items: input.rows
      steps:
        - {step_id: c, step_type: delay}
    dependencies:
      - a # needed
# the end
`;

describe("a step more", () => {
  it("leaves the text before it alone", () => {
    const text = withStep(YAML, "yaml", STEP) ?? "";
    const lines = YAML.split("\n");
    expect(text.split("\n").slice(0, 13)).toEqual(lines.slice(0, 13));
    expect(text).toContain("# the end");
    expect(text).toContain("\n  - step_id: z\n    step_type: delay\n    config:\n      delay_seconds: 1\n");
  });

  it("has the indentation of the list, in JSON too", () => {
    const before = '{\n\t"steps": [\n\t\t{"step_id": "a"}';
    expect(withStep(`${before}\n\t]\n}`, "json", { step_id: "z" })).toBe(`${before},\n\t\t{\n\t\t\t"step_id": "z"\n\t\t}\n\t]\n}`);
    expect(withStep('{"steps": [{"step_id": "a"}]}', "json", { step_id: "z" })).toBe('{"steps": [{"step_id": "a"}, {"step_id":"z"}]}');
  });

  it.each(["{}", '{"steps": []}', '{"steps": null}'])("goes into %s", (text) => expect(valueOf(withStep(text, "json", STEP) ?? "", "json")).toEqual({ steps: [STEP] }));

  it.each(["name: x\n", "steps:\n", "steps: []\n", "steps: [{step_id: a}]\n", "steps:\n- step_id: a\n", "steps:\n- step_id: a\n  description: |\n    long\n    text\n"])(
    "goes into %j",
    (text) => {
      const before = (valueOf(text, "yaml") as { steps?: unknown[] }).steps ?? [];
      expect(valueOf(withStep(text, "yaml", STEP) ?? "", "yaml")).toMatchObject({ steps: [...before, STEP] });
    },
  );

  it("needs a text that is a workflow", () => {
    expect(withStep("[1]", "json", STEP)).toBeNull();
    expect(withStep("steps: 1", "yaml", STEP)).toBeNull();
    expect(withStep('{"name": "x", "steps": [}', "json", STEP)).toBeNull();
  });
});

describe("what a step waits for", () => {
  it("is written where it stood, or behind the id", () => {
    expect(withDependencies(YAML, "yaml", "b", ["a", "no"])).toBe(YAML.replace("dependencies:\n      - a # needed", 'dependencies: [a, "no"] # needed'));
    expect(withDependencies(YAML, "yaml", "a", ["b"])).toBe(YAML.replace("- step_id: a\n", "- step_id: a\n    dependencies: [b]\n"));
  });

  it("is written inside of containers too", () => expect(withDependencies(YAML, "yaml", "c", ["d"])).toBe(YAML.replace("{step_id: c,", "{step_id: c, dependencies: [d],")));

  it("is written in JSON", () => {
    const json = '{"steps": [\n  {\n    "step_id": "a",\n    "dependencies": ["x"]\n  }\n]}';
    expect(withDependencies(json, "json", "a", [])).toBe(json.replace('["x"]', "[]"));
    const all = textOf({ steps: [{ step_id: "a", step_type: "t" }] }, "json");
    expect(withDependencies(all, "json", "a", ["b"])).toBe(all.replace('"step_id": "a",', '"step_id": "a",\n      "dependencies": ["b"],'));
  });

  it("of a step that is not there is nothing", () => expect(withDependencies(YAML, "yaml", "x", [])).toBeNull());
});

it("an id is made that no step has", () => {
  const value = { steps: [{ step_id: "delay" }, { config: { steps: [{ step_id: "delay_2" }] } }] };
  expect([freeId(value, "delay"), freeId(value, "http request"), freeId(value, "_é")]).toEqual(["delay_3", "http_request", "step"]);
});

it("two texts are different in one stretch", () => {
  expect(difference("abc", "axc")).toEqual({ from: 1, to: 2, insert: "x" });
  expect(difference("aa", "aaa")).toEqual({ from: 2, to: 2, insert: "a" });
  expect(difference("x", "")).toEqual({ from: 0, to: 1, insert: "" });
});
