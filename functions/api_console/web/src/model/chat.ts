/** A conversation with an agent to try it: what is sent of it with the next question, what an answer was, and what all of it took. Pure. */

import { conversationOf, type Turn } from "./agent";

export interface Answer {
  readonly content: unknown;
  /** Rounds of the model with the tools that it called, without question and answer. */
  readonly rounds: readonly Turn[];
  readonly version: number | null;
  readonly model: string | null;
  readonly isSimulated: boolean;
  readonly warnings: readonly string[];
  /** Null where the answer ended by itself. */
  readonly endedBy: string | null;
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** Null where the price of the model is not known. */
  readonly usd: number | null;
  readonly seconds: number | null;
}

export interface Failure {
  readonly type: string;
  readonly message: string;
  readonly advice?: { readonly usual_cause: string; readonly what_to_do: string; readonly code: string | null; readonly docs: string };
}

/** How a run that answers has ended, or that it goes on. */
export type Outcome =
  | { readonly state: "asking" }
  | { readonly state: "answered"; readonly answer: Answer }
  | { readonly state: "failed"; readonly failure: Failure }
  | { readonly state: "stopped" };

/** A question, and what has become of it. */
export type Exchange = Outcome & {
  readonly number: number;
  readonly question: string;
  /** The run that answers; null until it has begun. */
  readonly run: string | null;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
};

export interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** What `POST /agents/{agent_id}/execute` takes of what was said before; a little less of bytes, since a server counts its own way. */
export const MOST_MESSAGES = 200;
export const MOST_BYTES = 120 * 1024;

/** What was said before, as it is sent with the next question: the latest answered questions that fit, and how many do not. */
export function historyOf(exchanges: readonly Exchange[], most = { messages: MOST_MESSAGES, bytes: MOST_BYTES }): { messages: readonly Message[]; left: number } {
  const answered = exchanges.filter((e) => e.state === "answered");
  const kept: Message[][] = [];
  let bytes = 2;
  for (const exchange of [...answered].reverse()) {
    const pair: Message[] = [
      { role: "user", content: exchange.question },
      { role: "assistant", content: textOf(exchange.answer.content) },
    ];
    bytes += bytesOf(pair);
    if (bytes > most.bytes || (kept.length + 1) * 2 > most.messages) break;
    kept.unshift(pair);
  }
  return { messages: kept.flat(), left: answered.length - kept.length };
}

/** What all answers took; `usd` is null where the price of one is not known. */
export function sumOf(exchanges: readonly Exchange[]): { answers: number; tokensIn: number; tokensOut: number; usd: number | null } {
  const answers = exchanges.flatMap((e) => (e.state === "answered" ? [e.answer] : []));
  const sum = (of: (answer: Answer) => number) => answers.reduce((total, answer) => total + of(answer), 0);
  return {
    answers: answers.length,
    tokensIn: sum((a) => a.tokensIn),
    tokensOut: sum((a) => a.tokensOut),
    usd: answers.some((a) => a.usd === null) ? null : sum((a) => a.usd ?? 0),
  };
}

/** The answer that the output of an agent's step is; null for what is none. */
export function answerOf(output: unknown): Answer | null {
  const turns = conversationOf(output);
  if (turns === null || !isObject(output)) return null;
  const usage = isObject(output["usage"]) ? output["usage"] : {};
  const model = isObject(output["model"]) ? output["model"]["name"] : output["model"];
  const ended = output["finish_reason"];
  return {
    content: output["response"],
    rounds: turns.filter((turn) => turn.kind === "round"),
    version: numberOf(output["agent_version"]),
    model: typeof model === "string" ? model : null,
    isSimulated: output["mode"] === "simulation",
    warnings: Array.isArray(output["warnings"]) ? output["warnings"].filter((w) => typeof w === "string") : [],
    endedBy: typeof ended === "string" && ended !== "stop" ? ended : null,
    tokensIn: numberOf(usage["tokens_in"]) ?? 0,
    tokensOut: numberOf(usage["tokens_out"]) ?? 0,
    usd: numberOf(usage["cost_usd"]),
    seconds: numberOf(output["execution_time_seconds"]),
  };
}

/** What was said as text: an answer that is JSON as its text. */
export function textOf(content: unknown): string {
  return typeof content === "string" ? content : JSON.stringify(content);
}

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
