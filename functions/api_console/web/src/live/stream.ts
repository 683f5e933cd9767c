/** The events of a run, as they happen: a stream that comes back by itself where it left off, however often it breaks. */

import { api, ask, authorizedFetch } from "../api/client";
import { problemOf } from "../api/problem";
import type { Page } from "./hub";
import { rest, whatFollows, within } from "./log";
import { EventParser } from "./sse";

export interface RunEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string | null;
  readonly step: string | null;
  readonly step_id: string | null;
  readonly attempt: number | null;
  readonly details: Record<string, unknown>;
}

export type StreamState = "open" | "lost" | "ended";

export interface Follower {
  /** `place` is where to go on after it. */
  event(event: RunEvent, place: string): void;
  /** "lost" while the server does not answer; "ended" when nothing can follow any more. */
  state(state: StreamState): void;
  /** The stream can't be gone on with from there: read everything anew. */
  restart(): void;
}

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
/** Of a connection that the network forgot, while a computer slept or on a way through a gateway, a browser may never hear. The server
 * says something every 15 s, and API Gateway waits for 30 s at most: who is silent for so long is asked anew.
 */
export const SILENT_MS = 60_000;

const EVENTS_OF_A_PAGE = 100;

/** A page of a run's events after a place. */
export async function read(executionId: string, place: string, signal: AbortSignal): Promise<Page> {
  const params = { path: { execution_id: executionId }, query: { limit: EVENTS_OF_A_PAGE, ...(place ? { last_event_id: place } : {}) } };
  const answered = watched(signal);
  try {
    const { items, next_cursor, last_event_id } = await ask(api.GET("/executions/{execution_id}/events", { params, signal: answered.signal }));
    const next = next_cursor === null ? "end" : items.length === EVENTS_OF_A_PAGE ? "more" : "later";
    return { events: items, place: last_event_id ?? "", next };
  } finally {
    answered.end();
  }
}

/** Follow a run's events after a place, until `signal` aborts or the run's stream ends. */
export async function follow(
  executionId: string,
  place: string,
  follower: Follower,
  signal: AbortSignal,
): Promise<void> {
  let pause = FIRST_PAUSE;
  let last = place;
  while (!signal.aborted) {
    const parser = new EventParser();
    parser.lastId = last;
    const heard = watched(signal);
    let cameThrough = false;
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (last) headers["last-event-id"] = last;
      const path = `/executions/${encodeURIComponent(executionId)}/stream`;
      const response = await authorizedFetch(path, { headers, signal: heard.signal, cache: "no-store" });
      if (response.status === 204) {
        follower.state("ended");
        return;
      }
      if (!response.ok) throw await problemOf(response);
      follower.state("open");
      for await (const text of pieces(response, signal)) {
        heard.again();
        for (const event of parser.push(text)) {
          cameThrough = true;
          last = event.id || last;
          const told = parsed(event.data);
          if (told !== null) follower.event(told, event.id);
        }
      }
      last = parser.lastId || last;
    } catch (error) {
      if (signal.aborted) return;
      const then = whatFollows(error);
      if (then === "anew") return follower.restart();
      if (then === "never") return follower.state("ended");
      follower.state("lost");
    } finally {
      heard.end();
    }
    // A stream behind API Gateway ends after each answer and says to come back at once, also when nothing has happened for long.
    const isAnswered = cameThrough || parser.retry !== null;
    pause = isAnswered ? FIRST_PAUSE : Math.min(pause * 2, LONGEST_PAUSE);
    await rest(isAnswered ? (parser.retry ?? FIRST_PAUSE) : jittered(pause), signal);
  }
}

/** A signal that aborts with another one, and when for long nobody has said `again`, until `end`. */
function watched(signal: AbortSignal): { readonly signal: AbortSignal; readonly again: () => void; readonly end: () => void } {
  const silent = within(signal);
  let timer = setTimeout(() => silent.abort(), SILENT_MS);
  const again = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), SILENT_MS);
  };
  const end = (): void => {
    clearTimeout(timer);
    silent.abort();
  };
  return { signal: silent.signal, again, end };
}

async function* pieces(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  try {
    while (!signal.aborted) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parsed(data: string): RunEvent | null {
  try {
    return JSON.parse(data) as RunEvent;
  } catch {
    return null; // a heartbeat, or half of something that a proxy has cut
  }
}

function jittered(ms: number): number {
  return ms * (0.5 + Math.random());
}
