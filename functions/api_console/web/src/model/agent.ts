/** What an agent said and did, in the order in which it happened, from the output of its step. Pure. */

export interface ToolCall {
  readonly tool: string;
  readonly arguments: unknown;
  readonly result: unknown;
  readonly isError: boolean;
  readonly isCut: boolean;
  readonly ms: number | null;
}

/** What was asked, each round of the model with its remark and the tools that it called, and the answer. */
export type Turn =
  | { readonly kind: "asked"; readonly text: string }
  | { readonly kind: "round"; readonly round: number; readonly remarks: readonly string[]; readonly calls: readonly ToolCall[] }
  | { readonly kind: "answered"; readonly content: unknown };

/** Null for an output that is none of an agent. Its remarks are the last ones: those of the rounds before them are not kept. */
export function conversationOf(output: unknown): readonly Turn[] | null {
  if (!isObject(output) || !Array.isArray(output["tool_calls_trace"]) || !("response" in output)) return null;
  const turns: Turn[] = [];
  if (typeof output["query"] === "string" && output["query"]) turns.push({ kind: "asked", text: output["query"] });
  const rounds = new Map<number, { remarks: string[]; calls: ToolCall[] }>();
  const of = (iteration: unknown): { remarks: string[]; calls: ToolCall[] } => {
    const number = typeof iteration === "number" ? iteration : 0;
    const known = rounds.get(number) ?? { remarks: [], calls: [] };
    rounds.set(number, known);
    return known;
  };
  for (const call of output["tool_calls_trace"].filter(isObject)) {
    of(call["iteration"]).calls.push({
      tool: String(call["tool"]),
      arguments: call["arguments"],
      result: call["result"],
      isError: call["is_error"] === true,
      isCut: call["truncated"] === true,
      ms: typeof call["duration_ms"] === "number" ? call["duration_ms"] : null,
    });
  }
  for (const remark of (Array.isArray(output["remarks"]) ? output["remarks"] : []).filter(isObject)) {
    if (typeof remark["text"] === "string") of(remark["iteration"]).remarks.push(remark["text"]);
  }
  for (const [round, { remarks, calls }] of [...rounds].sort(([a], [b]) => a - b)) turns.push({ kind: "round", round, remarks, calls });
  turns.push({ kind: "answered", content: output["response"] });
  return turns;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
