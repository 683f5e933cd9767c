import { describe, expect, it, vi } from "vitest";

import { type Follow, followTogether, type Means } from "../src/live/leader";
import type { RunEvent } from "../src/live/stream";

const event = (id: string): RunEvent => ({ id, type: "step.started", timestamp: null, step: id, step_id: id, attempt: 1, details: {} });

/** Locks as the Web Locks API has them: one holder a name, the others in the order in which they came. */
function locks(): NonNullable<Means["locks"]> {
  let last: Promise<unknown> = Promise.resolve();
  const request = (_: string, options: { signal?: AbortSignal }, work: () => Promise<unknown>) => {
    const before = last;
    const mine = before.then(() => (options.signal?.aborted ? undefined : work()));
    last = mine.catch(() => undefined);
    return mine;
  };
  return { request } as unknown as NonNullable<Means["locks"]>;
}

function browser() {
  const streams: { from: string; tell: (id: string) => void; end: () => void }[] = [];
  const follow: Follow = (_, from, follower, signal) =>
    new Promise((resolve) => {
      streams.push({ from, tell: (id) => follower.event(event(id)), end: () => (follower.state("ended"), resolve()) });
      follower.state("open");
      signal.addEventListener("abort", () => resolve());
    });
  const means: Means = { locks: locks(), channel: (name) => new BroadcastChannel(name) };
  const run = `run-${Math.random()}`;
  const tab = (isRedriven = false) => {
    const seen: string[] = [];
    const closing = new AbortController();
    void followTogether(follow, run, { event: (e) => seen.push(e.id), state: () => undefined, restart: () => seen.splice(0) }, closing.signal, isRedriven, means);
    return { seen, close: () => closing.abort() };
  };
  return { streams, tab };
}

describe("tabs that look at the same run", () => {
  it("share one stream, and who comes later is told what was before", async () => {
    const { streams, tab } = browser();
    const first = tab();
    await vi.waitFor(() => expect(streams).toHaveLength(1));
    streams[0]?.tell("a");
    const second = tab();
    await vi.waitFor(() => expect(second.seen).toEqual(["a"]));
    streams[0]?.tell("b");
    await vi.waitFor(() => expect(second.seen).toEqual(["a", "b"]));
    expect(first.seen).toEqual(["a", "b"]);
    expect(streams).toHaveLength(1);
    first.close();
    second.close();
  });

  it("go on after the last event when the one that leads is closed", async () => {
    const { streams, tab } = browser();
    const [first, second] = [tab(), tab()];
    await vi.waitFor(() => expect(streams).toHaveLength(1));
    streams[0]?.tell("a");
    await vi.waitFor(() => expect(second.seen).toEqual(["a"]));
    first.close();
    await vi.waitFor(() => expect(streams).toHaveLength(2));
    expect(streams[1]?.from).toBe("a");
    streams[1]?.tell("b");
    await vi.waitFor(() => expect(second.seen).toEqual(["a", "b"]));
    second.close();
  });

  it("see a run go on that was redriven in one of them", async () => {
    const { streams, tab } = browser();
    const first = tab();
    await vi.waitFor(() => expect(streams).toHaveLength(1));
    streams[0]?.tell("a");
    streams[0]?.end();
    const redriven = tab(true);
    await vi.waitFor(() => expect(streams).toHaveLength(2));
    streams[1]?.tell("b");
    await vi.waitFor(() => expect([first.seen, redriven.seen]).toEqual([["a", "b"], ["a", "b"]]));
    first.close();
    redriven.close();
  });
});
