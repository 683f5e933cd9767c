import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState, useSyncExternalStore } from "react";

import { ApiProblem } from "../api/problem";
import { chatWith } from "../live/agentChats";
import { type Answer, type Exchange, historyOf, sumOf } from "../model/chat";
import { dollars } from "../model/figures";
import { duration } from "../model/time";
import { href } from "../routes";
import { Advice } from "../ui/Advice";
import { Problem } from "../ui/Problem";
import { Round, Said } from "../ui/Rounds";

/** A conversation with a stored agent, to try it: each question is a run, and is sent with what was said before. */
export function AgentChat({ id, version }: { id: string; version: number | null }) {
  const chat = chatWith(id);
  const { exchanges, draft, problem, isLost } = useSyncExternalStore(chat.subscribe, chat.getState);
  const field = useRef<HTMLTextAreaElement>(null);
  const wrong = useId();
  const last = exchanges.at(-1);
  const isAsking = last?.state === "asking";
  const { left } = historyOf(exchanges);
  const ask = () => {
    void chat.ask(version);
    field.current?.focus();
  };
  const pressed = (event: KeyboardEvent) => {
    // A key that ends the choice of a character in Chinese or Japanese sends nothing.
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      ask();
    } else if (event.key === "Escape" && isAsking) {
      void chat.stop();
    }
  };
  const isOfField = problem instanceof ApiProblem && problem.at("/query") !== undefined;
  return (
    <section aria-label="Conversation with the agent">
      <div className="row spread">
        <h2>Try it</h2>
        <span className="row">
          <Sum exchanges={exchanges} />
          <button type="button" disabled={exchanges.length === 0 || isAsking} onClick={() => { chat.clear(); field.current?.focus(); }}>
            Clear
          </button>
        </span>
      </div>
      <Log exchanges={exchanges} />
      {isLost && <p className="banner" role="status">The connection is lost. It comes back by itself, and so does the answer.</p>}
      {left > 0 && <p className="muted">The conversation is longer than one question may bring along: its first {left} answers are not sent any more.</p>}
      <form onSubmit={(event) => { event.preventDefault(); ask(); }} aria-label="Ask the agent">
        <textarea
          ref={field}
          aria-label="Question"
          aria-invalid={isOfField || undefined}
          aria-describedby={problem ? wrong : undefined}
          value={draft}
          rows={3}
          placeholder="Enter sends, Shift+Enter begins a new line"
          onChange={(event) => chat.write(event.target.value)}
          onKeyDown={pressed}
        />
        <div id={wrong}><Problem error={problem} /></div>
        <div className="row">
          <button type="submit" className="primary" disabled={isAsking || !draft.trim()}>Ask</button>
          {isAsking && <button type="button" onClick={() => { void chat.stop(); field.current?.focus(); }}>Stop</button>}
        </div>
      </form>
    </section>
  );
}

/** What was said, the newest at its end, which stays in sight. A screen reader reads what is added. */
function Log({ exchanges }: { exchanges: readonly Exchange[] }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [exchanges]);
  if (exchanges.length === 0) return null;
  return (
    <div ref={box} role="log" aria-label="Conversation" className="chat" tabIndex={0}>
      {exchanges.map((exchange) => <One key={exchange.number} exchange={exchange} />)}
    </div>
  );
}

function One({ exchange }: { exchange: Exchange }) {
  const run = exchange.run !== null && <a href={href(["runs", exchange.run], { step: "agent" })}>its run</a>;
  return (
    <article aria-label={`Question ${exchange.number}`}>
      <div className="asked"><pre>{exchange.question}</pre></div>
      <div className="answered">
        {exchange.state === "asking" && <p className="muted">The agent is at work<Elapsed since={exchange.askedAt} /> {run}</p>}
        {exchange.state === "stopped" && <p className="muted">Stopped: this question is not sent on. {run}</p>}
        {exchange.state === "failed" && (
          <div className="problem">
            <strong>{exchange.failure.type}</strong>
            <pre>{exchange.failure.message}</pre>
            <Advice advice={exchange.failure.advice} open />
            <p>This question is not sent on with the next. {run}</p>
          </div>
        )}
        {exchange.state === "answered" && <Answered answer={exchange.answer} run={run} />}
      </div>
    </article>
  );
}

function Answered({ answer, run }: { answer: Answer; run: ReactNode }) {
  return (
    <>
      {answer.rounds.map((turn) => turn.kind === "round" && <div key={turn.round}><Round turn={turn} /></div>)}
      <Said content={answer.content} />
      {answer.endedBy !== null && <p className="log-bad">The answer was ended by {answer.endedBy.replaceAll("_", " ")}.</p>}
      <p className="muted">
        {[
          answer.version === null ? null : `version ${answer.version}`,
          answer.isSimulated ? "simulated" : answer.model,
          `${answer.tokensIn} tokens in, ${answer.tokensOut} out`,
          answer.usd === null ? "price not known" : dollars(answer.usd),
          answer.seconds === null ? null : duration(answer.seconds * 1000),
        ].filter(Boolean).join(" · ")}{" "}
        · {run}
      </p>
      {answer.warnings.length > 0 && (
        <details>
          <summary>{answer.warnings.length === 1 ? "1 warning" : `${answer.warnings.length} warnings`}</summary>
          <ul>{answer.warnings.map((warning, i) => <li key={i}>{warning}</li>)}</ul>
        </details>
      )}
    </>
  );
}

function Sum({ exchanges }: { exchanges: readonly Exchange[] }) {
  const { answers, tokensIn, tokensOut, usd } = sumOf(exchanges);
  if (answers === 0) return null;
  return (
    <span className="muted" aria-label="Sum of the conversation">
      {answers} {answers === 1 ? "answer" : "answers"} · {tokensIn} tokens in, {tokensOut} out · {usd === null ? "price not known" : dollars(usd)}
    </span>
  );
}

/** How long it has been, each second; read to nobody, who would hear nothing else. */
function Elapsed({ since }: { since: number }) {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <span aria-hidden="true">, {Math.max(0, Math.round((now - since) / 1000))} s</span>;
}
