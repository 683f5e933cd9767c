import { expect, it } from "vitest";

import { ApiProblem, LostConnection } from "../src/api/problem";
import { type Agent, Chat, type Question } from "../src/live/chat";
import { type Answer, answerOf, type Exchange, historyOf, type Outcome, sumOf } from "../src/model/chat";

const ANSWER: Answer = { content: "Hello", rounds: [], version: 2, model: "m", isSimulated: false, warnings: [], endedBy: null, tokensIn: 10, tokensOut: 4, usd: 0.5, seconds: 1 };

function answered(number: number, question: string, answer: Partial<Answer> = {}): Exchange {
  return { number, question, run: `r${number}`, askedAt: 0, state: "answered", answer: { ...ANSWER, ...answer } };
}

const FAILED: Exchange = { number: 9, question: "broken?", run: "r9", askedAt: 0, state: "failed", failure: { type: "E", message: "no" } };
const STOPPED: Exchange = { number: 8, question: "long?", run: "r8", askedAt: 0, state: "stopped" };

it("sends what was answered with the next question, an answer in JSON as its text, and nothing that was not answered", () => {
  const { messages, left } = historyOf([answered(1, "a?"), FAILED, STOPPED, answered(2, "b?", { content: { n: 1 } })]);
  expect(messages).toEqual([
    { role: "user", content: "a?" },
    { role: "assistant", content: "Hello" },
    { role: "user", content: "b?" },
    { role: "assistant", content: '{"n":1}' },
  ]);
  expect(left).toBe(0);
});

it("leaves out the oldest where the history would be too long, by messages and by bytes", () => {
  const all = [answered(1, "a?"), answered(2, "b?"), answered(3, "c?")];
  const byNumber = historyOf(all, { messages: 4, bytes: 1000 });
  expect([byNumber.messages.map((m) => m.content), byNumber.left]).toEqual([["b?", "Hello", "c?", "Hello"], 1]);
  const byBytes = historyOf([answered(1, "a?"), answered(2, "ü".repeat(60)), answered(3, "c?")], { messages: 100, bytes: 200 });
  expect([byBytes.messages.map((m) => m.content), byBytes.left]).toEqual([["c?", "Hello"], 2]);
});

it("sums tokens and costs, and knows no sum of costs where one is not known", () => {
  expect(sumOf([answered(1, "a"), FAILED, answered(2, "b")])).toEqual({ answers: 2, tokensIn: 20, tokensOut: 8, usd: 1 });
  expect(sumOf([answered(1, "a"), answered(2, "b", { usd: null })]).usd).toBeNull();
});

it("reads an answer out of the output of an agent's step", () => {
  const call = { tool: "calculator", arguments: {}, result: "2", is_error: false, truncated: false, duration_ms: 3, iteration: 1 };
  const output = {
    query: "q", response: "r", tool_calls_trace: [call], remarks: [], agent_version: 3, model: { provider: "p", name: "gpt" }, mode: "simulation",
    warnings: ["w", 1], finish_reason: "deadline", usage: { tokens_in: 7, tokens_out: 2, cost_usd: null }, execution_time_seconds: 0.25,
  };
  const answer = answerOf(output);
  expect(answer).toMatchObject({ content: "r", version: 3, model: "gpt", isSimulated: true, warnings: ["w"], endedBy: "deadline", tokensIn: 7, tokensOut: 2, usd: null, seconds: 0.25 });
  expect(answer?.rounds.map((turn) => turn.kind)).toEqual(["round"]);
  expect(answerOf({ ...output, finish_reason: "stop" })?.endedBy).toBeNull();
  expect(answerOf({ x: 1 })).toBeNull();
});

/** An agent whose answers the test gives. */
class Scripted implements Agent {
  readonly asked: { readonly question: Question; readonly key: string }[] = [];
  readonly cancelled: string[] = [];
  refusals: unknown[] = [];
  looks: (Outcome | Error)[] = [];
  onLook: () => void = () => undefined;

  async start(question: Question, key: string): Promise<string> {
    this.asked.push({ question, key });
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    return Promise.resolve(`run${this.asked.length}`);
  }

  async look(): Promise<Outcome> {
    this.onLook();
    const outcome = this.looks.shift() ?? { state: "answered", answer: ANSWER };
    if (outcome instanceof Error) throw outcome;
    return Promise.resolve(outcome);
  }

  async cancel(run: string): Promise<void> {
    this.cancelled.push(run);
    return Promise.resolve();
  }
}

function conversation(): { chat: Chat; agent: Scripted } {
  const agent = new Scripted();
  const isFinal = (error: unknown) => error instanceof ApiProblem && error.status === 404;
  return { agent, chat: new Chat(agent, isFinal, () => 5, () => Promise.resolve()) };
}

async function ask(chat: Chat, question: string, version: number | null = null): Promise<void> {
  chat.write(question);
  await chat.ask(version);
}

it("asks question after question, each with what was said before and of the version that is chosen", async () => {
  const { chat, agent } = conversation();
  await ask(chat, " I am Ann. ");
  await ask(chat, "Who am I?", 1);
  expect(agent.asked.map((each) => each.question)).toEqual([
    { query: "I am Ann." },
    { query: "Who am I?", version: 1, conversation_history: [{ role: "user", content: "I am Ann." }, { role: "assistant", content: "Hello" }] },
  ]);
  expect(agent.asked[0]?.key).not.toBe(agent.asked[1]?.key);
  expect(chat.getState()).toMatchObject({ draft: "", problem: null, exchanges: [{ state: "answered", run: "run1" }, { state: "answered", run: "run2" }] });
});

it("writes a question again that was refused, and sends it under another key", async () => {
  const { chat, agent } = conversation();
  agent.refusals = [new ApiProblem(422, "invalid_request", "too long")];
  await ask(chat, "a?");
  expect(chat.getState()).toMatchObject({ draft: "a?", exchanges: [], problem: { detail: "too long" } });
  await chat.ask(null);
  expect(agent.asked[0]?.key).not.toBe(agent.asked[1]?.key);
});

it("sends a question under the same key that the server may have heard, and not another question", async () => {
  const { chat, agent } = conversation();
  agent.refusals = [new LostConnection(null), new LostConnection(null)];
  await ask(chat, "a?");
  await chat.ask(null);
  await ask(chat, "b?");
  const [first, second, third] = agent.asked.map((each) => each.key);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
});

it("keeps what is written while a question is on its way that does not arrive", async () => {
  const { chat, agent } = conversation();
  agent.refusals = [new LostConnection(null)];
  chat.write("a?");
  const sent = chat.ask(null);
  chat.write("and b?");
  await sent;
  expect(chat.getState().draft).toBe("a?\nand b?");
});

it("goes on looking for the end of a run while it runs and while the server is away", async () => {
  const { chat, agent } = conversation();
  agent.looks = [{ state: "asking" }, new LostConnection(null), { state: "answered", answer: ANSWER }];
  const lost: boolean[] = [];
  chat.subscribe(() => lost.push(chat.getState().isLost));
  await ask(chat, "a?");
  expect(lost).toContain(true);
  expect(chat.getState()).toMatchObject({ isLost: false, exchanges: [{ state: "answered" }] });
});

it("says that the answer cannot be read where the run is gone", async () => {
  const { chat, agent } = conversation();
  agent.looks = [new ApiProblem(404, "not_found", "There is no such run.")];
  await ask(chat, "a?");
  expect(chat.getState().exchanges[0]).toMatchObject({ state: "failed", failure: { message: "There is no such run." } });
});

it("is stopped while it answers, and before its run has begun", async () => {
  const { chat, agent } = conversation();
  agent.looks = [{ state: "asking" }, { state: "stopped" }];
  agent.onLook = () => void (agent.cancelled.length === 0 && chat.stop());
  await ask(chat, "a?");
  expect(agent.cancelled).toEqual(["run1"]);
  expect(chat.getState().exchanges[0]?.state).toBe("stopped");
  agent.onLook = () => undefined;
  agent.looks = [{ state: "stopped" }];
  chat.write("b?");
  const sent = chat.ask(null);
  await chat.stop();
  await sent;
  expect(agent.cancelled).toEqual(["run1", "run2"]);
  await ask(chat, "c?");
  expect(agent.asked.at(-1)?.question).toEqual({ query: "c?" });
});

it("asks one question at a time, nothing that is empty, and begins anew when it is cleared", async () => {
  const { chat, agent } = conversation();
  await ask(chat, "  ");
  chat.write("a?");
  const sent = chat.ask(null);
  chat.write("b?");
  await chat.ask(null);
  chat.clear();
  expect(chat.getState().exchanges).toHaveLength(1);
  await sent;
  expect(agent.asked).toHaveLength(1);
  chat.clear();
  await chat.ask(null);
  expect(agent.asked[1]?.question).toEqual({ query: "b?" });
});
