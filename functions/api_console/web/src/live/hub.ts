/**
 * What the tab that leads does for all tabs of the browser: it holds the one stream, for the run that the user looks at, and reads of
 * each other run a page a second, one after the other. So a browser has two connections open for what happens at most, however
 * many tabs it has.
 */

import { newKey } from "../api/once";
import { rest, RunLog, whatFollows, within } from "./log";
import { BEAT_MS, type FromHub, type FromMember, type Message, SILENT_BEATS } from "./messages";
import type { Follower, RunEvent, StreamState } from "./stream";

/** Where events come from. */
export interface Source {
  /** Follow a run's events after a place, until `signal` aborts or nothing follows. */
  follow(executionId: string, place: string, follower: Follower, signal: AbortSignal): Promise<void>;
  /** Events after a place, as many as there are now, or a page of them. */
  read(executionId: string, place: string, signal: AbortSignal): Promise<Page>;
}

export interface Page {
  readonly events: readonly RunEvent[];
  readonly place: string;
  /** `more` may be there already, `later` some may come, after an `end` none does. */
  readonly next: "more" | "later" | "end";
}

export const READ_PAUSE_MS = 1_000;
/** A server that can never go on from where one was is not asked at once again. */
const RESTART_MS = 500;
/** Who goes from tab to tab, or a new one that leads and hears of many, opens one stream in the end and not one after another. */
const SWITCH_MS = 100;
/** Of a run that can't be read, the rounds that it is left out of at most. */
const MOST_ROUNDS_OUT = 15;

class Followed {
  readonly log = new RunLog();
  failures = 0;
  roundsOut = 0;
  untold: RunEvent[] = [];

  constructor(readonly id: string) {}

  get isOver(): boolean {
    return this.log.state === "ended";
  }
}

/** Lead until `signal` aborts. */
export async function lead(source: Source, channel: BroadcastChannel, signal: AbortSignal): Promise<void> {
  const hub = new Hub(source, channel, signal);
  channel.onmessage = ({ data }: MessageEvent<Message>) => hub.hear(data);
  try {
    await Promise.all([hub.beat(), hub.stream(), hub.read()]);
  } finally {
    channel.close();
  }
}

class Hub {
  private readonly me = newKey();
  private readonly members = new Map<string, { readonly run: string; silent: number }>();
  private readonly runs = new Map<string, Followed>();
  /** The run that the user looks at. */
  private preferred: string | null = null;
  private streamed: { readonly run: Followed; readonly control: AbortController } | null = null;
  /** Ends the pauses in which nothing was to be done. */
  private idle: AbortController;

  constructor(
    private readonly source: Source,
    private readonly channel: BroadcastChannel,
    private readonly signal: AbortSignal,
  ) {
    this.idle = within(signal);
  }

  hear(message: Message): void {
    if (this.signal.aborted || isFromHub(message)) return;
    switch (message.kind) {
      case "join":
        return this.join(message);
      case "here": {
        const member = this.members.get(message.by);
        if (member) member.silent = 0;
        return;
      }
      case "focus":
        this.preferred = this.members.get(message.by)?.run ?? this.preferred;
        return this.look();
      case "again": {
        const run = this.runs.get(message.run);
        if (run) run.log.state = null;
        return this.look();
      }
      case "leave":
        return this.leave(message.by);
    }
  }

  /** Say again and again who leads, and for whom; who does not answer is gone. */
  async beat(): Promise<void> {
    while (!this.signal.aborted) {
      for (const [id, member] of this.members) {
        member.silent += 1;
        if (member.silent > SILENT_BEATS) this.leave(id);
      }
      this.say({ kind: "beat", hub: this.me, members: [...this.members.keys()] });
      await rest(BEAT_MS, this.signal);
    }
  }

  async stream(): Promise<void> {
    while (!this.signal.aborted) {
      const run = this.toStream();
      if (run === null) {
        await rest(BEAT_MS, this.idle.signal);
        continue;
      }
      const control = within(this.signal);
      this.streamed = { run, control };
      let isAnew = false;
      const follower: Follower = {
        event: (event, place) => this.take(run, [event], place, control.signal),
        state: (state) => this.become(run, state, control.signal),
        restart: () => {
          isAnew = true;
          this.restart(run, control.signal);
        },
      };
      await this.source.follow(run.id, run.log.place, follower, control.signal);
      this.streamed = null;
      if (isAnew) await rest(RESTART_MS, this.signal);
      else if (control.signal.aborted) await rest(SWITCH_MS, this.signal);
    }
  }

  async read(): Promise<void> {
    while (!this.signal.aborted) {
      for (const run of [...this.runs.values()]) {
        if (run.roundsOut > 0) run.roundsOut -= 1;
        else if (!run.isOver && run !== this.toStream()) await this.readOn(run);
      }
      await rest(READ_PAUSE_MS, this.idle.signal);
    }
  }

  private async readOn(run: Followed): Promise<void> {
    // It may be left, or streamed, while an answer is on its way, which then counts no more.
    const control = within(this.signal);
    const isOthers = (): boolean => this.runs.get(run.id) !== run || this.streamed?.run === run;
    try {
      for (let next: Page["next"] = "more"; next === "more" && !isOthers(); ) {
        const page = await this.source.read(run.id, run.log.place, control.signal);
        if (isOthers()) return;
        this.take(run, page.events, page.place, control.signal);
        this.become(run, page.next === "end" ? "ended" : "open", control.signal);
        run.failures = 0;
        next = page.next;
      }
    } catch (error) {
      if (isOthers()) return;
      const then = whatFollows(error);
      if (then === "anew") this.restart(run, control.signal);
      else this.become(run, then === "never" ? "ended" : "lost", control.signal);
      run.failures += 1;
      run.roundsOut = Math.min(2 ** run.failures, MOST_ROUNDS_OUT);
    } finally {
      control.abort();
    }
  }

  private join({ by, run: id, events, place, hasFocus }: Extract<FromMember, { kind: "join" }>): void {
    const known = this.runs.get(id);
    const run = known ?? new Followed(id);
    this.runs.set(id, run);
    if (hasFocus) this.preferred = id;
    this.members.set(by, { run: id, silent: 0 });
    // What a tab knows is how a run begins. Of two that know unequally much the longer one has all that the other has.
    const before = run.log.events.length;
    this.take(run, events, "", this.signal);
    if (run.log.events.length > before || run.log.place === "") run.log.place = place;
    // Somebody who has just come may know of a redrive that nobody has told of.
    if (events.length === 0 && run.isOver) run.log.state = null;
    // Every tab reads what is said to one: of 25,000 events it is told those that it has not told itself.
    const told = new Set(events.map((event) => event.id));
    const missing = run.log.events.filter((event) => !told.has(event.id));
    this.say({ kind: "history", hub: this.me, to: by, events: missing, place: run.log.place, state: run.log.state });
    this.look();
  }

  private leave(by: string): void {
    const left = this.members.get(by)?.run;
    this.members.delete(by);
    if (left === undefined || [...this.members.values()].some(({ run }) => run === left)) return;
    this.runs.delete(left);
    this.look();
  }

  /** Which run is to be streamed: the one that the user looks at, else the one that is, else any that goes on. */
  private toStream(): Followed | null {
    const going = [...this.runs.values()].filter((run) => !run.isOver);
    return going.find(({ id }) => id === this.preferred) ?? going.find((run) => run === this.streamed?.run) ?? going[0] ?? null;
  }

  /** Look at once at what is to be done now. */
  private look(): void {
    if (this.streamed !== null && this.streamed.run !== this.toStream()) this.streamed.control.abort();
    this.idle.abort();
    this.idle = within(this.signal);
  }

  private take(run: Followed, events: readonly RunEvent[], place: string, signal: AbortSignal): void {
    if (signal.aborted) return;
    if (place) run.log.place = place;
    const news = events.filter((event) => run.log.add(event));
    if (news.length === 0) return;
    // A stream's events come by the hundred: they are told of together.
    if (run.untold.length === 0) queueMicrotask(() => this.tell(run));
    run.untold.push(...news);
  }

  private tell(run: Followed): void {
    const events = run.untold;
    run.untold = [];
    if (events.length > 0) this.say({ kind: "events", hub: this.me, run: run.id, events, place: run.log.place });
  }

  private become(run: Followed, state: StreamState, signal: AbortSignal): void {
    if (signal.aborted || run.log.state === state) return;
    run.log.state = state;
    this.tell(run);
    this.say({ kind: "state", hub: this.me, run: run.id, state });
  }

  private restart(run: Followed, signal: AbortSignal): void {
    if (signal.aborted) return;
    run.untold = [];
    run.log.clear();
    this.say({ kind: "restart", hub: this.me, run: run.id });
  }

  private say(message: FromHub): void {
    if (!this.signal.aborted) this.channel.postMessage(message);
  }
}

function isFromHub(message: Message): message is FromHub {
  return "hub" in message;
}
