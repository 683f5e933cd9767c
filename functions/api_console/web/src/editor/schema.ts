/** What may stand at a place of a document by its JSON Schema: names of entries and values. Pure.
 *
 * It follows references, parts that all hold, choices, and conditions that can be told from what stands there (`step_type` decides
 * what `config` may have). It judges nothing: the service does that.
 */

import { follow, tokensOf } from "../model/pointer";

type Schema = Readonly<Record<string, unknown>>;

export interface KeyOffer {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  /** What the value may be, which an editor prepares: `{}`, `[]`, or anything else. */
  readonly opens: "object" | "array" | null;
}

interface ValueOffer {
  readonly value: unknown;
  readonly description: string;
}

interface Offers {
  readonly keys: readonly KeyOffer[];
  readonly values: readonly ValueOffer[];
  /** Whether a reference to a value of the run may stand here. */
  readonly takesReference: boolean;
}

const REFERENCES = new Set(["Reference", "Source", "OutputSource", "Condition", "ConditionPart", "ConditionText"]);
const DEEPEST = 24;

interface Found {
  readonly schemas: Schema[];
  takesReference: boolean;
}

/** What is offered in the value at a path of a document. `document` is the whole of it, as far as it is written. */
export function offersAt(root: Schema, path: readonly (string | number)[], document: unknown): Offers {
  let found = expanded(root, [root], document);
  path.forEach((token, depth) => {
    const next = found.schemas.flatMap((schema) => inside(schema, token));
    found = expanded(root, next, follow(document, path.slice(0, depth + 1)));
  });
  const here = follow(document, path);
  const present = new Set(typeof here === "object" && here !== null ? Object.keys(here) : []);
  const keys = new Map<string, KeyOffer>();
  const required = new Set(found.schemas.flatMap((schema) => (Array.isArray(schema["required"]) ? (schema["required"] as unknown[]) : [])));
  for (const schema of found.schemas) {
    for (const [name, inner] of Object.entries(objectOf(schema["properties"]))) {
      if (present.has(name)) continue;
      const shapes = expanded(root, [objectOf(inner)], undefined).schemas;
      const description = keys.get(name)?.description || descriptionOf(shapes);
      const opens = keys.get(name)?.opens ?? opensOf(shapes);
      keys.set(name, { name, description, isRequired: required.has(name), opens });
    }
  }
  return { keys: [...keys.values()], values: valuesOf(found.schemas), takesReference: found.takesReference };
}

function inside(schema: Schema, token: string | number): Schema[] {
  if (typeof token === "number") return [objectOf(schema["items"])];
  const properties = objectOf(schema["properties"]);
  if (Object.hasOwn(properties, token)) return [objectOf(properties[token])];
  return [objectOf(schema["additionalProperties"])];
}

/** The schemas that hold for a value, with all that they refer to. */
function expanded(root: Schema, schemas: readonly Schema[], value: unknown): Found {
  const found: Found = { schemas: [], takesReference: false };
  const seen = new Set<Schema>();
  const add = (schema: Schema, depth: number): void => {
    if (depth > DEEPEST || seen.has(schema)) return;
    seen.add(schema);
    found.schemas.push(schema);
    const target = targetOf(root, schema);
    if (target !== null) {
      if (REFERENCES.has(String(schema["$ref"]).split("/").at(-1) ?? "")) found.takesReference = true;
      add(target, depth + 1);
    }
    for (const word of ["allOf", "anyOf", "oneOf"]) for (const part of listOf(schema[word])) add(part, depth + 1);
    if ("if" in schema) {
      const holds = fits(root, objectOf(schema["if"]), value, 0);
      if (holds !== false && "then" in schema) add(objectOf(schema["then"]), depth + 1);
      if (holds !== true && "else" in schema) add(objectOf(schema["else"]), depth + 1);
    }
  };
  for (const schema of schemas) add(schema, 0);
  return found;
}

/** Whether a value fits a condition; null where the words in it are not known here. */
function fits(root: Schema, schema: Schema, value: unknown, depth: number): boolean | null {
  if (depth > DEEPEST) return null;
  const told: (boolean | null)[] = [];
  for (const [word, wanted] of Object.entries(schema)) {
    switch (word) {
      case "$ref": {
        const target = targetOf(root, schema);
        told.push(target === null ? null : fits(root, target, value, depth + 1));
        break;
      }
      case "const":
        told.push(value === wanted);
        break;
      case "enum":
        told.push(listed(wanted).includes(value));
        break;
      case "type":
        told.push((Array.isArray(wanted) ? wanted : [wanted]).includes(typeOf(value)));
        break;
      case "required":
        if (typeOf(value) === "object") told.push(listed(wanted).every((name) => Object.hasOwn(value as object, String(name))));
        break;
      case "properties":
        if (typeOf(value) !== "object") break;
        for (const [name, inner] of Object.entries(objectOf(wanted))) {
          if (Object.hasOwn(value as object, name)) told.push(fits(root, objectOf(inner), (value as Schema)[name], depth + 1));
        }
        break;
      case "anyOf": {
        const parts = listOf(wanted).map((part) => fits(root, part, value, depth + 1));
        told.push(parts.includes(true) ? true : parts.includes(null) ? null : false);
        break;
      }
      case "allOf":
        told.push(...listOf(wanted).map((part) => fits(root, part, value, depth + 1)));
        break;
      case "description":
      case "markdownDescription":
      case "examples":
      case "errorMessage":
        break;
      default:
        told.push(null);
    }
  }
  if (told.includes(false)) return false;
  return told.includes(null) ? null : true;
}

function valuesOf(schemas: readonly Schema[]): ValueOffer[] {
  const values = new Map<unknown, ValueOffer>();
  const offer = (value: unknown, description: string) => {
    if (typeof value !== "object" && !values.has(value)) values.set(value, { value, description });
  };
  for (const schema of schemas) {
    const told = listed(schema["markdownEnumDescriptions"]);
    listed(schema["enum"]).forEach((value, i) => offer(value, typeof told[i] === "string" ? told[i] : ""));
    if ("const" in schema) offer(schema["const"], "");
    if (listed(schema["type"]).includes("boolean") || schema["type"] === "boolean") for (const value of [true, false]) offer(value, "");
  }
  for (const schema of schemas) for (const example of listed(schema["examples"])) offer(example, "for example");
  return [...values.values()];
}

function opensOf(schemas: readonly Schema[]): KeyOffer["opens"] {
  const types = schemas.flatMap((schema) => (Array.isArray(schema["type"]) ? (schema["type"] as unknown[]) : [schema["type"]]));
  const isOne = (type: string) => types.includes(type) && types.every((t) => t === type || t === undefined || t === "null");
  return isOne("object") ? "object" : isOne("array") ? "array" : null;
}

function descriptionOf(schemas: readonly Schema[]): string {
  for (const schema of schemas) if (typeof schema["description"] === "string") return schema["description"];
  return "";
}

function targetOf(root: Schema, schema: Schema): Schema | null {
  const reference = schema["$ref"];
  if (typeof reference !== "string" || !reference.startsWith("#")) return null;
  const target = follow(root, tokensOf(reference.slice(1)));
  return typeOf(target) === "object" ? (target as Schema) : null;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function objectOf(value: unknown): Schema {
  return typeOf(value) === "object" ? (value as Schema) : {};
}

function listed(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function listOf(value: unknown): Schema[] {
  return listed(value).map(objectOf);
}
