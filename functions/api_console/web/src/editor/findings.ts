/** What the service finds in a text, with the places that it means: of a text that it cannot read, where that ends. Pure but for the request. */

import { authorizedFetch, type Schemas } from "../api/client";
import { ApiProblem, problemOf } from "../api/problem";
import { type Format, type Range, rangeInMessage, rangeOf, reading } from "./text";

export const MEDIA_TYPES: Readonly<Record<Format, string>> = { json: "application/json", yaml: "application/yaml" };

/** How the codes of texts begin that are neither JSON nor YAML. */
export const UNREAD = "malformed";
/** Of a field that does not exist the name is wrong, whatever stands in it. */
const ABOUT_THE_KEY = new Set(["WFE-E101"]);

export interface Placed extends Range {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly detail: string;
  /** The line, from 1. */
  readonly line: number;
  /** What mends it, where that is certain: the text that is to stand at a place. */
  readonly fix: (Range & { readonly insert: string }) | null;
}

export interface Checked {
  readonly text: string;
  readonly isValid: boolean;
  readonly findings: readonly Placed[];
  readonly plan: Schemas["Plan"] | null;
}

/** Ask the service what it thinks of a text. Throws what keeps it from answering. */
export async function check(text: string, format: Format, signal: AbortSignal): Promise<Checked> {
  const response = await authorizedFetch("/workflows/validate", { method: "POST", body: text, headers: { "content-type": MEDIA_TYPES[format] }, signal });
  if (response.ok) {
    const report = (await response.json()) as Schemas["ValidationReport"];
    return { text, isValid: report.is_valid, findings: placed(text, report.errors, report.warnings), plan: report.plan };
  }
  const problem = await problemOf(response);
  if (![400, 413, 422].includes(problem.status)) throw problem;
  return { text, isValid: false, findings: placedProblem(text, problem), plan: null };
}

/** The same of a text that was not saved. */
export function placedProblem(text: string, problem: ApiProblem): Placed[] {
  const errors = problem.errors.length > 0 ? problem.errors : [{ code: problem.code, pointer: "", detail: problem.detail }];
  return placed(text, errors, []);
}

function placed(text: string, errors: readonly Schemas["Finding"][], warnings: readonly Schemas["Finding"][]): Placed[] {
  const document = reading(text);
  const place = (severity: Placed["severity"]) => (finding: Schemas["Finding"]): Placed => {
    const { code, pointer, detail, fix } = finding;
    const isUnread = code.startsWith(UNREAD);
    const range = (isUnread ? rangeInMessage(text, detail) : null) ?? rangeOf(text, document, pointer, fix?.target ?? (ABOUT_THE_KEY.has(code) ? "key" : "value"));
    return { ...range, severity, code, detail, line: lineOf(text, range.from), fix: fix ? fixed(text, range, fix) : null };
  };
  return [...errors.map(place("error")), ...warnings.map(place("warning"))].sort((a, b) => a.from - b.from);
}

/** The word is replaced where it stands once: a text in a condition may have it twice. */
function fixed(text: string, { from, to }: Range, { replace, replacement }: Schemas["Fix"]): Placed["fix"] {
  const marked = text.slice(from, to);
  const at = marked.indexOf(replace);
  if (at < 0 || marked.includes(replace, at + 1)) return null;
  return { from: from + at, to: from + at + replace.length, insert: replacement };
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}
