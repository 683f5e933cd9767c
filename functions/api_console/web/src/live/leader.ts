/**
 * One stream a browser: all tabs are told what happens in the runs that they look at by the one that leads.
 *
 * A browser opens six connections to a server over HTTP/1.1, all tabs counted together: with six streams the seventh question would
 * never be asked. Who gets the lock leads (`hub.ts`). When its tab is closed the browser gives the lock to the next one; when it is
 * there and says nothing, another takes it away. Each tab tells the new one what it knows of its run: so nothing is lost.
 */

import { newKey } from "../api/once";
import { lead, type Source } from "./hub";
import { rest, type RunLog, within } from "./log";
import { BEAT_MS, type FromMember, type Message, SILENT_BEATS } from "./messages";
import type { Follower, RunEvent } from "./stream";

/** What browsers bring with them; in tests what stands for it. */
export interface Means {
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly channel: (name: string) => BroadcastChannel;
  readonly hasFocus: () => boolean;
  readonly onFocus: (work: () => void, signal: AbortSignal) => void;
}

const BROWSER: Means = {
  // Without https, and not on this machine, a page has no locks.
  locks: typeof navigator === "undefined" || typeof BroadcastChannel === "undefined" ? undefined : navigator.locks,
  channel: (name) => new BroadcastChannel(name),
  hasFocus: () => document.hasFocus(),
  onFocus: (work, signal) => window.addEventListener("focus", work, { signal }),
};

export interface Watched {
  readonly run: string;
  /** What is known of the run, by an earlier look at it. */
  readonly log: RunLog;
  /** It goes on after its end, as the one who looks at it knows. */
  readonly isRedriven: boolean;
}

/** Follow a run until `signal` aborts, together with all tabs that give the same name; alone where the browser has no means for that. */
export async function followTogether(name: string, source: Source, watched: Watched, follower: Follower, signal: AbortSignal, means: Means = BROWSER): Promise<void> {
  const { locks } = means;
  if (locks === undefined) return await followAlone(source, watched, follower, signal);
  const together = within(signal);
  const member = new Member(watched, follower, means, means.channel(name), together.signal);
  try {
    await Promise.all([member.listen(), stand(locks, name, member, (term) => lead(source, means.channel(name), term), together.signal)]);
  } catch {
    // Where a browser is told to keep nothing of a page, it refuses its locks.
    together.abort();
    await followAlone(source, watched, follower, signal);
  }
}

async function followAlone(source: Source, { run, log }: Watched, follower: Follower, signal: AbortSignal): Promise<void> {
  let isAnew = true;
  const noted: Follower = {
    event: (event, place) => {
      log.place = place || log.place;
      if (log.add(event)) follower.event(event, place);
    },
    state: (state) => follower.state(state),
    restart: () => {
      isAnew = true;
      log.clear();
      follower.restart();
    },
  };
  while (isAnew && !signal.aborted) {
    isAnew = false;
    await source.follow(run, log.place, noted, signal);
    if (isAnew) await rest(BEAT_MS, signal);
  }
}

/** Lead as soon as one may, for as long as one may, again and again until `signal` aborts. */
async function stand(locks: Pick<LockManager, "request">, name: string, member: Member, work: (term: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
  const hold = async (options: LockOptions): Promise<void> => {
    const term = within(signal);
    try {
      await locks.request(name, options, () => work(term.signal));
    } catch (error) {
      // It is waited for no longer, or was taken away by another.
      if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    } finally {
      term.abort();
    }
  };
  while (!signal.aborted) {
    const waiting = within(signal);
    member.onSilence = () => waiting.abort();
    await hold({ signal: waiting.signal });
    if (waiting.signal.aborted && !signal.aborted) await hold({ steal: true });
  }
}

/** What a tab hears about its run. */
class Member {
  /** The one that leads has not been heard for long. */
  onSilence: () => void = () => undefined;
  private readonly me = newKey();
  /** Who leads, once it has told what was so far. */
  private hub: string | null = null;
  private silent = 0;

  constructor(
    private readonly watched: Watched,
    private readonly follower: Follower,
    private readonly means: Means,
    private readonly channel: BroadcastChannel,
    private readonly signal: AbortSignal,
  ) {}

  async listen(): Promise<void> {
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => this.hear(data);
    this.signal.addEventListener("abort", () => {
      this.say({ kind: "leave", by: this.me });
      this.channel.close();
    });
    this.means.onFocus(() => this.say({ kind: "focus", by: this.me }), this.signal);
    this.join();
    if (this.watched.isRedriven) this.say({ kind: "again", run: this.watched.run });
    while (!this.signal.aborted) {
      await rest(BEAT_MS, this.signal);
      this.silent += 1;
      if (this.silent <= SILENT_BEATS) continue;
      this.silent = 0;
      this.onSilence();
    }
  }

  private join(): void {
    const { run, log } = this.watched;
    this.say({ kind: "join", by: this.me, run, events: log.events, place: log.place, hasFocus: this.means.hasFocus() });
  }

  private hear(message: Message): void {
    const { log, run } = this.watched;
    if (this.signal.aborted) return;
    if (message.kind === "beat") {
      this.silent = 0;
      if (message.hub === this.hub && message.members.includes(this.me)) this.say({ kind: "here", by: this.me });
      else this.join();
    } else if (message.kind === "history") {
      if (message.to !== this.me) return;
      this.hub = message.hub;
      this.take(message.events, message.place);
      if (message.state !== null) this.follower.state(message.state);
    } else if ("hub" in message && message.hub === this.hub && message.run === run) {
      if (message.kind === "events") this.take(message.events, message.place);
      else if (message.kind === "state") this.follower.state(message.state);
      else {
        log.clear();
        this.follower.restart();
      }
    }
  }

  private take(events: readonly RunEvent[], place: string): void {
    const { log } = this.watched;
    log.place = place || log.place;
    for (const event of events) if (log.add(event)) this.follower.event(event, place);
  }

  private say(message: FromMember): void {
    this.channel.postMessage(message);
  }
}
