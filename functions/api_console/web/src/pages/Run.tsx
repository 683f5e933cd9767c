import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";

import { api, ask, errorOf, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { ApiProblem } from "../api/problem";
import { CostLegend } from "../graph/Costs";
import type { View } from "../graph/useLayout";
import { Tree } from "../json/Tree";
import { type CostBook, useCostBook, useCosts } from "../live/costBook";
import { type LiveRun, useEverything, useLiveRun, useRunState } from "../live/useRun";
import { exactUsd, type PlannedCosts, type StepCost, VERDICTS } from "../model/costs";
import { type Flow, flowOf } from "../model/flow";
import { hasEnded, hasFailed } from "../model/status";
import { between, duration, moment } from "../model/time";
import { BY_NUMBER } from "../model/timeline";
import { href, setQuery, useRoute } from "../routes";
import { Advice } from "../ui/Advice";
import { Problem } from "../ui/Problem";
import { Status } from "../ui/Status";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Actions } from "./run/Actions";
import { LinkedOutput } from "./run/LinkedOutput";
import { Logs } from "./run/Logs";
import { useStepFilter } from "./run/StepFilter";
import { StepPanel } from "./run/StepPanel";

const Canvas = lazy(() => import("../graph/Canvas").then((m) => ({ default: m.Canvas })));
const Gantt = lazy(() => import("../gantt/Gantt").then((m) => ({ default: m.Gantt })));

const VIEWS = ["graph", "compiled", "timeline", "steps", "logs", "output"] as const;
type Shown = (typeof VIEWS)[number];
const NAMES: Readonly<Record<Shown, string>> = {
  graph: "Graph",
  compiled: "As compiled",
  timeline: "Timeline",
  steps: "Steps",
  logs: "Logs",
  output: "Output",
};

export default function Run({ id }: { id: string }) {
  const { query } = useRoute();
  const [generation, again] = useState(0);
  const live = useLiveRun(id, generation);
  const execution = useQuery({
    queryKey: keys.runs.one(id),
    queryFn: ({ signal }) => ask(api.GET("/executions/{execution_id}", { params: { path: { execution_id: id } }, signal })),
    // The stream tells what happens; this is for what it does not tell, and for when it is away.
    refetchInterval: (q) => (hasEnded(q.state.data?.status ?? "") ? false : 5_000),
  });
  const executed = useQuery({
    queryKey: keys.runs.workflow(id),
    staleTime: Infinity,
    queryFn: ({ signal }) => ask(api.GET("/executions/{execution_id}/workflow", { params: { path: { execution_id: id } }, signal })),
  });
  const flow = useMemo(
    () => (executed.data ? flowOf(executed.data.workflow, executed.data.plan) : null),
    [executed.data],
  );
  const step = query.get("step");
  const view = VIEWS.find((v) => v === query.get("view")) ?? "graph";
  if (execution.data === undefined) {
    return execution.error ? <Problem error={execution.error} retry={() => void execution.refetch()} /> : <p className="muted">Loading…</p>;
  }
  return (
    <>
      <Head run={execution.data} planned={plannedUsd(executed.data?.plan)} live={live} step={step} again={() => again((n) => n + 1)} reread={() => void execution.refetch()} />
      <Tabs label="Views of the run" tabs={VIEWS} shown={view} choose={(each) => setQuery({ view: each === "graph" ? null : each })} nameOf={(each) => NAMES[each]} />
      {/* It was there, and may have been deleted since; a server that is away is told above. */}
      {execution.error instanceof ApiProblem && <Problem error={execution.error} retry={() => void execution.refetch()} />}
      <Problem error={executed.error} />
      <div className={["run", step === null ? "alone" : "", view === "output" ? "" : "fills"].join(" ")}>
        <div className="view">
          <Suspense fallback={<p className="muted">Loading…</p>}>
            <Content view={view} id={id} flow={flow} live={live} step={step} status={execution.data.status} planned={query.get("planned") === "yes"} plannedCosts={executed.data?.plan.step_costs_usd ?? null} isCost={query.get("cost") === "yes"} />
          </Suspense>
        </div>
        {step !== null && <StepPanel key={step} id={id} store={live.store} step={step} tab={query.get("tab")} typeOf={(stepId) => flow?.steps.get(stepId)?.type ?? null} isInside={flow && flow.steps.get(step)?.container != null} plannedCosts={executed.data?.plan.step_costs_usd ?? null} />}
      </div>
    </>
  );
}

function Content({ view, id, flow, live, step, status, planned, plannedCosts, isCost }: { planned: boolean; plannedCosts: PlannedCosts | null; isCost: boolean; view: Shown; id: string; flow: Flow | null; live: LiveRun; step: string | null; status: string }) {
  const select = (to: string | null) => setQuery({ step: to, tab: null });
  const isGraph = view === "graph" || view === "compiled";
  const known = useMemo(() => (flow ? [...flow.steps.keys()] : null), [flow]);
  const book = useCostBook(live.store, plannedCosts, (isGraph && isCost) || view === "steps" ? known : null);
  const costs = isGraph ? book : null;
  switch (view) {
    case "graph":
    case "compiled": {
      const drawn: View = view === "graph" ? "written" : "compiled";
      if (!flow) return <p className="muted">Loading…</p>;
      return (
        <>
          <div className="row">
            <label>
              <input type="checkbox" checked={planned && !isCost} onChange={(e) => setQuery({ planned: e.target.checked ? "yes" : null, cost: null })} /> planned against real, with slack
            </label>
            <label>
              <input type="checkbox" checked={isCost} onChange={(e) => setQuery({ cost: e.target.checked ? "yes" : null, planned: null })} /> cost: planned against spent
            </label>
          </div>
          {costs && <CostLegend book={costs} own={[...flow.steps.values()].filter((s) => s.container === null).map((s) => s.id)} store={live.store} />}
          <Canvas flow={flow} store={live.store} view={drawn} selected={step} select={select} planned={planned} costs={costs} />
        </>
      );
    }
    case "timeline":
      return <Gantt flow={flow} store={live.store} selected={step} select={select} />;
    case "steps":
      return <Steps flow={flow} live={live} step={step} book={book} />;
    case "logs":
      return <Logs id={id} step={null} isOver={hasEnded(status)} />;
    case "output":
      return <Output id={id} status={status} />;
  }
}

function Head({ run, planned, live, step, again, reread }: { run: Schemas["ExecutionProgress"]; planned: number | null; live: LiveRun; step: string | null; again: () => void; reread: () => void }) {
  const state = useRunState(live.store);
  const status = hasEnded(run.status) && state.redrives <= run.redrive_count && live.stream !== "open" ? run.status : state.status === "pending" ? run.status : state.status;
  const isOver = hasEnded(status);
  // The end is told by the stream first; the record, with the output and the cost, is read then.
  const ended = useRef(isOver);
  useEffect(() => {
    if (isOver && !ended.current) reread();
    ended.current = isOver;
  }, [isOver, reread]);
  const results = useResults(run.execution_id, status, isOver);
  const error = errorOf(run) ?? results.data?.error ?? null;
  const failed = placeOf(error?.step_id ?? null, results.data?.failed_steps ?? []);
  useFailedStep(hasFailed(status) && results.data !== undefined, failed, live);
  const cost = results.data?.cost_usd ?? null;
  return (
    <>
      <div className="row spread">
        <h1>
          <a href={href(["workflows", run.workflow_id], { version: run.workflow_version })}>{run.workflow_name}</a> <Status status={status} />
        </h1>
        <Actions id={run.execution_id} status={status} step={step} again={again} />
      </div>
      {live.stream === "lost" && !isOver && <p className="banner" role="status">The connection is lost. It comes back by itself; what you see may be old.</p>}
      <div className="row muted">
        <span className="mono">{run.execution_id}</span>
        <span>started {moment(run.started_at)}</span>
        <span>
          {isOver ? "took" : "for"} <Took from={run.started_at} to={isOver ? (run.completed_at ?? state.endedAt) : null} />
        </span>
        {cost && <Cost spent={cost} planned={planned} />}
        {run.redrive_count > 0 && <span>redriven {run.redrive_count === 1 ? "once" : `${run.redrive_count} times`}</span>}
        {run.rerun_of && <a href={href(["runs", run.rerun_of])}>repeats another run{run.rerun_from_step ? ` from ${run.rerun_from_step}` : ""}</a>}
        {run.parent_execution_id && <a href={href(["runs", run.parent_execution_id])}>part of another run</a>}
      </div>
      {error && isOver && (
        <div className="problem" style={{ marginTop: 8 }}>
          <strong>
            {error.step_id ? <a href={href(["runs", run.execution_id], { step: failed })}>{error.step_id}</a> : "The run"} failed: {error.type}
          </strong>
          <pre>{error.message}</pre>
          <Advice advice={error.advice} open={step === null} />
        </div>
      )}
    </>
  );
}

/** What AWS takes for the states of one run, as planned. */
function plannedUsd(plan: Schemas["Plan"] | undefined): number | null {
  const of1000 = plan?.cost_usd_per_1000_runs?.transitions ?? null;
  return of1000 === null ? null : of1000 / 1000;
}

function Cost({ spent, planned }: { spent: Schemas["CostUsd"]; planned: number | null }) {
  const total = spent.total === null ? "cost not known" : `cost $${spent.total.toFixed(6)}`;
  const parts = [
    `states $${spent.transitions.toFixed(6)}${planned === null ? "" : `, planned $${planned.toFixed(6)}`}`,
    spent.models === null ? "models: a price is not known" : spent.models > 0 ? `models $${spent.models.toFixed(6)}` : "",
    spent.functions ? `Lambda besides about $${spent.functions.toFixed(6)}` : "",
  ];
  return <span>{total} ({parts.filter(Boolean).join("; ")})</span>;
}

/** Where the step ran that failed: of a step inside of a list the element, by the longest key that ends with its id. */
function placeOf(stepId: string | null, failed: readonly string[]): string | null {
  const places = failed.filter((key) => stepId === null || key === stepId || key.endsWith(`.${stepId}`));
  return places.reduce<string | null>((longest, key) => (longest === null || key.length > longest.length ? key : longest), null) ?? stepId;
}

/** A run that has failed opens on the step that failed, once; one that took too long on what it was at. */
function useFailedStep(isFailed: boolean, failed: string | null, { store, stream }: LiveRun): void {
  const { query } = useRoute();
  const done = useRef(false);
  const isTold = stream === "ended";
  useEffect(() => {
    const step = failed ?? (isTold ? store.cutOff() : null);
    if (!isFailed || step === null || done.current) return;
    done.current = true;
    if (!query.has("step") && !query.has("view")) setQuery({ step });
  }, [isFailed, failed, isTold, store, query]);
}

function Took({ from, to }: { from: string; to: string | null | undefined }) {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    if (to) return undefined;
    const timer = setInterval(() => set(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [to]);
  return <>{duration(between(from, to, now))}</>;
}

/** The steps as a list: the accessible twin of the graph. */
function Steps({ flow, live, step, book }: { flow: Flow | null; live: LiveRun; step: string | null; book: CostBook | null }) {
  const version = useEverything(live.store);
  const isOver = hasEnded(live.store.getRun().status);
  const costs = useCosts(book);
  const known = flow ? [...flow.steps.keys()] : [];
  const parts = [...live.store.keys()].filter((key) => !flow?.steps.has(key));
  // While a run goes on its parts stand as they have begun: to sort ten thousand at each change would take all the time.
  const sorted = useMemo(() => (isOver ? parts.toSorted(BY_NUMBER.compare) : null), [isOver && version, live.store, flow]);
  const further = sorted ?? parts;
  const columns: readonly Column<string>[] = [
    {
      title: "Step",
      width: "minmax(180px,2fr)",
      cell: (key) => (
        <span style={{ paddingLeft: 14 * depthOf(flow, key) }}>
          <button type="button" className="quiet" onClick={() => setQuery({ step: key, tab: null })}>{key}</button>
        </span>
      ),
      tip: (key) => key,
    },
    { title: "Status", width: "110px", cell: (key) => <Status status={live.store.getStatusOf(key)} /> },
    { title: "Took", width: "90px", cell: (key) => duration(live.store.getStep(key)?.durationMs) },
    { title: "Attempts", width: "80px", isExtra: true, cell: (key) => live.store.getStep(key)?.attempts.length || "" },
    { title: "Planned", width: "90px", isExtra: true, cell: (key) => exactOf(costs.get(key)?.planned), tip: (key) => exactOf(costs.get(key)?.planned) },
    { title: "Spent", width: "minmax(110px,1.2fr)", isExtra: true, cell: (key) => spentOf(costs.get(key)), tip: (key) => spentOf(costs.get(key)) },
    { title: "Waits for", width: "minmax(100px,1fr)", isExtra: true, cell: (key) => flow?.steps.get(key)?.after.join(", "), tip: (key) => flow?.steps.get(key)?.after.join(", ") },
  ];
  const [found, form] = useStepFilter([...known, ...further], live.store);
  return (
    <>
      {form}
      <Table label="Steps" columns={columns} items={found} keyOf={(key) => key} isCurrent={(key) => key === step} />
    </>
  );
}

function exactOf(amount: number | null | undefined): string {
  return amount === null || amount === undefined ? "" : exactUsd(amount);
}

function spentOf(cost: StepCost | undefined): string {
  return cost?.spent ? `${VERDICTS[cost.verdict].mark} ${exactUsd(cost.spent.total)} ${VERDICTS[cost.verdict].word}` : "";
}

function depthOf(flow: Flow | null, key: string): number {
  let [depth, id] = [0, flow?.steps.get(key)?.container ?? null];
  while (id !== null) {
    depth += 1;
    id = flow?.steps.get(id)?.container ?? null;
  }
  return depth;
}

function Output({ id, status }: { id: string; status: string }) {
  const results = useResults(id, status, true);
  if (!results.data) return <Problem error={results.error} retry={() => void results.refetch()} />;
  const { output_link: link, output } = results.data;
  if (link) return <LinkedOutput link={link} path={`/executions/${encodeURIComponent(id)}/output`} madeAt={results.data.completed_at} label="Output of the run" />;
  return <Tree value={output} label="Output of the run" />;
}

/** What a run has come to, as long as it has this status. */
function useResults(id: string, status: string, enabled: boolean) {
  return useQuery({
    queryKey: [...keys.runs.results(id), status],
    enabled,
    queryFn: ({ signal }) => ask(api.GET("/executions/{execution_id}/results", { params: { path: { execution_id: id }, query: { limit: 1 } }, signal })),
  });
}
