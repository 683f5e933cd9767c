import { afterEach, beforeEach, expect, it, vi } from "vitest";

const { answers, asked } = vi.hoisted(() => ({ answers: [] as ((signal: AbortSignal) => Promise<Response>)[], asked: [] as number[] }));
vi.mock("../src/api/client", () => ({
  authorizedFetch: (_: string, { signal }: { signal: AbortSignal }) => {
    asked.push(Date.now());
    return answers.shift()?.(signal) ?? new Promise(() => undefined);
  },
  api: { GET: (_: string, { signal }: { signal: AbortSignal }) => answers.shift()?.(signal) },
  ask: (answer: Promise<unknown>) => answer,
}));

import { whatFollows } from "../src/live/log";
import { follow, read, SILENT_MS } from "../src/live/stream";

const closing = { now: new AbortController() };
const states: string[] = [];
const follower = { event: () => undefined, state: (state: string) => states.push(state), restart: () => undefined };
const text = (body: string) => () => Promise.resolve(new Response(body));
/** It says one thing, and never anything again. */
const silent = (signal: AbortSignal): Promise<Response> => {
  const body = new ReadableStream<Uint8Array>({
    start(stream) {
      stream.enqueue(new TextEncoder().encode("retry: 1000\n\n"));
      signal.addEventListener("abort", () => stream.error(new DOMException("gone", "AbortError")));
    },
  });
  return Promise.resolve(new Response(body));
};

beforeEach(() => {
  vi.useFakeTimers();
  closing.now = new AbortController();
  for (const list of [answers, asked, states]) list.splice(0);
});

afterEach(() => {
  closing.now.abort();
  vi.useRealTimers();
});

it("comes back as soon as the server says, however often nothing has happened", async () => {
  answers.push(...Array.from({ length: 6 }, () => text("retry: 100\n\n: nothing yet\n\n")));
  void follow("r", "", follower, closing.now.signal);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked.slice(1).map((at, i) => at - (asked[i] ?? 0))).toEqual([100, 100, 100, 100, 100, 100]);
});

it("asks anew a server that is silent for long, as after a night in which the computer slept", async () => {
  answers.push(silent);
  void follow("r", "7", follower, closing.now.signal);
  await vi.advanceTimersByTimeAsync(SILENT_MS - 1);
  expect([asked.length, states]).toEqual([1, ["open"]]);
  await vi.advanceTimersByTimeAsync(1_001);
  expect([asked.length, states]).toEqual([2, ["open", "lost"]]);
});

it("waits for ever longer where no answer comes", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  answers.push(...Array.from({ length: 3 }, () => () => Promise.reject(new Error("away"))));
  void follow("r", "", follower, closing.now.signal);
  await vi.advanceTimersByTimeAsync(8_000);
  expect(asked.slice(1).map((at, i) => at - (asked[i] ?? 0))).toEqual([1_000, 2_000, 4_000]);
});

it("does not wait for a page that never comes, since others are read after it", async () => {
  answers.push((signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new DOMException("gone", "AbortError")))));
  const failed = read("r", "", closing.now.signal).catch(whatFollows);
  await vi.advanceTimersByTimeAsync(SILENT_MS);
  expect(await failed).toBe("later");
});
