/** A form made of a JSON Schema: which fields there are, what stands in them, and the value that they make. Pure.
 *
 * What a form cannot show faithfully (a choice between shapes, a shape that contains itself, any value) is a field of JSON text.
 */

import { isExact } from "../model/exact";
import { escaped, follow, tokensOf } from "../model/pointer";

export type Schema = Readonly<Record<string, unknown>>;

interface Common {
  readonly title: string | null;
  readonly description: string | null;
  readonly example: string | null;
  /** Whether nothing at all is a value of it: null. */
  readonly isNullable: boolean;
  readonly fallback: unknown;
}

export type Field = Common &
  (
    | { readonly kind: "text"; readonly format: string | null; readonly isLong: boolean }
    | { readonly kind: "number"; readonly isWhole: boolean }
    | { readonly kind: "boolean" }
    | { readonly kind: "choice"; readonly choices: readonly unknown[] }
    | { readonly kind: "object"; readonly fields: ReadonlyMap<string, Field>; readonly required: ReadonlySet<string> }
    | { readonly kind: "array"; readonly item: Field }
    | { readonly kind: "json" }
  );

/** What stands in a field: text of what is typed, `null` of a box that was neither ticked nor cleared. */
export type Draft = string | boolean | null | readonly Draft[] | { readonly [name: string]: Draft };

export interface Wrong {
  /** A JSON pointer to the field. */
  readonly pointer: string;
  readonly detail: string;
}

const DEEPEST = 8;
const LONG_TEXT = 200;
/** Of these a form shows everything that they say, or the server tells what does not fit them. */
const CHOICES_OF_SHAPE = ["oneOf", "anyOf", "allOf", "if", "not", "patternProperties", "prefixItems"];

export function fieldOf(schema: unknown, root: unknown = schema, depth = 0): Field {
  const [resolved, isNullable] = plain(schema, root, 0);
  const common: Common = {
    title: text(resolved?.["title"]),
    description: text(resolved?.["description"]),
    example: exampleOf(resolved),
    isNullable,
    fallback: resolved?.["default"],
  };
  if (resolved === null || depth > DEEPEST) return { ...common, kind: "json" };
  if ("const" in resolved) return { ...common, kind: "choice", choices: [resolved["const"]] };
  if (Array.isArray(resolved["enum"])) return { ...common, kind: "choice", choices: (resolved["enum"] as unknown[]).filter((c) => c !== null) };
  if (CHOICES_OF_SHAPE.some((word) => word in resolved)) return { ...common, kind: "json" };
  const type = typeOf(resolved);
  switch (type) {
    case "string": {
      const format = text(resolved["format"]);
      const isLong = format === "textarea" || format === "multiline" || Number(resolved["maxLength"] ?? 0) > LONG_TEXT;
      return { ...common, kind: "text", format, isLong };
    }
    case "integer":
    case "number":
      return { ...common, kind: "number", isWhole: type === "integer" };
    case "boolean":
      return { ...common, kind: "boolean" };
    case "array":
      return isSchema(resolved["items"]) ? { ...common, kind: "array", item: fieldOf(resolved["items"], root, depth + 1) } : { ...common, kind: "json" };
    case "object": {
      const properties = Object.entries(isSchema(resolved["properties"]) ? resolved["properties"] : {});
      // Names that nobody knows before: only text can hold them.
      if (properties.length === 0) return { ...common, kind: "json" };
      const fields = new Map(properties.map(([name, inner]) => [name, fieldOf(inner, root, depth + 1)]));
      const required = Array.isArray(resolved["required"]) ? resolved["required"].filter((r): r is string => typeof r === "string") : [];
      return { ...common, kind: "object", fields, required: new Set(required) };
    }
    default:
      return { ...common, kind: "json" };
  }
}

/** What stands in a field at first: the given value, else the schema's default, else nothing. */
export function draftOf(field: Field, value: unknown = field.fallback): Draft {
  switch (field.kind) {
    case "text":
      return typeof value === "string" ? value : "";
    case "number":
      return typeof value === "number" ? String(value) : "";
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "choice":
      return value === undefined || value === null ? "" : JSON.stringify(value);
    case "array":
      return Array.isArray(value) ? value.map((item: unknown) => draftOf(field.item, item)) : [];
    case "object": {
      const given = isSchema(value) ? value : {};
      // Without a prototype, since a field may be called as a member of it.
      const draft = Object.create(null) as Record<string, Draft>;
      for (const [name, inner] of field.fields) draft[name] = Object.hasOwn(given, name) ? draftOf(inner, given[name]) : draftOf(inner);
      return draft;
    }
    case "json":
      return value === undefined ? "" : JSON.stringify(value, null, 2);
  }
}

/** The value that a draft makes, undefined for none at all, and what is wrong with it before the server sees it.
 *
 * A field that is left empty is left out, unless it is required; so is an object in which nothing is given.
 */
export function read(field: Field, draft: Draft, isRequired: boolean, pointer = ""): { value: unknown; wrong: Wrong[] } {
  const wrong: Wrong[] = [];
  const value = valueOf(field, draft, isRequired, pointer, wrong);
  return { value, wrong };
}

function valueOf(field: Field, draft: Draft, isRequired: boolean, pointer: string, wrong: Wrong[]): unknown {
  const none = (detail: string): unknown => {
    if (!isRequired) return undefined;
    if (field.isNullable) return null;
    wrong.push({ pointer, detail });
    return undefined;
  };
  switch (field.kind) {
    case "text":
      if (draft === "" && isRequired && !field.isNullable) return "";
      return draft === "" ? none("") : draft;
    case "number": {
      const typed = String(draft).trim();
      if (typed === "") return none("A number is needed here.");
      const number = Number(typed);
      if (!Number.isFinite(number) || !/^[-+\d.eE]+$/.test(typed)) wrong.push({ pointer, detail: `“${typed}” is not a number.` });
      else if (field.isWhole && !Number.isInteger(number)) wrong.push({ pointer, detail: `“${typed}” is not a whole number.` });
      else if (!isExact(typed)) wrong.push({ pointer, detail: `“${typed}” has more digits than a browser keeps.` });
      return number;
    }
    case "boolean":
      if (typeof draft === "boolean") return draft;
      // A box that was not touched is not ticked.
      return isRequired ? (field.isNullable ? null : false) : undefined;
    case "choice":
      return draft === "" ? none("Choose one.") : (JSON.parse(String(draft)) as unknown);
    case "array": {
      const items = Array.isArray(draft) ? (draft as readonly Draft[]) : [];
      if (items.length === 0) return isRequired || field.fallback !== undefined ? [] : undefined;
      return items.map((item, i) => valueOf(field.item, item, true, `${pointer}/${i}`, wrong));
    }
    case "object": {
      const drafts = draft as Readonly<Record<string, Draft>>;
      const inside: Wrong[] = [];
      const value: Record<string, unknown> = {};
      for (const [name, inner] of field.fields) {
        const given = valueOf(inner, drafts[name] ?? draftOf(inner), field.required.has(name), `${pointer}/${escaped(name)}`, inside);
        // A name such as __proto__ is an entry like any other.
        if (given !== undefined) Object.defineProperty(value, name, { value: given, enumerable: true, configurable: true, writable: true });
      }
      if (!isRequired && !isTouched(field, draft)) return undefined;
      wrong.push(...inside);
      return value;
    }
    case "json": {
      if (String(draft).trim() === "") return none("A value is needed here.");
      if (!isExact(String(draft))) wrong.push({ pointer, detail: "It has numbers with more digits than a browser keeps." });
      try {
        return JSON.parse(String(draft)) as unknown;
      } catch (error) {
        wrong.push({ pointer, detail: `Not JSON: ${error instanceof Error ? error.message : String(error)}` });
        return undefined;
      }
    }
  }
}

/** Whether anything is given in a field. */
function isTouched(field: Field, draft: Draft): boolean {
  if (field.kind === "object") return [...field.fields].some(([name, inner]) => isTouched(inner, (draft as Record<string, Draft>)[name] ?? null));
  if (Array.isArray(draft)) return draft.length > 0;
  return draft !== "" && draft !== null;
}

/** Whether a form holds all of a value: what it would make of it is the same. */
export function holds(field: Field, value: unknown): boolean {
  const { value: again, wrong } = read(field, draftOf(field, value), true);
  return wrong.length === 0 && sameValue(again, value);
}

export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => Object.hasOwn(right, name) && sameValue(left[name], right[name]));
}

/** A schema with its references followed and the wrappings of "or null" taken off. Null where it is none that can be followed. */
function plain(schema: unknown, root: unknown, follows: number): readonly [Schema | null, boolean] {
  if (!isSchema(schema) || follows > DEEPEST) return [null, false];
  if (typeof schema["$ref"] === "string") {
    const target = lookUp(root, schema["$ref"]);
    const { $ref: _, ...beside } = schema;
    const [followed, isNullable] = plain(target, root, follows + 1);
    return [followed === null ? null : { ...followed, ...beside }, isNullable];
  }
  for (const word of ["anyOf", "oneOf", "allOf"] as const) {
    const parts = schema[word];
    if (!Array.isArray(parts)) continue;
    const others = parts.filter((part) => !(isSchema(part) && part["type"] === "null"));
    if (others.length !== 1 || (word === "allOf" && parts.length !== 1)) continue;
    const { [word]: _, ...beside } = schema;
    const [inner, isNullable] = plain(others[0], root, follows + 1);
    return [inner === null ? null : { ...inner, ...beside }, isNullable || others.length < parts.length];
  }
  const types = schema["type"];
  if (Array.isArray(types)) {
    const others = types.filter((type) => type !== "null");
    const { type: _, ...beside } = schema;
    return [others.length === 1 ? { ...beside, type: others[0] as unknown } : beside, others.length < types.length];
  }
  return [schema, false];
}

function lookUp(root: unknown, reference: string): unknown {
  return reference.startsWith("#") ? follow(root, tokensOf(decodeURIComponent(reference.slice(1)))) : null;
}

function typeOf(schema: Schema): string | null {
  if (typeof schema["type"] === "string") return schema["type"];
  return isSchema(schema["properties"]) ? "object" : null;
}

function exampleOf(schema: Schema | null): string | null {
  const examples = schema?.["examples"];
  if (!Array.isArray(examples) || examples.length === 0) return null;
  const [first] = examples as unknown[];
  return typeof first === "string" ? first : JSON.stringify(first);
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
