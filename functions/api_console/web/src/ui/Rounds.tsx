import { Tree } from "../json/Tree";
import type { Turn } from "../model/agent";
import { duration } from "../model/time";

/** One round of an agent's model: its remark, and the tools that it called. */
export function Round({ turn }: { turn: Extract<Turn, { kind: "round" }> }) {
  return (
    <>
      <strong>round {turn.round}</strong>
      {turn.remarks.map((text, j) => <pre key={j}>{text}</pre>)}
      {turn.calls.map((call, j) => (
        <details key={j} open={call.isError}>
          <summary className={call.isError ? "log-bad" : undefined}>
            {call.isError ? "✕ " : ""}{call.tool} <span className="muted">{duration(call.ms)}{call.isCut ? " · shortened" : ""}</span>
          </summary>
          <Tree value={call.arguments} label="Arguments" />
          {typeof call.result === "string" ? <pre>{call.result}</pre> : <Tree value={call.result} label="Result" />}
        </details>
      ))}
    </>
  );
}

/** What an agent answered: text as it is, JSON as a tree. */
export function Said({ content }: { content: unknown }) {
  return typeof content === "string" ? <pre>{content}</pre> : <Tree value={content} label="Answer" />;
}
