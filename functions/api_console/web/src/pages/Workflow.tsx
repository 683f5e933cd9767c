import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { Tree } from "../json/Tree";
import { flowOf } from "../model/flow";
import { findStep } from "../model/pointer";
import { moment } from "../model/time";
import { href, setQuery, useRoute } from "../routes";
import { Problem } from "../ui/Problem";
import { Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Builds } from "./workflow/Builds";
import { Delete } from "./workflow/Delete";
import { Diff } from "./workflow/Diff";
import { Pause } from "./workflow/Pause";
import { Plan } from "./workflow/Plan";
import { RunDialog } from "./workflow/RunDialog";
import { Versions } from "./workflow/Versions";
import { Tags } from "./Workflows";

const Canvas = lazy(() => import("../graph/Canvas").then((m) => ({ default: m.Canvas })));

const VIEWS = ["graph", "compiled", "steps", "document", "versions", "diff", "builds"] as const;
type Shown = (typeof VIEWS)[number];
const NAMES: Readonly<Record<Shown, string>> = {
  graph: "Graph",
  compiled: "As compiled",
  steps: "Steps",
  document: "Document",
  versions: "Versions",
  diff: "Compare",
  builds: "Builds",
};

type Stored = Schemas["StoredWorkflow"];

export default function Workflow({ id }: { id: string }) {
  const { query } = useRoute();
  const newest = useStored(id, null);
  const asked = numberOf(query.get("version"));
  const old = useStored(id, asked !== null && asked !== newest.data?.version ? asked : null);
  const shown = asked !== null && asked !== newest.data?.version ? old : newest;
  if (!shown.data || !newest.data) {
    const error = shown.error ?? newest.error;
    return error ? <Problem error={error} retry={() => void shown.refetch()} /> : <p className="muted">Loading…</p>;
  }
  const view = VIEWS.find((v) => v === query.get("view")) ?? "graph";
  return (
    <>
      <Head stored={shown.data} newest={newest.data} />
      <Tabs label="Views of the workflow" tabs={VIEWS} shown={view} choose={(each) => setQuery({ view: each === "graph" ? null : each })} nameOf={(each) => NAMES[each]} />
      <Content view={view} stored={shown.data} newest={newest.data.version} query={query} />
    </>
  );
}

function useStored(id: string, version: number | null) {
  return useQuery({
    queryKey: keys.workflows.one(id, version),
    queryFn: ({ signal }) =>
      ask(api.GET("/workflows/{workflow_id}", { params: { path: { workflow_id: id }, query: (version === null ? {} : { version }) }, signal })),
  });
}

function numberOf(text: string | null): number | null {
  const number = Number(text ?? NaN);
  return Number.isInteger(number) && number > 0 ? number : null;
}

function Head({ stored, newest }: { stored: Stored; newest: Stored }) {
  const [isRunning, run] = useState(false);
  const { workflow_id: id, version } = stored;
  const isNewest = version === newest.version;
  return (
    <>
      <div className="row spread">
        <h1>{stored.name}</h1>
        <span className="row">
          <a href={href(["runs"], { workflow_id: id })}>Its runs</a>
          <Pause id={id} isPaused={newest.paused_at !== null} />
          <Delete id={id} name={newest.name} version={newest.version} />
          <a className="button" href={href(["workflows", id, "edit"])}>
            Edit
          </a>
          <button type="button" className="primary" onClick={() => run(true)}>
            Run…
          </button>
        </span>
      </div>
      {newest.paused_at !== null && (
        <p className="banner" role="status">
          Paused since {moment(newest.paused_at)}
          {newest.paused_by ? ` by ${newest.paused_by}` : ""}
          {newest.pause_reason ? `: ${newest.pause_reason}` : "."}
        </p>
      )}
      <div className="row muted">
        <span className="mono">{id}</span>
        <span>version {version}</span>
        {!isNewest && (
          <a href={href(["workflows", id])}>
            the newest is version {newest.version}
          </a>
        )}
        <span>
          saved {moment(stored.updated_at)}
          {stored.created_by ? ` by ${stored.created_by}` : ""}
        </span>
        <span>build {stored.build.number}</span>
        <Tags tags={stored.workflow["tags"]} />
      </div>
      {isRunning && <RunDialog id={id} version={version} schema={stored.workflow["input_schema"] ?? undefined} close={() => run(false)} />}
    </>
  );
}

function Content({ view, stored, newest, query }: { view: Shown; stored: Stored; newest: number; query: URLSearchParams }) {
  const flow = useMemo(() => flowOf(stored.workflow, stored.plan), [stored]);
  const step = query.get("step");
  const select = (to: string | null) => setQuery({ step: to });
  const { workflow_id: id, version } = stored;
  switch (view) {
    case "graph":
    case "compiled":
      return (
        <div className="run">
          <Suspense fallback={<p className="muted">Loading…</p>}>
            <Canvas flow={flow} store={null} view={view === "graph" ? "written" : "compiled"} selected={step} select={select} />
          </Suspense>
          <div className="panel" tabIndex={0} role="region" aria-label={step === null ? "The plan" : `Step ${step}`}>
            {step === null ? <Plan plan={stored.plan} select={select} /> : <StepDocument stored={stored} step={step} close={() => select(null)} />}
          </div>
        </div>
      );
    case "steps":
      return (
        <Table
          label="Steps"
          columns={[
            { title: "Step", width: "minmax(160px,2fr)", cell: ({ id: name }) => <a href={href(["workflows", id], { version: version === newest ? null : version, step: name })}>{name}</a>, tip: (each) => each.id },
            { title: "Type", width: "minmax(120px,1fr)", cell: ({ type }) => type },
            { title: "Inside of", width: "minmax(100px,1fr)", isExtra: true, cell: ({ container }) => container },
            { title: "Waits for", width: "minmax(140px,2fr)", isExtra: true, cell: ({ after }) => after.join(", "), tip: ({ after }) => after.join(", ") },
          ]}
          items={[...flow.steps.values()]}
          keyOf={(each) => each.id}
          above={210}
        />
      );
    case "document":
      return <Tree value={stored.workflow} label={`Document of version ${version}`} />;
    case "versions":
      return <Versions id={id} newest={newest} />;
    case "diff": {
      const to = numberOf(query.get("to")) ?? version;
      return <Diff id={id} newest={newest} from={numberOf(query.get("from")) ?? Math.max(1, to - 1)} to={to} />;
    }
    case "builds":
      return <Builds id={id} version={version} />;
  }
}

function StepDocument({ stored, step, close }: { stored: Stored; step: string; close: () => void }) {
  const found = useMemo(() => findStep(stored.workflow, step), [stored, step]);
  const warnings = found === null ? [] : stored.plan.warnings.filter(({ pointer }) => `${pointer}/`.startsWith(`${found.pointer}/`));
  return (
    <>
      <div className="row spread">
        <h2 style={{ marginTop: 0 }}>{step}</h2>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
      {found === null ? <p>There is no step “{step}” in this version.</p> : <Tree value={found.document} label="As it is written" />}
      {warnings.map(({ code, pointer, detail }) => (
        <p key={code + pointer}>
          <code>{code}</code> {detail}
        </p>
      ))}
    </>
  );
}
