/** Statuses in words, and how they look. A colour never stands alone: each has a word and a mark. */

export type RunStatus = "pending" | "running" | "waiting" | "completed" | "failed" | "timed_out" | "cancelled";
export type StepStatus = RunStatus | "skipped" | "aborted";

export interface Look {
  readonly word: string;
  readonly mark: string;
  /** The part of the name of a custom property: `--status-failed`. */
  readonly colour: "ok" | "active" | "waiting" | "bad" | "stopped" | "idle";
}

const LOOKS: Readonly<Record<StepStatus, Look>> = {
  pending: { word: "pending", mark: "○", colour: "idle" },
  running: { word: "running", mark: "◐", colour: "active" },
  waiting: { word: "waiting", mark: "‖", colour: "waiting" },
  completed: { word: "completed", mark: "✓", colour: "ok" },
  failed: { word: "failed", mark: "✕", colour: "bad" },
  timed_out: { word: "timed out", mark: "◷", colour: "bad" },
  cancelled: { word: "cancelled", mark: "■", colour: "stopped" },
  aborted: { word: "aborted", mark: "■", colour: "stopped" },
  skipped: { word: "skipped", mark: "»", colour: "idle" },
};

/** How a status looks; one that this release does not know is shown by its own name. */
export function lookOf(status: string): Look {
  return LOOKS[status as StepStatus] ?? { word: status.replaceAll("_", " "), mark: "?", colour: "idle" };
}

const OVER: ReadonlySet<string> = new Set(["completed", "failed", "timed_out", "cancelled"]);

export function hasEnded(status: string): boolean {
  return OVER.has(status);
}

export function hasFailed(status: string): boolean {
  return status === "failed" || status === "timed_out";
}
