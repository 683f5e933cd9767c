/** The figures of a plan as people read them: money, seconds, and how much of each quota a run takes. Pure. */

import { duration } from "./time";

export interface PlanFigures {
  readonly states: number;
  readonly definition_bytes: number;
  readonly history_events_max: number | null;
  readonly critical_path_seconds: number | null;
  readonly ideal_seconds: number | null;
  readonly parallel_width: number;
  readonly transitions_min: number | null;
  readonly transitions_max: number | null;
  readonly cost_usd_per_1000_runs: { readonly transitions: number | null };
}

export interface Quota {
  readonly name: string;
  /** Null where nothing bounds it. */
  readonly used: number | null;
  readonly most: number;
}

/** Step Functions Developer Guide, "Quotas": maximum execution history size; CreateStateMachine: length of `definition`. */
const MOST_HISTORY_EVENTS = 25_000;
const MOST_DEFINITION_BYTES = 1_048_576;

export function quotasOf(plan: PlanFigures): Quota[] {
  return [
    { name: "Events of a run's history, at most", used: plan.history_events_max, most: MOST_HISTORY_EVENTS },
    { name: "Bytes of the definition", used: plan.definition_bytes, most: MOST_DEFINITION_BYTES },
  ];
}

/** US dollars: cents, or as many digits as a smaller sum needs. */
export function dollars(amount: number | null | undefined): string {
  if (amount === null || amount === undefined || !Number.isFinite(amount)) return "not bounded";
  if (amount === 0) return "$0";
  const digits = Math.abs(amount) >= 1 ? 2 : Math.min(8, 2 - Math.floor(Math.log10(Math.abs(amount))));
  return `${amount < 0 ? "-" : ""}$${Math.abs(amount).toFixed(digits)}`;
}

export interface Comparison {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  /** What it became more by, with its sign; null where it is the same, or not a number on both sides. */
  readonly change: string | null;
  readonly verdict: "same" | "better" | "worse" | "unknown";
}

interface Compared {
  readonly name: string;
  readonly key: string;
  readonly show: (value: number) => string;
  readonly of: (plan: PlanFigures) => number | null;
}

const COMPARED: readonly Compared[] = [
  { name: "Cost of 1,000 runs", key: "transitions_usd_per_1000_runs", show: dollars, of: (p) => p.cost_usd_per_1000_runs.transitions },
  { name: "States", key: "states", show: String, of: (p) => p.states },
  { name: "Planned time", key: "critical_path_seconds", show: (s) => duration(s * 1000), of: (p) => p.critical_path_seconds },
];

const FURTHER: Readonly<Record<string, string>> = {
  transitions_min: "Transitions, at least",
  transitions_max: "Transitions, at most",
  history_events_min: "History events, at least",
  history_events_max: "History events, at most",
  definition_bytes: "Bytes of the definition",
  ideal_seconds: "Ideal time",
  parallel_width: "Steps at the same time",
};

/** Two plans in dollars, states and seconds, which are told in any case, and what else is different between them. */
export function comparisons(later: PlanFigures, changes: Readonly<Record<string, { before: number | null; after: number | null }>>): Comparison[] {
  const told = COMPARED.map(({ name, key, show, of }) => {
    const value = of(later);
    const { before, after } = changes[key] ?? { before: value, after: value };
    return compared(name, before, after, show);
  });
  for (const [key, { before, after }] of Object.entries(changes)) {
    if (COMPARED.some((c) => c.key === key)) continue;
    const show = key.endsWith("_seconds") ? (s: number) => duration(s * 1000) : (n: number) => n.toLocaleString("en");
    told.push(compared(FURTHER[key] ?? key.replaceAll("_", " "), before, after, show, key !== "parallel_width"));
  }
  return told;
}

function compared(name: string, before: number | null, after: number | null, show: (value: number) => string, isLessBetter = true): Comparison {
  const words = (value: number | null) => (value === null ? "not bounded" : show(value));
  const told = { name, before: words(before), after: words(after), change: null };
  if (before === after) return { ...told, verdict: "same" };
  if (before === null || after === null) return { ...told, verdict: isLessBetter ? (after === null ? "worse" : "better") : "unknown" };
  const change = `${after > before ? "+" : "−"}${show(Math.abs(after - before))}`;
  return { ...told, change, verdict: isLessBetter ? (after > before ? "worse" : "better") : "unknown" };
}
