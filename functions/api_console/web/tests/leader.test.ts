import { afterEach, describe, expect, it, vi } from "vitest";

import { ApiProblem } from "../src/api/problem";
import { type Page, READ_PAUSE_MS, type Source } from "../src/live/hub";
import { followTogether, type Means } from "../src/live/leader";
import { RunLog } from "../src/live/log";
import { BEAT_MS, type Message, SILENT_BEATS } from "../src/live/messages";
import type { Follower, RunEvent } from "../src/live/stream";

const event = (id: string, type = "step.started"): RunEvent => ({ id, type, timestamp: null, step: id, step_id: id, attempt: 1, details: {} });
const gone = (): DOMException => new DOMException("gone", "AbortError");

type Work = () => Promise<unknown>;
interface Asked {
  readonly work: Work;
  readonly done: (value: unknown) => void;
  readonly failed: (error: unknown) => void;
}

/** One lock as the Web Locks API has it: one holder, the others in the order in which they came, and who steals before them all. */
class Lock {
  private readonly waiting: Asked[] = [];
  private holder: Asked | null = null;

  request(_: string, options: LockOptions, work: Work): Promise<unknown> {
    return new Promise((done, failed) => {
      const asked = { work, done, failed };
      options.signal?.addEventListener("abort", () => {
        const at = this.waiting.indexOf(asked);
        if (at >= 0) this.waiting.splice(at, 1);
        if (at >= 0) failed(gone());
      });
      if (options.steal) {
        this.holder?.failed(gone());
        this.hold(asked);
      } else if (this.holder === null) this.hold(asked);
      else this.waiting.push(asked);
    });
  }

  private hold(asked: Asked): void {
    this.holder = asked;
    void asked.work().then((value) => {
      asked.done(value);
      if (this.holder !== asked) return;
      this.holder = null;
      const next = this.waiting.shift();
      if (next) this.hold(next);
    });
  }
}

interface Open {
  readonly run: string;
  readonly from: string;
  readonly follower: Follower;
  readonly close: () => void;
}

/** A browser, and a server on which runs go on. Ids of events are their places. */
function browser() {
  const runs = new Map<string, { events: RunEvent[]; isOver: boolean }>();
  const open = new Set<Open>();
  const opened: Open[] = [];
  const reads: { run: string; place: string }[] = [];
  const counts = { most: 0, reading: 0, mostReading: 0 };
  const failing = new Set<string>();
  const said: Message[] = [];
  const of = (run: string) => runs.get(run) ?? runs.set(run, { events: [], isOver: false }).get(run)!;
  const after = (run: string, place: string): RunEvent[] => of(run).events.filter(({ id }) => Number(id) > Number(place || 0));
  const tell = (run: string, id: number, type?: string): void => {
    of(run).events.push(event(String(id), type));
    for (const each of open) if (each.run === run) each.follower.event(event(String(id), type), String(id));
  };
  const over = (stream: Open): void => {
    stream.follower.state("ended");
    stream.close();
  };
  const source: Source = {
    follow: (run, place, follower, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const mine: Open = {
          run,
          from: place,
          follower,
          close: () => {
            open.delete(mine);
            resolve();
          },
        };
        open.add(mine);
        opened.push(mine);
        counts.most = Math.max(counts.most, open.size);
        signal.addEventListener("abort", mine.close);
        follower.state("open");
        for (const each of after(run, place)) follower.event(each, each.id);
        if (of(run).isOver) over(mine);
      }),
    read: async (run, place): Promise<Page> => {
      reads.push({ run, place });
      counts.reading += 1;
      counts.mostReading = Math.max(counts.mostReading, counts.reading);
      await Promise.resolve();
      counts.reading -= 1;
      if (failing.has(run)) throw new ApiProblem(503, "busy", "busy");
      const found = after(run, place).slice(0, 2);
      const next = after(run, found.at(-1)?.id ?? place).length > 0 ? "more" : of(run).isOver ? "end" : "later";
      return { events: found, place: found.at(-1)?.id ?? place, next };
    },
  };
  const end = (run: string): void => {
    of(run).isOver = true;
    for (const each of [...open]) if (each.run === run) over(each);
  };
  const redrive = (run: string): void => {
    of(run).isOver = false;
  };
  const lock = new Lock();
  const name = `tabs ${Math.random()}`;
  const closings: AbortController[] = [];
  const tab = (run: string, { isRedriven = false, log = new RunLog(), hasFocus = true } = {}) => {
    const seen: string[] = [];
    const states: string[] = [];
    const closing = new AbortController();
    const frozen = { is: false };
    closings.push(closing);
    let focus = (): void => undefined;
    // Of a frozen page no timer runs: nothing seems silent to it.
    const asking = (name: string, options: LockOptions, work: Work) => (frozen.is && options.steal ? Promise.reject(gone()) : lock.request(name, options, work));
    const means: Means = {
      locks: { request: asking } as unknown as LockManager,
      channel: (each) => new Freezing(each, frozen, said) as unknown as BroadcastChannel,
      hasFocus: () => hasFocus,
      onFocus: (work) => (focus = work),
    };
    const follower: Follower = { event: ({ id }) => seen.push(id), state: (state) => states.push(state), restart: () => seen.splice(0) };
    void followTogether(name, source, { run, log, isRedriven }, follower, closing.signal, means);
    return { seen, states, log, close: () => closing.abort(), focus: () => focus(), freeze: (is: boolean) => (frozen.is = is) };
  };
  return { tab, tell, end, redrive, open, opened, reads, counts, failing, said, closeAll: () => closings.forEach((each) => each.abort()) };
}

/** A channel of a tab that may be frozen: then it says nothing and hears nothing. */
class Freezing {
  private readonly channel: BroadcastChannel;
  onmessage: ((message: MessageEvent) => void) | null = null;

  constructor(name: string, private readonly frozen: { is: boolean }, private readonly said: Message[]) {
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = (message: MessageEvent) => {
      if (!this.frozen.is) this.onmessage?.(message);
    };
  }

  postMessage(message: Message): void {
    if (this.frozen.is) return;
    this.said.push(message);
    this.channel.postMessage(message);
  }

  close(): void {
    this.channel.close();
  }
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });
const realTimeout = setTimeout;

/** Let time pass in small steps, between which messages arrive. */
async function passed(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 250) {
    await vi.advanceTimersByTimeAsync(250);
    await new Promise((resolve) => realTimeout(resolve, 5));
  }
}

let opened: ReturnType<typeof browser> | null = null;

function newBrowser() {
  opened = browser();
  return opened;
}

afterEach(() => {
  opened?.closeAll();
  vi.useRealTimers();
});

describe("tabs that look at the same run", () => {
  it("share one stream, and who comes later is told what was before", async () => {
    const { tab, tell, opened, counts } = newBrowser();
    const first = tab("r");
    await until(() => expect(opened).toHaveLength(1));
    tell("r", 1);
    const second = tab("r");
    await until(() => expect(second.seen).toEqual(["1"]));
    tell("r", 2);
    await until(() => expect([first.seen, second.seen]).toEqual([["1", "2"], ["1", "2"]]));
    expect(opened).toHaveLength(1);
    expect(counts.most).toBe(1);
  });

  it("go on after the last event when the one that leads is closed", async () => {
    const { tab, tell, opened } = newBrowser();
    const first = tab("r");
    await until(() => expect(opened).toHaveLength(1));
    const second = tab("r");
    tell("r", 1);
    await until(() => expect(second.seen).toEqual(["1"]));
    first.close();
    tell("r", 2);
    await until(() => expect(opened).toHaveLength(2));
    expect(opened[1]?.from).toBe("1");
    tell("r", 3);
    await until(() => expect(second.seen).toEqual(["1", "2", "3"]));
    expect(first.seen).toEqual(["1"]);
  });

  it("see a run go on that was redriven in one of them", async () => {
    const { tab, tell, end, redrive, opened } = newBrowser();
    const first = tab("r");
    await until(() => expect(opened).toHaveLength(1));
    tell("r", 1);
    end("r");
    await until(() => expect(first.states.at(-1)).toBe("ended"));
    redrive("r");
    const redriven = tab("r", { isRedriven: true });
    tell("r", 2);
    await until(() => expect([first.seen, redriven.seen]).toEqual([["1", "2"], ["1", "2"]]));
    expect(first.states.at(-1)).toBe("open");
  });
});

describe("tabs that look at different runs", () => {
  it("have one stream and one reader together, however many they are, and all see all to the end", async () => {
    const { tab, tell, end, counts } = newBrowser();
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const name of names) for (const id of [1, 2, 3]) tell(name, id);
    const tabs = names.map((name) => tab(name));
    await until(() => expect(tabs.map(({ seen }) => seen)).toEqual(names.map(() => ["1", "2", "3"])));
    for (const name of names) tell(name, 4);
    for (const name of names) end(name);
    await until(() => expect(tabs.map(({ seen, states }) => [seen, states.at(-1)])).toEqual(names.map(() => [["1", "2", "3", "4"], "ended"])));
    expect(counts.most).toBe(1);
    expect(counts.mostReading).toBe(1);
  });

  it("go on without a gap when the one that leads is closed, and read nothing twice", async () => {
    const { tab, tell, reads, opened, counts } = newBrowser();
    const first = tab("a");
    await until(() => expect(opened).toHaveLength(1));
    const second = tab("b", { hasFocus: false });
    tell("b", 1);
    await until(() => expect(second.seen).toEqual(["1"]));
    expect(opened.map(({ run }) => run)).toEqual(["a"]);
    first.close();
    tell("b", 2);
    await until(() => expect(second.seen).toEqual(["1", "2"]));
    expect(opened.map(({ run, from }) => [run, from])).toEqual([["a", ""], ["b", "1"]]);
    expect(reads.every(({ run }) => run === "b")).toBe(true);
    expect(counts.most).toBe(1);
  });

  it("have the stream where the user works, each going on where the other has left off", async () => {
    const { tab, tell, opened, reads, counts } = newBrowser();
    const first = tab("a");
    await until(() => expect(opened).toHaveLength(1));
    tell("a", 1);
    await until(() => expect(first.seen).toEqual(["1"]));
    const second = tab("b");
    await until(() => expect(opened.at(-1)?.run).toBe("b"));
    tell("a", 2);
    await until(() => expect(first.seen).toEqual(["1", "2"]));
    expect(reads.filter(({ run }) => run === "a")[0]).toEqual({ run: "a", place: "1" });
    first.focus();
    await until(() => expect(opened.at(-1)).toMatchObject({ run: "a", from: "2" }));
    tell("b", 1);
    await until(() => expect(second.seen).toEqual(["1"]));
    expect(counts.most).toBe(1);
  });

  it("ask no more of a run that nobody looks at", async () => {
    const { tab, opened, reads, open } = newBrowser();
    tab("a");
    await until(() => expect(opened).toHaveLength(1));
    const second = tab("b");
    await until(() => expect([...open].map(({ run }) => run)).toEqual(["b"]));
    second.close();
    await until(() => expect([...open].map(({ run }) => run)).toEqual(["a"]));
    const before = reads.length;
    await new Promise((resolve) => setTimeout(resolve, READ_PAUSE_MS * 1.5));
    expect(reads.slice(before).filter(({ run }) => run === "b")).toEqual([]);
  });

  it("say that a run cannot be read, and read it later", async () => {
    const { tab, tell, opened, failing } = newBrowser();
    tab("a");
    await until(() => expect(opened).toHaveLength(1));
    failing.add("b");
    const second = tab("b", { hasFocus: false });
    await until(() => expect(second.states).toEqual(["lost"]));
    tell("b", 1);
    failing.delete("b");
    await until(() => expect([second.states, second.seen]).toEqual([["lost", "open"], ["1"]]));
  });
});

describe("a tab", () => {
  it("that comes back is told what has happened meanwhile, and nothing twice", async () => {
    const { tab, tell, opened, said } = newBrowser();
    const first = tab("a");
    await until(() => expect(opened).toHaveLength(1));
    tell("a", 1);
    await until(() => expect(first.seen).toEqual(["1"]));
    first.close();
    tell("a", 2);
    const before = said.length;
    const back = tab("a", { log: first.log });
    await until(() => expect(back.seen).toEqual(["2"]));
    expect(opened.at(-1)?.from).toBe("1");
    const told = said.slice(before).flatMap((message) => (message.kind === "history" ? message.events : []));
    expect(told.map(({ id }) => id)).not.toContain("1");
  });

  it("hears no lines of logs, which may be a hundred thousand", async () => {
    const { tab, tell, opened } = newBrowser();
    const first = tab("a");
    await until(() => expect(opened).toHaveLength(1));
    tell("a", 1, "log");
    tell("a", 2);
    await until(() => expect(first.seen).toEqual(["2"]));
    expect(first.log.place).toBe("2");
  });

  it("that leads and is frozen loses its place to another, and follows when it goes on", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { tab, tell, opened, open } = newBrowser();
    const first = tab("a");
    await until(() => expect(opened).toHaveLength(1));
    const second = tab("b");
    await until(() => expect(second.states).toContain("open"));
    first.freeze(true);
    tell("b", 1);
    await passed(BEAT_MS * (SILENT_BEATS + 2));
    expect(second.seen).toEqual(["1"]);
    first.freeze(false);
    tell("a", 1);
    await passed(BEAT_MS * 2);
    expect(first.seen).toEqual(["1"]);
    expect(open.size).toBe(1);
  });

  it.each([
    ["has no locks", undefined],
    ["refuses them", { request: () => Promise.reject(new DOMException("denied", "SecurityError")) } as unknown as LockManager],
  ])("has a stream of its own in a browser that %s", async (_, locks) => {
    const closing = new AbortController();
    const seen: string[] = [];
    let told: Follower | undefined;
    const source: Source = {
      follow: (_run, place, follower, signal) => {
        told = follower;
        seen.push(`from ${place}`);
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      read: () => Promise.reject(new Error("nothing is read")),
    };
    const means: Means = { locks, channel: (name) => new BroadcastChannel(name), hasFocus: () => true, onFocus: () => undefined };
    const follower: Follower = { event: ({ id }) => seen.push(id), state: () => undefined, restart: () => undefined };
    const following = followTogether("alone", source, { run: "a", log: new RunLog(), isRedriven: false }, follower, closing.signal, means);
    await until(() => expect(told).toBeDefined());
    told?.event(event("1"), "1");
    told?.event(event("1"), "1");
    closing.abort();
    await following;
    expect(seen).toEqual(["from ", "1"]);
  });
});
