import { describe, expect, it } from "vitest";

import { draftOf, fieldOf, holds, read } from "../src/form/fields";

const ORDER = {
  type: "object",
  required: ["id", "rows", "kind"],
  properties: {
    id: { type: "integer", title: "Order" },
    note: { type: ["string", "null"] },
    express: { type: "boolean", default: true },
    kind: { enum: ["new", 2, null] },
    rows: { type: "array", items: { $ref: "#/$defs/row" } },
    address: { type: "object", required: ["city"], properties: { city: { type: "string", minLength: 1 }, zip: { type: "integer" } } },
    extra: { oneOf: [{ type: "string" }, { type: "number" }] },
    limit: { anyOf: [{ type: "number" }, { type: "null" }] },
  },
  $defs: { row: { type: "object", properties: { sku: { type: "string" }, sub: { $ref: "#/$defs/row" } }, required: ["sku"] } },
};

function filled(changes: object) {
  const field = fieldOf(ORDER);
  return read(field, { ...(draftOf(field) as object), ...changes } as never, true);
}

describe("a form", () => {
  it("has a field of the right kind for each property", () => {
    const field = fieldOf(ORDER);
    const kinds = field.kind === "object" ? [...field.fields].map(([name, f]) => [name, f.kind]) : [];
    expect(kinds).toEqual([
      ["id", "number"], ["note", "text"], ["express", "boolean"], ["kind", "choice"],
      ["rows", "array"], ["address", "object"], ["extra", "json"], ["limit", "number"],
    ]);
  });

  it("leaves out what is left empty, and an object in which nothing is given", () => {
    expect(filled({ id: "7", kind: '"new"' })).toEqual({ value: { id: 7, express: true, kind: "new", rows: [] }, wrong: [] });
  });

  it("makes numbers of numbers and keeps texts that look like some", () => {
    const rows = [{ sku: "007", sub: null }];
    expect(filled({ id: "-3", kind: "2", note: "12", limit: "1e3", rows }).value).toMatchObject({ id: -3, kind: 2, note: "12", limit: 1000, rows: [{ sku: "007" }] });
  });

  it("says beside each field what is wrong", () => {
    const { wrong } = filled({ id: "1.5", limit: "0x10", extra: "{" });
    expect(wrong.map((w) => w.pointer)).toEqual(["/id", "/kind", "/extra", "/limit"]);
    expect(wrong[0]?.detail).toContain("whole number");
  });

  it("asks for what is required in an object only once the object is begun", () => {
    expect(filled({ id: "1", kind: "2", address: { city: "", zip: "9" } }).value).toMatchObject({ address: { city: "", zip: 9 } });
  });

  it("shows a shape that contains itself without an end as JSON", () => {
    let field = fieldOf(ORDER.$defs.row, ORDER);
    let depth = 0;
    while (field.kind === "object") {
      field = field.fields.get("sub") ?? field;
      depth += 1;
    }
    expect([field.kind, depth < 12]).toEqual(["json", true]);
  });

  it("knows whether it holds all of a value", () => {
    const field = fieldOf(ORDER);
    expect(holds(field, { id: 1, kind: 2, rows: [], express: false })).toBe(true);
    expect(holds(field, { id: 1, kind: 2, rows: [], express: true, more: 1 })).toBe(false);
    expect(holds(field, { id: "1", kind: 2, rows: [], express: true })).toBe(false);
  });

  it("of anything is JSON text", () => {
    for (const schema of [true, {}, { type: "object" }, { $ref: "https://example.com/x" }, { type: ["string", "number"] }, null]) {
      expect(fieldOf(schema).kind).toBe("json");
    }
    expect(read(fieldOf({}), '{"a": [1]}', true).value).toEqual({ a: [1] });
  });

  it("has names of JavaScript's own as fields like others", () => {
    const field = fieldOf(JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"number"}}}'));
    const draft = Object.assign(Object.create(null) as object, { constructor: "4" });
    expect(JSON.stringify(read(field, draft as never, true).value)).toBe('{"constructor":4}');
  });
});
