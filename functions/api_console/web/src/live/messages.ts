/** What the tabs of a browser say to each other about the runs that they look at. */

import type { RunEvent, StreamState } from "./stream";

/** Of a tab that looks at a run. */
export type FromMember =
  /** It looks at a run, and knows so much of it already. */
  | { readonly kind: "join"; readonly by: string; readonly run: string; readonly events: readonly RunEvent[]; readonly place: string; readonly hasFocus: boolean }
  | { readonly kind: "here"; readonly by: string }
  /** It is the one that the user works in. */
  | { readonly kind: "focus"; readonly by: string }
  /** The run goes on after its end: it was redriven. */
  | { readonly kind: "again"; readonly run: string }
  | { readonly kind: "leave"; readonly by: string };

/** Of the tab that leads. `hub` says which one: what one says that leads no more does not count. */
export type FromHub =
  /** It leads, for these. Who is not among them has yet to join. */
  | { readonly kind: "beat"; readonly hub: string; readonly members: readonly string[] }
  /** To one that has joined: all so far that it did not tell itself. What is told after it is what follows. */
  | { readonly kind: "history"; readonly hub: string; readonly to: string; readonly events: readonly RunEvent[]; readonly place: string; readonly state: StreamState | null }
  | { readonly kind: "events"; readonly hub: string; readonly run: string; readonly events: readonly RunEvent[]; readonly place: string }
  | { readonly kind: "state"; readonly hub: string; readonly run: string; readonly state: StreamState }
  | { readonly kind: "restart"; readonly hub: string; readonly run: string };

export type Message = FromMember | FromHub;

/** Counts up with each change of these messages: tabs of the releases before and after it have different leaders. */
export const FORM = 1;
/** How often the tab that leads says that it is there. */
export const BEAT_MS = 2_000;
/** Who was not heard for so many beats is taken for gone. Beats are counted, and no time measured: a computer that slept has missed none. */
export const SILENT_BEATS = 5;
