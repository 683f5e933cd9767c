/**
 * A run as its events tell it: each step with its attempts, and how many parts of a step are in which status.
 *
 * Who shows one step listens to that alone, and changes are told once a frame: a run of 1,200 steps stays usable. An end that was
 * told is never taken back by an event that is older; only a redrive lets a run go on.
 */

import { RunCosts } from "./runCosts";
import type { RunEvent } from "./stream";
import { hasEnded } from "../model/status";
import { between } from "../model/time";

export interface AttemptState {
  readonly attempt: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly error: string | null;
}

export interface StepState {
  readonly key: string;
  readonly stepId: string;
  readonly status: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly durationMs: number | null;
  readonly waitingFor: string | null;
  readonly error: string | null;
  readonly isReused: boolean;
  readonly attempts: readonly AttemptState[];
}

export interface RunState {
  readonly status: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly error: string | null;
  readonly redrives: number;
  readonly lastEventId: string;
}

/** How many parts of a step, or turns of a loop, have each status. */
export type Counts = Readonly<Record<string, number>>;

/** A part of a step, by the number that it has there. */
export interface Element {
  readonly key: string;
  readonly index: number;
  readonly status: string;
}

const NOTHING: Counts = {};
const NO_KEYS: readonly string[] = [];
const ENDS: Readonly<Record<string, string>> = {
  "run.completed": "completed",
  "run.failed": "failed",
  "run.cancelled": "cancelled",
  "run.timed_out": "timed_out",
};
/** What a step inside of a list is said to be, by what its parts are. */
const WORST_FIRST = ["failed", "timed_out", "waiting", "running", "aborted", "cancelled", "completed", "skipped"];
const STEP_ENDS: Readonly<Record<string, string>> = {
  "step.completed": "completed",
  "step.failed": "failed",
  "step.skipped": "skipped",
  "step.aborted": "aborted",
};

/** What a part belongs to: `each` of `each[3]`, `each[3]` of `each[3].inner`. Null for a step of the workflow itself. */
export function parentOf(key: string): string | null {
  const dot = key.lastIndexOf(".");
  const bracket = key.lastIndexOf("[");
  if (dot > bracket) return key.slice(0, dot);
  return bracket > 0 ? key.slice(0, bracket) : null;
}

export class RunStore {
  private run: RunState = { status: "pending", startedAt: null, endedAt: null, error: null, redrives: 0, lastEventId: "" };
  private readonly steps = new Map<string, StepState>();
  private readonly counts = new Map<string, Record<string, number>>();
  /** Of steps inside of others, by the id of the step: how many of its parts have each status. */
  private readonly inner = new Map<string, Record<string, number>>();
  private readonly children = new Map<string, Set<string>>();
  private readonly byStep = new Map<string, string[]>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly everything = new Set<() => void>();
  private readonly changed = new Set<string>();
  readonly costs = new RunCosts();
  private version_ = 0;
  private isScheduled = false;

  constructor(private readonly later: (work: () => void) => void = (work) => requestAnimationFrame(work)) {}

  /** Counts up with each change that was told, for who shows the run as a whole. */
  get version(): number {
    return this.version_;
  }

  getRun = (): RunState => this.run;
  getStep = (key: string): StepState | undefined => this.steps.get(key);
  getCounts = (key: string): Counts => this.counts.get(key) ?? NOTHING;
  /** How the parts of a step inside of lists and loops are, all together; its own status where it is no part. */
  getStatusOf = (stepId: string): string => {
    const own = this.steps.get(stepId);
    if (own !== undefined) return own.status;
    const counts = this.inner.get(stepId);
    if (counts === undefined) return "pending";
    return together(counts);
  };
  /** The same as counts, for a step that is inside of another. */
  getInner = (stepId: string): Counts => this.inner.get(stepId) ?? NOTHING;
  keys = (): IterableIterator<string> => this.steps.keys();
  /** The keys of a step's parts. An element of a map has no result of its own: its steps stand for it. */
  partsOf = (key: string): readonly string[] =>
    [...(this.children.get(key) ?? [])].flatMap((part) => (this.steps.has(part) ? [part] : this.partsOf(part)));

  /** Where a step has run: its own key, or one for each element and turn of what it is in. */
  keysOf = (stepId: string): readonly string[] => this.byStep.get(stepId) ?? NO_KEYS;

  /** The elements of a list, or the turns of a loop, in their order, and how what is in each is together. */
  elementsOf = (key: string): readonly Element[] =>
    [...(this.children.get(key) ?? [])]
      .flatMap((part) => {
        const index = /\[(\d+)\]$/.exec(part)?.[1];
        if (index === undefined) return [];
        return [{ key: part, index: Number(index), status: this.steps.get(part)?.status ?? together(this.counts.get(part) ?? NOTHING) }];
      })
      .sort((a, b) => a.index - b.index);

  /** Of what was at work when the run was ended, what had begun last: a step rather than the list that it is in. */
  cutOff = (): string | null => {
    let last: StepState | null = null;
    for (const step of this.steps.values()) {
      if (step.status !== "aborted" && step.status !== "timed_out") continue;
      const isLater = last === null || (step.startedAt ?? "") > (last.startedAt ?? "");
      if (isLater || (last !== null && step.startedAt === last.startedAt && step.key.length > last.key.length)) last = step;
    }
    return last?.key ?? null;
  };

  /** What to show for an element: itself where it has a result, else the step in it that failed, else its first one. */
  insideOf = (element: string): string => {
    if (this.steps.has(element)) return element;
    const parts = this.partsOf(element);
    return parts.find((part) => ["failed", "timed_out"].includes(this.steps.get(part)?.status ?? "")) ?? parts[0] ?? element;
  };

  /** Listen to one step (its key), to the run itself (""), or to all. Gives what ends it. */
  subscribe(key: string | null, listener: () => void): () => void {
    if (key === null) {
      this.everything.add(listener);
      return () => this.everything.delete(listener);
    }
    const own = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, own.add(listener));
    return () => {
      own.delete(listener);
    };
  }

  /** Forget all of it, to be told anew. */
  clear(): void {
    for (const known of [this.steps, this.counts, this.inner]) for (const key of known.keys()) this.changed.add(key);
    this.steps.clear();
    this.counts.clear();
    this.inner.clear();
    this.children.clear();
    this.byStep.clear();
    this.costs.clear();
    this.run = { status: "pending", startedAt: null, endedAt: null, error: null, redrives: 0, lastEventId: "" };
    this.mark("");
  }

  apply(event: RunEvent): void {
    this.costs.apply(event);
    if (event.type.startsWith("run.")) this.applyToRun(event);
    else if (event.step !== null && event.type.startsWith("step.")) this.applyToStep(event.step, event);
  }

  private applyToRun(event: RunEvent): void {
    const before = this.run;
    const end = ENDS[event.type];
    if (event.type === "run.started") {
      if (!hasEnded(before.status)) this.run = { ...before, status: "running", startedAt: event.timestamp };
    } else if (event.type === "run.redriven") {
      this.run = { ...before, status: "running", endedAt: null, error: null, redrives: before.redrives + 1 };
    } else if (end !== undefined) {
      this.run = { ...before, status: end, endedAt: event.timestamp, error: errorOf(event) };
    }
    this.mark("");
  }

  private applyToStep(key: string, event: RunEvent): void {
    // A part that has no result of its own yet was counted as what is in it.
    const counted = this.steps.get(key)?.status ?? together(this.counts.get(key) ?? NOTHING);
    const before = this.steps.get(key) ?? this.begun(key, event.step_id ?? key);
    const after = changedBy(before, event);
    this.steps.set(key, after);
    this.count(key, before, counted, after.status);
    this.mark(key);
  }

  private begun(key: string, stepId: string): StepState {
    this.register(key);
    const known = this.byStep.get(stepId);
    if (known) known.push(key);
    else this.byStep.set(stepId, [key]);
    return {
      key,
      stepId,
      status: "pending",
      startedAt: null,
      endedAt: null,
      durationMs: null,
      waitingFor: null,
      error: null,
      isReused: false,
      attempts: [],
    };
  }

  private register(key: string): void {
    const parent = parentOf(key);
    if (parent === null) return;
    const known = this.children.get(parent);
    if (known === undefined) {
      this.children.set(parent, new Set([key]));
      if (!this.steps.has(parent)) this.register(parent);
    } else {
      known.add(key);
    }
  }

  private count(key: string, before: StepState, counted: string, status: string): void {
    const parent = parentOf(key);
    if (parent === null) return;
    if (status !== counted) this.countIn(parent, counted, status);
    if (status !== before.status && before.stepId !== parent) {
      recount(this.inner, before.stepId, before.status, status);
      this.mark(before.stepId);
    }
  }

  private countIn(parent: string, before: string, after: string): void {
    const was = together(this.counts.get(parent) ?? NOTHING);
    recount(this.counts, parent, before, after);
    this.mark(parent);
    const outer = parentOf(parent);
    const is = together(this.counts.get(parent) ?? NOTHING);
    // An element of a map is told by what is in it.
    if (outer !== null && !this.steps.has(parent) && is !== was) this.countIn(outer, was, is);
  }

  private mark(key: string): void {
    this.changed.add(key);
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.later(() => this.tell());
  }

  private tell(): void {
    this.isScheduled = false;
    this.version_ += 1;
    const keys = [...this.changed];
    this.changed.clear();
    for (const key of keys) for (const listener of this.listeners.get(key) ?? []) listener();
    for (const listener of this.everything) listener();
  }
}

/** What parts are together: the worst of them, or what goes on. */
function together(counts: Counts): string {
  return WORST_FIRST.find((status) => (counts[status] ?? 0) > 0) ?? "pending";
}

function recount(counts: Map<string, Record<string, number>>, key: string, before: string, after: string): void {
  const own = { ...(counts.get(key) ?? {}) };
  if (before !== "pending") own[before] = (own[before] ?? 1) - 1;
  own[after] = (own[after] ?? 0) + 1;
  counts.set(key, own);
}

function changedBy(before: StepState, event: RunEvent): StepState {
  const at = event.timestamp;
  const end = STEP_ENDS[event.type];
  if (end !== undefined) {
    const took = event.details["duration_ms"];
    return {
      ...before,
      status: end,
      startedAt: before.startedAt ?? at,
      endedAt: at,
      // Of steps that the machine computes itself only the moments are told.
      durationMs: typeof took === "number" ? took : before.startedAt === null ? null : between(before.startedAt, at),
      waitingFor: null,
      error: errorOf(event),
      isReused: event.details["reused"] === true,
      attempts: endedAttempts(before.attempts, at, errorOf(event)),
    };
  }
  switch (event.type) {
    case "step.started":
      return {
        ...before,
        status: "running",
        startedAt: at,
        endedAt: null,
        error: null,
        attempts: withAttempt(before.attempts, event.attempt ?? 1, at),
      };
    case "step.waiting":
      return { ...before, status: "waiting", waitingFor: textOf(event.details["for"]) };
    case "step.attempt_failed":
      return { ...before, attempts: endedAttempts(before.attempts, at, errorOf(event)) };
    case "step.retried":
      return {
        ...before,
        status: "running",
        waitingFor: null,
        endedAt: null,
        error: null,
        attempts: withAttempt(before.attempts, event.attempt ?? before.attempts.length + 1, at),
      };
    default:
      return before; // a type of a later release
  }
}

function withAttempt(attempts: readonly AttemptState[], attempt: number, at: string | null): readonly AttemptState[] {
  if (attempts.some((a) => a.attempt === attempt && a.endedAt === null)) return attempts;
  return [...attempts, { attempt, startedAt: at, endedAt: null, error: null }];
}

function endedAttempts(attempts: readonly AttemptState[], at: string | null, error: string | null): readonly AttemptState[] {
  const last = attempts.at(-1);
  if (last === undefined || last.endedAt !== null) return attempts;
  return [...attempts.slice(0, -1), { ...last, endedAt: at, error }];
}

function errorOf(event: RunEvent): string | null {
  const error = event.details["error"];
  if (typeof error === "string") return error;
  if (typeof error !== "object" || error === null) return null;
  const { type, message } = error as { type?: unknown; message?: unknown };
  return [textOf(type), textOf(message)].filter(Boolean).join(": ") || null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
