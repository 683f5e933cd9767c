/** When what ran, for the Gantt: bars, and an axis on which long times without anything are folded. Pure. */

import type { AttemptState, StepState } from "../live/runStore";
import { hasFailed } from "./status";

export interface Bar {
  readonly key: string;
  readonly status: string;
  /** Milliseconds since the start of the run. */
  readonly from: number;
  readonly to: number;
  readonly attempts: readonly { readonly from: number; readonly to: number; readonly isFailed: boolean }[];
}

export interface Axis {
  /** Where a moment of the run is drawn, in units of the axis. */
  at(ms: number): number;
  readonly length: number;
  /** The last moment of it, in milliseconds since the start of the run. */
  readonly end: number;
  readonly folds: readonly Fold[];
}

/** A long time in which nothing happened: where it is drawn, and how long it was. */
export interface Fold {
  readonly at: number;
  readonly ms: number;
  /** Milliseconds since the start of the run. */
  readonly from: number;
  readonly to: number;
}

/** `each[2]` before `each[10]`. */
export const BY_NUMBER = new Intl.Collator("en", { numeric: true });
/** How wide a folded time is drawn, as a share of what is not folded. */
const FOLD = 0.04;
/** Idle time is folded from this share of all that is busy on. */
const LONG = 0.5;
/** Nobody minds to see a shorter time as it is. */
const LEAST_MS = 10_000;

/** A list or loop with more parts than anybody looks through, and how many steps ran in it. */
export interface LongList {
  readonly key: string;
  readonly steps: number;
}

const MANY = 50;
const MOST_FAILED = 20;

/**
 * The steps without what ran in long lists, which would stand between a step and the next one; and these lists. The first of those
 * in a list that failed stay, and all of a list that is opened.
 */
export function foldedOf(steps: readonly StepState[], isOpen: (list: string) => boolean): { steps: StepState[]; lists: LongList[] } {
  const counts = new Map<string, number>();
  for (const { key } of steps) for (const list of listsAround(key)) counts.set(list, (counts.get(list) ?? 0) + 1);
  const lists = new Map<string, LongList>();
  const failed = new Map<string, number>();
  const left = steps.filter(({ key, status }) => {
    for (const list of listsAround(key)) {
      const count = counts.get(list) ?? 0;
      if (count <= MANY) continue;
      lists.set(list, { key: list, steps: count });
      if (isOpen(list)) continue;
      if (!hasFailed(status)) return false;
      failed.set(list, (failed.get(list) ?? 0) + 1);
      return (failed.get(list) ?? 0) <= MOST_FAILED;
    }
    return true;
  });
  return { steps: left, lists: [...lists.values()] };
}

/** The lists and loops that a step runs in, the outermost first: `a` and `a[1].b` of `a[1].b[2].c`. */
function listsAround(key: string): string[] {
  return [...key.matchAll(/\[\d+\]/g)].map((match) => key.slice(0, match.index));
}

export function barsOf(steps: Iterable<StepState>, startedAt: string | null, now: number): Bar[] {
  const began = startedAt ? Date.parse(startedAt) : null;
  if (began === null || Number.isNaN(began)) return [];
  const bars: Bar[] = [];
  for (const step of steps) {
    if (step.startedAt === null || step.status === "skipped") continue;
    const from = Date.parse(step.startedAt) - began;
    const to = (step.endedAt ? Date.parse(step.endedAt) : now) - began;
    bars.push({
      key: step.key,
      status: step.status,
      from,
      to: Math.max(from, to),
      attempts: step.attempts.flatMap((a) => attemptOf(a, began, to)),
    });
  }
  return bars.sort((a, b) => a.from - b.from || BY_NUMBER.compare(a.key, b.key));
}

function attemptOf(attempt: AttemptState, began: number, end: number): { from: number; to: number; isFailed: boolean }[] {
  if (attempt.startedAt === null) return [];
  const from = Date.parse(attempt.startedAt) - began;
  return [{ from, to: Math.max(from, attempt.endedAt ? Date.parse(attempt.endedAt) - began : end), isFailed: attempt.error !== null }];
}

/** An axis of the whole run. A wait of days, or a redrive a week later, would squash all else: such times are folded. */
export function axisOf(bars: readonly Bar[], until: number, isIdle: (bar: Bar) => boolean = () => false): Axis {
  const busy = merged(bars.filter((bar) => !isIdle(bar)).map((bar) => [bar.from, bar.to] as const));
  const total = busy.reduce((sum, [from, to]) => sum + to - from, 0) || until || 1;
  const pieces: { from: number; to: number; isLong: boolean }[] = [];
  let last = 0;
  const idle = (from: number, to: number): void => {
    if (to > from) pieces.push({ from, to, isLong: to - from > Math.max(LEAST_MS, LONG * total) });
  };
  for (const [from, to] of busy) {
    idle(last, from);
    if (to > Math.max(last, from)) pieces.push({ from: Math.max(last, from), to, isLong: false });
    last = Math.max(last, to);
  }
  idle(last, until);
  const shown = pieces.reduce((sum, { from, to, isLong }) => sum + (isLong ? 0 : to - from), 0) || total;
  const scaleOf = ({ from, to, isLong }: (typeof pieces)[number]): number => (isLong ? (FOLD * shown) / (to - from) : 1);
  const at = (ms: number): number => {
    let x = 0;
    for (const piece of pieces) {
      if (ms <= piece.from) break;
      x += (Math.min(ms, piece.to) - piece.from) * scaleOf(piece);
    }
    return x;
  };
  const end = Math.max(until, last);
  return {
    at,
    length: at(end) || 1,
    end,
    folds: pieces.filter((p) => p.isLong).map((p) => ({ at: at((p.from + p.to) / 2), ms: p.to - p.from, from: p.from, to: p.to })),
  };
}

const STEPS_MS: readonly number[] = [1, 10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, 86_400_000, 864_000_000].flatMap((ms, i, all) =>
  [1, 2, 5].map((n) => n * ms).filter((each) => each < (all[i + 1] ?? Infinity)),
);

/** The moments, in milliseconds since the start of the run, that the axis names: round ones, and none nearer to another than `least` units. */
export function ticksOf({ at, length, end, folds }: Axis, least: number): number[] {
  const open = end - folds.reduce((sum, fold) => sum + fold.ms, 0);
  const perMs = length / Math.max(1, open);
  const step = STEPS_MS.find((ms) => ms * perMs >= least) ?? end + 1;
  const ticks: number[] = [];
  let begin = 0;
  for (const { from, to } of [...folds, { from: end, to: end }]) {
    for (let ms = Math.ceil(begin / step) * step; ms <= from; ms += step) {
      if (ticks.length === 0 || at(ms) - at(ticks.at(-1) ?? 0) >= least) ticks.push(ms);
    }
    begin = to;
  }
  return ticks;
}

function merged(spans: readonly (readonly [number, number])[]): [number, number][] {
  const found: [number, number][] = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

/** The steps that decided when the run ended: back from the one that ended last, to what it waited for and that ended last. */
export function realCriticalPath(
  ends: ReadonlyMap<string, number>,
  after: (id: string) => readonly string[],
): string[] {
  let last: string | null = null;
  for (const [id, end] of ends) if (last === null || end > (ends.get(last) ?? 0)) last = id;
  const path: string[] = [];
  const seen = new Set<string>();
  while (last !== null && !seen.has(last)) {
    seen.add(last);
    path.push(last);
    let next: string | null = null;
    for (const before of after(last)) {
      const end = ends.get(before);
      if (end !== undefined && (next === null || end > (ends.get(next) ?? 0))) next = before;
    }
    last = next;
  }
  return path.reverse();
}
