/** Changes of a text that are made elsewhere than in it: as small as they can be, so that comments, layout and the way back stay.
 *
 * Each change is checked by reading what it made; where that is not what was meant, the whole text is written anew. Pure.
 */

import { isMap, isNode, isSeq, type Node, stringify } from "yaml";

import { sameValue } from "../form/fields";
import { findStep, follow, tokensOf } from "../model/pointer";
import { type Format, keyOf, type Range, reading, textOf, valueOf } from "./text";

interface Change extends Range {
  readonly insert: string;
}

/** The one stretch in which two texts are different. */
export function difference(before: string, after: string): Change {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

/** The text with one more step behind the others. Null where the text cannot be read, or has no list of steps. */
export function withStep(text: string, format: Format, step: Readonly<Record<string, unknown>>): string | null {
  const value = wholeValue(text, format);
  const steps = follow(value, ["steps"]);
  if (typeof value !== "object" || value === null || Array.isArray(value) || (steps !== undefined && steps !== null && !Array.isArray(steps))) return null;
  const wanted = { ...value, steps: [...((steps as unknown[] | null | undefined) ?? []), step] };
  return made(text, format, wanted, appended(text, format, step));
}

/** The text in which a step waits for these others. Null where there is no such step. */
export function withDependencies(text: string, format: Format, id: string, dependencies: readonly string[]): string | null {
  const value = wholeValue(text, format);
  const found = findStep(value, id);
  if (found === null) return null;
  const wanted = structuredClone(value) as object;
  const path = tokensOf(found.pointer);
  (follow(wanted, path) as Record<string, unknown>)["dependencies"] = [...dependencies];
  return made(text, format, wanted, waiting(text, format, path, dependencies));
}

/** An id that no step has: `delay`, else `delay_2`. */
export function freeId(value: unknown, type: string): string {
  const base = type.replace(/[^A-Za-z0-9_-]/g, "_").replace(/^[^A-Za-z0-9]+/, "") || "step";
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? base : `${base}_${number}`;
    if (findStep(value, id) === null) return id;
  }
}

/** The value of a text, undefined where a part of it cannot be read: what is not understood is not written anew. */
function wholeValue(text: string, format: Format): unknown {
  return reading(text).errors.length > 0 ? undefined : valueOf(text, format);
}

function made(text: string, format: Format, wanted: object, change: Change | null): string {
  if (change !== null) {
    const changed = text.slice(0, change.from) + change.insert + text.slice(change.to);
    if (reading(changed).errors.length === 0 && sameValue(valueOf(changed, format), wanted)) return changed;
  }
  return textOf(wanted, format);
}

function appended(text: string, format: Format, step: object): Change | null {
  const steps = nodeAt(text, ["steps"]);
  if (!isSeq(steps) || steps.items.length === 0 || !steps.range) return null;
  const last = steps.items.at(-1);
  if (!isNode(last) || !last.range) return null;
  const isFlow = format === "json" || steps.flow === true;
  const end = last.range[1];
  if (isFlow) {
    const column = columnOf(text, last.range[0]);
    const isOwnLine = text.slice(last.range[0] - column, last.range[0]).trim() === "";
    if (!isOwnLine) return { from: end, to: end, insert: `, ${JSON.stringify(step)}` };
    const blanks = text.slice(last.range[0] - column, last.range[0]);
    const item = indented(JSON.stringify(step, null, blanks.includes("\t") ? "\t" : 2), blanks);
    return { from: end, to: end, insert: `,\n${blanks}${item}` };
  }
  const dash = text.lastIndexOf("-", last.range[0] - 1);
  const item = stringify([step], { lineWidth: 0 }).trimEnd();
  const blanks = " ".repeat(columnOf(text, dash));
  const at = lineEnd(text, end);
  return { from: at, to: at, insert: `\n${blanks}${indented(item, blanks)}` };
}

function waiting(text: string, format: Format, path: readonly string[], dependencies: readonly string[]): Change | null {
  const step = nodeAt(text, path);
  if (!isMap(step) || step.items.length === 0) return null;
  const list = format === "json" ? JSON.stringify(dependencies) : `[${dependencies.map((id) => JSON.stringify(id)).map(bare).join(", ")}]`;
  const pair = step.items.find((item) => keyOf(item) === "dependencies");
  if (pair !== undefined) {
    if (!isNode(pair.key) || !pair.key.range || !isNode(pair.value) || !pair.value.range) return null;
    // The end of a list in lines of their own is that of the comment behind its last item.
    const last = isSeq(pair.value) && pair.value.flow !== true ? pair.value.items.at(-1) : pair.value;
    if (!isNode(last) || !last.range) return null;
    return { from: text.indexOf(":", pair.key.range[1]) + 1, to: last.range[1], insert: ` ${list}` };
  }
  // Behind the first entry, which is mostly the id.
  const first = step.items[0];
  if (first === undefined || !isNode(first.key) || !first.key.range || !isNode(first.value) || !first.value.range) return null;
  const [start, end] = [first.key.range[0], first.value.range[1]];
  const column = columnOf(text, start);
  if (format === "yaml" && step.flow !== true) {
    const at = lineEnd(text, end);
    return { from: at, to: at, insert: `\n${" ".repeat(column)}dependencies: ${list}` };
  }
  const blanks = text.slice(start - column, start);
  const name = format === "json" ? '"dependencies"' : "dependencies";
  return { from: end, to: end, insert: `${blanks.trim() === "" ? `,\n${blanks}` : ", "}${name}: ${list}` };
}

function nodeAt(text: string, path: readonly string[]): Node | null {
  let node: unknown = reading(text).contents;
  for (const token of path) {
    if (isMap(node)) node = node.items.find((item) => keyOf(item) === token)?.value;
    else if (isSeq(node)) node = node.items[Number(token)];
    else return null;
  }
  return isNode(node) ? node : null;
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

/** The end of the line in which a value ends: a comment behind it stays there. */
function lineEnd(text: string, offset: number): number {
  const at = text.indexOf("\n", text.slice(0, offset).trimEnd().length);
  return at < 0 ? text.length : at;
}

function indented(text: string, blanks: string): string {
  return text.replaceAll("\n", `\n${blanks}`);
}

/** A text without its quotes, where YAML reads it as one all the same. */
function bare(quoted: string): string {
  const inner = quoted.slice(1, -1);
  return /^[A-Za-z][\w-]*$/.test(inner) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(inner) ? inner : quoted;
}
