/**
 * One stream a browser: tabs that look at the same run share the one that the leader holds.
 *
 * A browser opens six connections to a server over HTTP/1.1, all tabs counted together: with six tabs of a run the seventh question
 * would never be asked. Who gets the lock of a run leads: it follows the stream and passes on what that tells. When its tab is
 * closed the browser gives the lock to the next one, which goes on after the last event that it was told of.
 */

import { newKey } from "../api/once";
import type { Follower, RunEvent, StreamState } from "./stream";

export type Follow = (executionId: string, lastId: string, follower: Follower, signal: AbortSignal) => Promise<void>;

type Message =
  | { readonly kind: "event"; readonly event: RunEvent }
  | { readonly kind: "state"; readonly state: StreamState }
  | { readonly kind: "restart" }
  /** Somebody leads from now on. */
  | { readonly kind: "leads" }
  /** The run goes on after its end: it was redriven. */
  | { readonly kind: "again" }
  /** Somebody who has come later asks for everything so far. */
  | { readonly kind: "join"; readonly by: string }
  | { readonly kind: "history"; readonly to: string; readonly events: readonly RunEvent[]; readonly state: StreamState | null };

/** A server that can never go on from where one was is not asked at once again. */
const RESTART_MS = 500;

/** What browsers bring with them; in tests what stands for it. */
export interface Means {
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly channel: (name: string) => BroadcastChannel;
}

const BROWSER: Means = {
  // Without https, and not on this machine, a page has none.
  locks: typeof navigator === "undefined" ? undefined : navigator.locks,
  channel: (name) => new BroadcastChannel(name),
};

/** `follow` for all tabs together. A tab that joins is told everything so far by the leader, not by the server; one whose run was
 * redriven lets the leader look at it again.
 */
export async function followTogether(
  follow: Follow,
  executionId: string,
  follower: Follower,
  signal: AbortSignal,
  isRedriven: boolean,
  means: Means = BROWSER,
): Promise<void> {
  const { locks } = means;
  if (locks === undefined) return await follow(executionId, "", follower, signal);
  const name = `console.run.${executionId}`;
  const me = newKey();
  const channel = means.channel(name);
  const told = new Told(follower);
  let leads = false;
  let lookAgain: () => void = () => undefined;
  const send = (message: Message): void => {
    if (!signal.aborted) channel.postMessage(message);
  };
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (leads) {
      if (data.kind === "join") send({ kind: "history", to: data.by, events: told.events, state: told.last });
      if (data.kind === "again") lookAgain();
    } else if (data.kind === "leads") send({ kind: "join", by: me });
    else if (data.kind === "event") told.event(data.event);
    else if (data.kind === "state") told.state(data.state);
    else if (data.kind === "restart") told.restart();
    else if (data.kind === "history" && data.to === me) {
      for (const event of data.events) told.event(event);
      if (data.state !== null) told.state(data.state);
    }
  };
  signal.addEventListener("abort", () => channel.close(), { once: true });
  send({ kind: "join", by: me });
  if (isRedriven) send({ kind: "again" });
  const lead = async (): Promise<void> => {
    leads = true;
    send({ kind: "leads" });
    let isAnew = false;
    const pass: Follower = {
      event: (event) => {
        if (told.event(event)) send({ kind: "event", event });
      },
      state: (state) => {
        told.state(state);
        send({ kind: "state", state });
      },
      restart: () => {
        isAnew = true;
        send({ kind: "restart" });
        told.restart();
      },
    };
    while (!signal.aborted) {
      const again = new Promise<void>((resolve) => (lookAgain = resolve));
      await follow(executionId, told.lastId, pass, signal);
      // The lock is held on: of a run that has ended nobody else needs to ask either.
      await Promise.race(isAnew ? [rest(RESTART_MS)] : [again, aborted(signal)]);
      isAnew = false;
    }
  };
  await locks.request(name, { signal }, lead).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** What was told so far, each event once: an event and a history may cross. */
class Told {
  readonly events: RunEvent[] = [];
  last: StreamState | null = null;
  lastId = "";
  private readonly ids = new Set<string>();

  constructor(private readonly follower: Follower) {}

  event(event: RunEvent): boolean {
    if (event.id && this.ids.has(event.id)) return false;
    this.ids.add(event.id);
    this.events.push(event);
    this.lastId = event.id || this.lastId;
    this.follower.event(event);
    return true;
  }

  state(state: StreamState): void {
    this.last = state;
    this.follower.state(state);
  }

  restart(): void {
    this.events.length = 0;
    this.ids.clear();
    this.lastId = "";
    this.follower.restart();
  }
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
