/** The conversations of this tab, by agent, over the API. */

import { api, ask } from "../api/client";
import { ApiProblem } from "../api/problem";
import { answerOf, type Outcome } from "../model/chat";
import { type Agent, Chat, type Question } from "./chat";

/** The longest that one request waits for the end of a run. */
const WAIT_SECONDS = 20;
/** The step of the run that `POST /agents/{agent_id}/execute` makes. */
const STEP = "agent";

const chats = new Map<string, Chat>();

export function chatWith(agentId: string): Chat {
  const known = chats.get(agentId) ?? new Chat(agentOf(agentId), isFinal);
  chats.set(agentId, known);
  return known;
}

function isFinal(error: unknown): boolean {
  return error instanceof ApiProblem && error.status >= 400 && error.status < 500 && error.status !== 429 && error.status !== 408;
}

function agentOf(agentId: string): Agent {
  return {
    start: async (question: Question, key: string) => {
      const { conversation_history: history, ...rest } = question;
      const body = { ...rest, ...(history ? { conversation_history: history.map((message) => ({ ...message })) } : {}) };
      const params = { path: { agent_id: agentId }, header: { "Idempotency-Key": key } };
      return (await ask(api.POST("/agents/{agent_id}/execute", { params, body }))).execution_id;
    },
    look,
    cancel: async (run: string) => {
      const body = { cause: "Stopped in the conversation with the agent." };
      try {
        await ask(api.POST("/executions/{execution_id}/cancel", { params: { path: { execution_id: run } }, body }));
      } catch (error) {
        // It has ended meanwhile: there is an answer, which is shown.
        if (!(error instanceof ApiProblem && error.status === 409)) throw error;
      }
    },
  };
}

async function look(run: string, signal: AbortSignal): Promise<Outcome> {
  const params = { path: { execution_id: run }, query: { wait: WAIT_SECONDS, steps: STEP } };
  const found = await ask(api.GET("/executions/{execution_id}/results", { params, signal }));
  switch (found.status) {
    case "completed": {
      const answer = answerOf(found.step_results[STEP]?.output_data);
      if (answer !== null) return { state: "answered", answer };
      return { state: "failed", failure: { type: "There is no answer to show", message: "It is larger than a page shows. Look at the run." } };
    }
    case "cancelled":
      return { state: "stopped" };
    case "failed":
    case "timed_out": {
      const { type, message, advice } = found.error ?? { type: found.status, message: "The run tells no more." };
      return { state: "failed", failure: { type, message, ...(advice ? { advice } : {}) } };
    }
    default:
      return { state: "asking" };
  }
}
