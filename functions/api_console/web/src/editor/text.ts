/** The text of a workflow, in JSON or YAML: its value, where in the text each place of it is, and where in it the cursor is.
 *
 * The service reads the text itself, and strictly; this reads as much as there is while somebody types. Pure.
 */

import { Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair, parseDocument, visit } from "yaml";

import { follow, tokensOf } from "../model/pointer";

export type Format = "json" | "yaml";

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** YAML 1.2 has all of JSON, so one reader serves both. */
export function reading(text: string): Document.Parsed {
  return parseDocument(text, { version: "1.2", schema: "core", strict: false, uniqueKeys: false, prettyErrors: false, logLevel: "silent" });
}

/** The value of a text as far as it can be told, undefined where it cannot. */
export function valueOf(text: string, format: Format): unknown {
  try {
    return format === "json" ? (JSON.parse(text) as unknown) : (reading(text).toJS({ maxAliasCount: 1000 }) as unknown);
  } catch {
    if (format === "yaml") return undefined;
  }
  try {
    return reading(text).toJS({ maxAliasCount: 1000 }) as unknown;
  } catch {
    return undefined;
  }
}

/** The same value in the other notation. Null where the text is not whole: nothing is lost by a guess. */
export function converted(text: string, to: Format): string | null {
  const document = reading(text);
  if (document.errors.length > 0) return null;
  try {
    const value: unknown = to === "yaml" ? JSON.parse(text) : document.toJS({ maxAliasCount: 1000 });
    return textOf(value, to);
  } catch {
    return null;
  }
}

export function textOf(value: unknown, format: Format): string {
  if (format === "json") return `${JSON.stringify(value, null, 2)}\n`;
  const document = new Document(value, { version: "1.2", aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === "string" && NOT_PLAIN.test(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ lineWidth: 0 }).replace(ESCAPED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What the service takes in escapes only, since readers of YAML differ in what they make of it. */
const ESCAPED = /[\u0080-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g;
const NOT_PLAIN = /[\u0080-\u00a0\u2028\u2029\ufeff\ufffe\uffff\t\r]|^<<$/;

/** Where a JSON pointer leads: its value, or its key. What cannot be marked in one line is marked where it begins. */
export function rangeOf(text: string, document: Document.Parsed, pointer: string, target: "key" | "value" = "value"): Range {
  let node: unknown = document.contents;
  let key: Node | null = null;
  for (const token of tokensOf(pointer)) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => keyOf(item) === token);
      if (pair === undefined) break;
      key = isNode(pair.key) ? pair.key : null;
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(token)];
      if (item === undefined) break;
      [node, key] = [item, null];
    } else {
      break;
    }
  }
  const value = isNode(node) ? node.range : null;
  const name = key?.range ?? null;
  if (name && (target === "key" || !value || !isScalar(node) || value[0] === value[1])) return { from: name[0], to: name[1] };
  if (!value) return firstLine(text, 0, text.length);
  return firstLine(text, value[0], Math.max(value[0], value[1]));
}

/** Where a message of the service says that a text cannot be read: `… at line 6, column 4: …`. */
export function rangeInMessage(text: string, message: string): Range | null {
  const found = /line (\d+), column (\d+)/.exec(message);
  if (found === null) return null;
  let from = 0;
  for (let line = 1; line < Number(found[1]); line++) {
    const end = text.indexOf("\n", from);
    if (end < 0) break;
    from = end + 1;
  }
  const at = Math.min(text.length, from + Number(found[2]) - 1);
  return { from: at, to: Math.min(text.length, at + 1) };
}

export interface Cursor {
  /** The value in which the cursor is: of a key, that of the object which the key is in. */
  readonly path: readonly (string | number)[];
  readonly isKey: boolean;
  /** What is typed already, and where. */
  readonly from: number;
  readonly to: number;
  readonly word: string;
  /** Whether the word is in quotes, or is to be. */
  readonly isQuoted: boolean;
  readonly hasColon: boolean;
  /** Whether it may as well be a value: in YAML only the colon tells, and that is typed last. */
  readonly mayBeValue: boolean;
  /** The value of the whole text, with `MARK` where the cursor is. */
  readonly value: unknown;
}

/** Stands at the place of the cursor while the text around it is read. */
const MARK = "cursor\u2060here";

/** Where the cursor is in the value that the text is about to be. Null in comments and where that cannot be told. */
export function cursorAt(text: string, offset: number, format: Format): Cursor | null {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  if (format === "yaml" && /(^|\s)#/.test(line.replace(/"[^"]*"|'[^']*'/g, ""))) return null;
  const { from, to, isQuoted } = wordAt(text, offset, line, format);
  const word = text.slice(from + (isQuoted && from < offset ? 1 : 0), offset);
  // A word alone in its line is a key that has no colon yet: without one, YAML takes it and the next line as one text.
  const isAlone = format === "yaml" && !isQuoted && /^\s*(-\s+)*$/.test(text.slice(offset - line.length, from)) && /^[ \t]*(\n|$)/.test(text.slice(to));
  const marked = text.slice(0, from) + (format === "json" || isQuoted ? `"${MARK}"` : isAlone ? `${MARK}:` : MARK) + text.slice(to);
  const document = reading(marked);
  let found: { path: (string | number)[]; isKey: boolean } | null = null;
  visit(document, {
    Scalar(place, node, ancestors) {
      if (node.value !== MARK) return undefined;
      found = { path: pathOf(ancestors, place === "key" ? null : node), isKey: place === "key" };
      return visit.BREAK;
    },
  });
  if (found === null) return null;
  const { path, isKey } = found as { path: (string | number)[]; isKey: boolean };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 1000 }) as unknown;
  } catch {
    return null;
  }
  if (isAlone) remove(value, path);
  return { path, isKey, from, to, word, isQuoted: format === "json" || isQuoted, hasColon: /^\s*:/.test(text.slice(to)), mayBeValue: !isKey || isAlone, value };
}

/** Take the entry that only marks the cursor away again. */
function remove(value: unknown, path: readonly (string | number)[]): void {
  const holder = follow(value, path);
  if (typeof holder === "object" && holder !== null) delete (holder as Record<string, unknown>)[MARK];
}

function wordAt(text: string, offset: number, line: string, format: Format): { from: number; to: number; isQuoted: boolean } {
  // An odd number of quotes before the cursor: it is in a text in quotes.
  const quotes = [...line.matchAll(/(?<!\\)"/g)];
  const open = quotes.length % 2 === 1 ? quotes.at(-1) : undefined;
  if (open !== undefined) {
    const rest = /^(?:[^"\\\n]|\\.)*"/.exec(text.slice(offset));
    return { from: offset - line.length + open.index, to: offset + (rest?.[0].length ?? 0), isQuoted: true };
  }
  const before = /[\w$.-]*$/.exec(format === "yaml" ? line.replace(/^(\s*-\s+)+/, (dashes) => " ".repeat(dashes.length)) : line)?.[0].length ?? 0;
  const after = /^[\w$.-]*/.exec(text.slice(offset))?.[0].length ?? 0;
  return { from: offset - before, to: offset + after, isQuoted: false };
}

/** The path of a node, or of the map that a key is in (`node` null). */
function pathOf(ancestors: readonly unknown[], node: unknown): (string | number)[] {
  const path: (string | number)[] = [];
  const chain = node === null ? ancestors.slice(0, -1) : [...ancestors, node];
  chain.forEach((each, i) => {
    const next = chain[i + 1];
    if (isSeq(each) && next !== undefined) path.push(each.items.indexOf(next));
    else if (isMap(each) && next !== undefined) path.push(keyOf(next as Pair));
  });
  return path;
}

export function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function firstLine(text: string, from: number, to: number): Range {
  const end = text.indexOf("\n", from);
  return { from, to: end < 0 || end > to ? to : Math.max(end, from) };
}
