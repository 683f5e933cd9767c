/** What a run has told so far, each event once, and where to go on. Every tab that looks at a run has its own, and who leads one of each run. */

import { ApiProblem } from "../api/problem";
import type { RunEvent, StreamState } from "./stream";

export class RunLog {
  readonly events: RunEvent[] = [];
  /** After which event the server goes on; "" for the first one. */
  place = "";
  state: StreamState | null = null;
  private readonly ids = new Set<string>();

  /** Take an event. False for one that was there already, and for a line of a log: there may be a hundred thousand, and they have their
   * own place to be read.
   */
  add(event: RunEvent): boolean {
    if (event.type === "log" || this.ids.has(event.id)) return false;
    this.ids.add(event.id);
    this.events.push(event);
    return true;
  }

  clear(): void {
    this.events.length = 0;
    this.ids.clear();
    this.place = "";
  }
}

/** May come right: too much at once, and credentials that have ended, which somebody renews. */
const PASSING: ReadonlySet<number> = new Set([401, 403, 408, 429]);

/** What follows from an answer that was none: ask for everything anew, never ask again, or ask once more later. */
export function whatFollows(error: unknown): "anew" | "never" | "later" {
  if (!(error instanceof ApiProblem) || error.status < 400 || error.status >= 500) return "later";
  if (PASSING.has(error.status)) return "later";
  return error.status === 410 || error.status === 422 ? "anew" : "never";
}

/** Wait for so long, or until a signal aborts. */
export function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

/** A signal of its own that aborts with another one too. */
export function within(signal: AbortSignal): AbortController {
  const inner = new AbortController();
  if (signal.aborted) inner.abort();
  else signal.addEventListener("abort", () => inner.abort(), { once: true, signal: inner.signal });
  return inner;
}
