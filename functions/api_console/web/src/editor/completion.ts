/** Completion for the editor: what the schema of workflows lets stand at the cursor, and what the document itself names. */

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";

import { type KeyOffer, offersAt } from "./schema";
import { type Cursor, cursorAt, type Format } from "./text";

export interface Sources {
  /** The JSON Schema of workflows, null as long as it is not there. */
  readonly schema: Readonly<Record<string, unknown>> | null;
  /** Types of steps beside those of the schema, by name, with what they do. */
  readonly stepTypes: ReadonlyMap<string, string>;
}

/** A longer text is read when completion is asked for, not at each key. */
const READ_AT_ONCE = 100_000;
const KEYS_OF_STEP_IDS = new Set(["dependencies"]);
const ROOTS: readonly (readonly [string, string])[] = [
  ["input.", "The input of the run."],
  ["variables.", "A constant of the workflow."],
  ["item", "The element, inside of a container."],
  ["index", "Its place, inside of a container."],
  ["execution.id", "The id of the run."],
];

export function completed(context: CompletionContext, format: Format, { schema, stepTypes }: Sources): CompletionResult | null {
  if (schema === null || (context.state.doc.length > READ_AT_ONCE && !context.explicit)) return null;
  const text = context.state.doc.toString();
  const cursor = cursorAt(text, context.pos, format);
  if (cursor === null || (cursor.word === "" && !context.explicit && !cursor.isQuoted)) return null;
  const options = optionsAt(cursor, text, format, schema, stepTypes);
  return options.length > 0 ? { from: cursor.from, to: cursor.to, options, filter: false } : null;
}

/** What fits the word that is typed already, best first. */
export function optionsAt(cursor: Cursor, text: string, format: Format, schema: Sources["schema"], stepTypes: Sources["stepTypes"]): Completion[] {
  const offers = offersAt(schema ?? {}, cursor.path, cursor.value);
  const options: Completion[] = [];
  if (cursor.isKey) {
    const indent = indentOf(text, cursor.from);
    for (const offer of offers.keys) {
      options.push({ label: offer.name, type: "property", info: offer.description, boost: offer.isRequired ? 2 : 0, apply: keyText(offer, cursor, format, indent) });
    }
  }
  if (cursor.mayBeValue) {
    const value = (label: string, given: unknown, detail: string, type = "constant") =>
      options.push({ label, type, info: detail, apply: valueText(given, cursor, format) });
    for (const { value: offered, description } of offers.values) value(String(offered), offered, description);
    const last = cursor.path.at(-1);
    const owner = typeof last === "number" ? cursor.path.at(-2) : last;
    if (owner === "step_type") for (const [name, description] of stepTypes) if (!options.some((o) => o.label === name)) value(name, name, description, "type");
    const own = ownStep(cursor);
    if (KEYS_OF_STEP_IDS.has(String(owner))) for (const id of stepIds(cursor.value)) if (id !== own) value(id, id, "A step of this workflow.", "variable");
    if (offers.takesReference) {
      for (const id of stepIds(cursor.value)) if (id !== own) value(id, id, "The output of the step.", "variable");
      for (const [name, description] of ROOTS) value(name, name, description, "keyword");
    }
  }
  return ranked(options, cursor.word);
}

/** Those that begin with the word, then those that have it inside; required names first. */
function ranked(options: readonly Completion[], word: string): Completion[] {
  const wanted = word.toLowerCase();
  const rank = (option: Completion) => {
    const label = option.label.toLowerCase();
    if (label.startsWith(wanted)) return 0;
    return label.includes(wanted) ? 1 : 2;
  };
  return options
    .filter((option) => rank(option) < 2)
    .sort((a, b) => rank(a) - rank(b) || (b.boost ?? 0) - (a.boost ?? 0))
    .slice(0, 100);
}

function keyText({ name, opens }: KeyOffer, cursor: Cursor, format: Format, indent: string): string {
  if (format === "json") {
    const open = opens === "object" ? "{}" : opens === "array" ? "[]" : "";
    return cursor.hasColon ? JSON.stringify(name) : `${JSON.stringify(name)}: ${open}`;
  }
  if (cursor.hasColon) return name;
  if (opens === "object") return `${name}:\n${indent}  `;
  return opens === "array" ? `${name}:\n${indent}  - ` : `${name}: `;
}

function valueText(value: unknown, cursor: Cursor, format: Format): string {
  if (typeof value === "string" && (format === "json" || cursor.isQuoted || !/^[A-Za-z][\w./-]*$/.test(value) || /^(true|false|null|yes|no|on|off)$/i.test(value))) {
    return JSON.stringify(value);
  }
  return String(value);
}

/** The column of a key as blanks; a dash before it counts as some. */
function indentOf(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  return " ".repeat(/^[\s-]*/.exec(line)?.[0].length ?? 0);
}

/** Ids of all steps, at whatever depth. */
function stepIds(value: unknown): string[] {
  const ids = new Set<string>();
  const collect = (at: unknown): void => {
    if (typeof at !== "object" || at === null) return;
    const id = (at as { step_id?: unknown }).step_id;
    if (typeof id === "string" && /^[\w-]+$/.test(id)) ids.add(id);
    for (const inner of Object.values(at)) collect(inner);
  };
  collect(value);
  return [...ids];
}

/** The id of the step that the cursor is in. */
function ownStep({ path, value }: Cursor): string | null {
  let own: string | null = null;
  let at = value;
  for (const token of path) {
    if (typeof at !== "object" || at === null) break;
    at = (at as Record<string | number, unknown>)[token];
    const id = typeof at === "object" && at !== null ? (at as { step_id?: unknown }).step_id : undefined;
    if (typeof id === "string") own = id;
  }
  return own;
}
