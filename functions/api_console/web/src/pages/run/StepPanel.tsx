import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { api, ask, type Schemas } from "../../api/client";
import { keys } from "../../api/keys";
import { Copy, Tree } from "../../json/Tree";
import type { RunStore } from "../../live/runStore";
import { useCounts, useInner, useStep } from "../../live/useRun";
import { CostFacts } from "../../graph/Costs";
import { Heat } from "../../graph/Heat";
import { Strip } from "../../graph/Strip";
import { conversationOf, type Turn } from "../../model/agent";
import { type PlannedCosts, plannedFor } from "../../model/costs";
import { numbered } from "../../model/places";
import { hasEnded } from "../../model/status";
import { duration, moment } from "../../model/time";
import { href, setQuery } from "../../routes";
import { Advice } from "../../ui/Advice";
import { Decision } from "../../ui/Decision";
import { Problem } from "../../ui/Problem";
import { Round, Said } from "../../ui/Rounds";
import { Status } from "../../ui/Status";
import { Tabs } from "../../ui/Tabs";
import { LinkedOutput } from "./LinkedOutput";
import { Logs } from "./Logs";
import { Subruns } from "./Subruns";

type StepResult = Schemas["StepResult"];
type Attempt = Schemas["Attempt"];

const TABS = ["Output", "Input", "Attempts", "Logs"] as const;
const MOST_READS = 10;
type Tab = (typeof TABS)[number] | "Error" | "Conversation";

interface Shown {
  readonly id: string;
  readonly store: RunStore;
  /** A key of the run, or the id of a step that is inside of another. */
  readonly step: string;
  readonly tab: string | null;
  /** The type of a step, by its id. */
  readonly typeOf: (stepId: string) => string | null;
  /** Null as long as the workflow is not known. */
  readonly isInside: boolean | null;
  readonly plannedCosts: PlannedCosts | null;
}

/** One step of a run, or one part of it. A step that is inside of another has run as often as that says: one of those is shown. */
export function StepPanel({ step, isInside, store, ...others }: Shown) {
  useInner(store, step);
  const places = store.keysOf(step);
  // Results are known by the key of a part: to ask for those of a step that has many would be a mistake.
  if (isInside === null && store.getStep(step) === undefined) return <section className="panel" aria-label={`Step ${step}`}><p className="muted">Loading…</p></section>;
  if (!isInside || store.getStep(step) !== undefined) return <Details key={step} step={step} store={store} {...others} />;
  if (places.length === 1) return <Details key={places[0]} step={places[0] ?? step} store={store} {...others} />;
  return <Places step={step} store={store} places={places} />;
}

function Places({ step, store, places }: { step: string; store: RunStore; places: readonly string[] }) {
  const elements = numbered(places).map(({ key, index }) => ({ key, index, status: store.getStep(key)?.status ?? "pending" }));
  return (
    <section className="panel" aria-label={`Step ${step}`}>
      <div className="row spread">
        <h2 style={{ margin: 0 }}>{step}</h2>
        <span className="row">
          <Status status={store.getStatusOf(step)} />
          <button type="button" className="quiet" aria-label="Close the step" onClick={() => setQuery({ step: null, tab: null })}>
            ✕
          </button>
        </span>
      </div>
      {places.length === 0 ? <p className="muted">It has not run.</p> : <Strip elements={elements} word="time" open={(key) => setQuery({ step: key, tab: null })} />}
    </section>
  );
}

function Details({ id, store, step, tab, typeOf, plannedCosts }: Omit<Shown, "isInside">) {
  const live = useStep(store, step);
  const status = live?.status ?? "pending";
  const type = typeOf(live?.stepId ?? step);
  const details = useQuery({
    queryKey: [...keys.runs.results(id, "inputs,attempts"), step, status, live?.attempts.length ?? 0],
    queryFn: async ({ signal }) => {
      const query = { steps: step, include: "inputs,attempts", limit: 1 };
      const found = await ask(api.GET("/executions/{execution_id}/results", { params: { path: { execution_id: id }, query }, signal }));
      return found.step_results[step] ?? null;
    },
    placeholderData: (before) => before,
    // The stream may tell the end of a step before its result can be read.
    refetchInterval: (q) => (q.state.data === null && hasEnded(status) && q.state.dataUpdateCount < MOST_READS ? 2_000 : false),
  });
  const result = details.data ?? null;
  const conversation = useMemo(() => conversationOf(result?.output_data), [result]);
  const tabs: Tab[] = [...(result?.error_message || result?.error_type ? (["Error"] as const) : []), ...TABS, ...(conversation ? (["Conversation"] as const) : [])];
  const shown: Tab = tabs.find((t) => t === tab) ?? tabs[0] ?? "Output";
  return (
    <section className="panel" aria-label={`Step ${step}`}>
      <div className="row spread">
        <h2 style={{ margin: 0 }}>
          {step} <Copy text={() => step} what="the step's key" mark="copy" />
        </h2>
        <span className="row">
          <Status status={live?.status ?? result?.status ?? status} />
          <button type="button" className="quiet" aria-label="Close the step" onClick={() => setQuery({ step: null, tab: null })}>
            ✕
          </button>
        </span>
      </div>
      <Parts store={store} step={step} word={type === "loop" ? "turn" : "element"} />
      {status === "waiting" && live?.waitingFor === "decision" && <Decide id={id} step={step} stepId={live.stepId} />}
      <dl className="facts">
        {live?.waitingFor && <><dt>Waits for</dt><dd>{live.waitingFor}</dd></>}
        <dt>Started</dt><dd>{moment(result?.started_at ?? live?.startedAt, { millis: true })}</dd>
        <dt>Took</dt><dd>{duration(result?.execution_time_ms ?? live?.durationMs)}</dd>
        {(result?.retry_count ?? 0) > 0 && <><dt>Retries</dt><dd>{result?.retry_count}</dd></>}
        {result?.usage && <><dt>Tokens</dt><dd>{result.usage.tokens_in} in, {result.usage.tokens_out} out</dd></>}
        {result?.usage && <><dt>Models</dt><dd>{result.usage.cost_usd === null ? "price not known" : `$${result.usage.cost_usd.toFixed(6)}`}</dd></>}
        {result?.cost_usd && <CostFacts spent={result.cost_usd} planned={plannedCosts && plannedFor(step, store.costs.own.keys(), plannedCosts)} parts={store.elementsOf(step).length} reason={result.cost_usd.reason} />}
        {type === "subflow" && <><dt>Its runs</dt><dd><a href={href(["runs"], { parent_id: id })}>those that this run has started</a></dd></>}
        {live?.isReused && <><dt>Taken from</dt><dd>the run that this one repeats</dd></>}
      </dl>
      {type === "subflow" && <Subruns id={id} step={step} status={status} />}
      <Problem error={details.error} retry={() => void details.refetch()} />
      <Tabs label="About the step" tabs={tabs} shown={shown} choose={(each) => setQuery({ tab: each })} />
      <div role="tabpanel" aria-label={shown}>
        {shown === "Error" && result && <Failure result={result} />}
        {shown === "Output" && result && <Output id={id} step={step} result={result} />}
        {shown === "Input" && result && <Inputs result={result} />}
        {shown === "Attempts" && <Attempts attempts={result?.attempts ?? null} />}
        {shown === "Logs" && <Logs id={id} step={step} isOver={live?.endedAt !== null && live?.endedAt !== undefined} />}
        {shown === "Conversation" && conversation && <Conversation turns={conversation} />}
      </div>
    </section>
  );
}

function Parts({ store, step, word }: { store: RunStore; step: string; word: string }) {
  const counts = useCounts(store, step);
  const elements = useMemo(() => store.elementsOf(step), [store, step, counts]);
  if (elements.length === 0) return null;
  return (
    <div>
      <Heat store={store} id={step} />
      <Strip elements={elements} word={word} open={(key) => setQuery({ step: store.insideOf(key), tab: null })} />
    </div>
  );
}

function Failure({ result }: { result: StepResult }) {
  const trace = result.attempts?.at(-1)?.stack_trace ?? null;
  return (
    <>
      <div className="problem">
        <strong>{result.error_type}</strong>
        <pre>{result.error_message}</pre>
        <Advice advice={result.advice} open />
      </div>
      {trace && trace.length > 0 && (
        <>
          <div className="row spread">
            <strong>Stack trace</strong>
            <Copy text={() => trace.join("\n")} what="the stack trace" />
          </div>
          <pre className="tree" tabIndex={0} role="group" aria-label="Stack trace">
            {trace.join("\n")}
          </pre>
        </>
      )}
    </>
  );
}

function Output({ id, step, result }: { id: string; step: string; result: StepResult }) {
  if (result.output_link) {
    const path = `/executions/${encodeURIComponent(id)}/steps/${encodeURIComponent(step)}/output`;
    return <LinkedOutput link={result.output_link} path={path} madeAt={result.completed_at} root={step} label="Output" />;
  }
  return <Tree value={result.output_data} root={step} label="Output" />;
}

function Inputs({ result }: { result: StepResult }) {
  if (result.input_link) return <p>What the step received has {result.input_link.bytes.toLocaleString("en")} bytes.</p>;
  if (result.input_data === null && (result.config === null || result.config === undefined)) {
    return <p className="muted">This step is computed by the machine itself, which records no input.</p>;
  }
  return (
    <>
      <Tree value={result.input_data} label="Input" />
      {result.config !== null && result.config !== undefined && <Tree value={result.config} label="Configuration" />}
    </>
  );
}

function Attempts({ attempts }: { attempts: readonly Attempt[] | null }) {
  if (attempts === null) return <p className="muted">This step is computed by the machine itself, in one attempt.</p>;
  return (
    <table>
      <thead>
        <tr><th>Attempt</th><th>Status</th><th>Started</th><th>Took</th><th>Error</th></tr>
      </thead>
      <tbody>
        {attempts.map((a) => (
          <tr key={a.attempt}>
            <td>{a.attempt}</td>
            <td><Status status={a.status} /></td>
            <td>{moment(a.started_at ?? a.scheduled_at, { millis: true })}</td>
            <td>{duration(a.execution_time_ms)}</td>
            <td>{[a.error_type, a.error_message].filter(Boolean).join(": ")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** An approval is decided where it is seen. */
function Decide({ id, step, stepId }: { id: string; step: string; stepId: string }) {
  const open = useQuery({
    queryKey: [...keys.approvals, id],
    queryFn: ({ signal }) => ask(api.GET("/approvals", { params: { query: { execution_id: id, limit: 100 } }, signal })),
  });
  const asked = open.data?.items.find((a) => a.place === step);
  return (
    <div className="card">
      {asked && <strong>{asked.prompt}</strong>}
      <Decision asked={asked ?? { execution_id: id, step_id: stepId, place: step }} />
    </div>
  );
}

function Conversation({ turns }: { turns: readonly Turn[] }) {
  return (
    <ol className="turns">
      {turns.map((turn, i) => (
        <li key={i}>
          {turn.kind === "asked" && <><strong>asked</strong><pre>{turn.text}</pre></>}
          {turn.kind === "answered" && <><strong>answered</strong><Said content={turn.content} /></>}
          {turn.kind === "round" && <Round turn={turn} />}
        </li>
      ))}
    </ol>
  );
}
