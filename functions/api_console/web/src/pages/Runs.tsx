import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";

import { api, ask, errorOf, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { hasEnded } from "../model/status";
import { between, duration, moment } from "../model/time";
import { href, setQuery, useRoute } from "../routes";
import { Status } from "../ui/Status";
import { type Column, PagedTable } from "../ui/Table";
import { TextFilter } from "../ui/TextFilter";

type Summary = Schemas["ExecutionSummary"];

const LIVE_MS = 2_000;
const STATUSES = ["running", "waiting", "completed", "failed", "timed_out", "cancelled"];
/** The filters of the API, as they stand in the address too. */
const TEXTS: readonly (readonly [string, string])[] = [
  ["workflow_id", "Workflow"],
  ["tag", "Tag"],
  ["user_id", "User"],
  ["session_id", "Session"],
  ["correlation_id", "Correlation id"],
  ["parent_id", "Parent run"],
  ["error", "Text of the error"],
];
const COLUMNS: readonly Column<Summary>[] = [
  { title: "Status", width: "minmax(90px,110px)", cell: (run) => <Status status={run.status} /> },
  { title: "Workflow", width: "minmax(140px,2fr)", cell: (run) => <a href={href(["workflows", run.workflow_id], { version: run.workflow_version })}>{run.workflow_name}</a>, tip: (run) => run.workflow_name },
  { title: "Run", width: "minmax(120px,1fr)", isMono: true, cell: (run) => <a href={href(["runs", run.execution_id])}>{run.execution_id}</a> },
  { title: "Started", width: "minmax(150px,170px)", isExtra: true, cell: (run) => moment(run.started_at) },
  { title: "Took", width: "minmax(70px,90px)", isExtra: true, cell: (run) => (hasEnded(run.status) ? duration(between(run.started_at, run.completed_at)) : <Clock since={run.started_at} />) },
  { title: "Error and tags", width: "minmax(120px,2fr)", isExtra: true, cell: told, tip: told },
];

export default function Runs() {
  const { query } = useRoute();
  const filters = useMemo(() => chosen(query), [query.toString()]);
  const runs = useInfiniteQuery({
    queryKey: keys.runs.list(filters),
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET("/executions", { params: { query: { ...filters, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // Pages behind the first one are read when they are scrolled to; of a long list the newest runs alone are asked for anew.
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) <= 1 ? LIVE_MS : false),
  });
  const isLong = (runs.data?.pages.length ?? 0) > 1;
  const newest = useQuery({
    queryKey: [...keys.runs.list(filters), "newest"],
    enabled: isLong,
    refetchInterval: LIVE_MS,
    queryFn: ({ signal }) => ask(api.GET("/executions", { params: { query: { ...filters, limit: 100 } }, signal })),
  });
  const items = useMemo(
    () => unique([...((isLong && newest.data?.items) || []), ...(runs.data?.pages.flatMap((page) => page.items) ?? [])]),
    [runs.data, newest.data, isLong],
  );
  return (
    <>
      <div className="row spread">
        <h1>Runs</h1>
        <Counts filters={filters} />
      </div>
      <Filters query={query} />
      <PagedTable
        label="Runs"
        columns={COLUMNS}
        items={items}
        keyOf={(run) => run.execution_id}
        above={190}
        list={runs}
        empty={Object.keys(filters).length ? "No run fits these filters." : "Nothing has run yet."}
      />
    </>
  );
}

function chosen(query: URLSearchParams): Record<string, string> {
  const known = new Set(["status", "has_failures", "from", "to", ...TEXTS.map(([name]) => name)]);
  return Object.fromEntries([...query].filter(([name, value]) => known.has(name) && value !== ""));
}

/** Each run once, as it was told first: what was read anew stands in front. */
function unique(items: readonly Summary[]): Summary[] {
  const found = new Map<string, Summary>();
  for (const item of items) if (!found.has(item.execution_id)) found.set(item.execution_id, item);
  return [...found.values()];
}

function Filters({ query }: { query: URLSearchParams }) {
  const [isOpen, open] = useState(TEXTS.some(([name]) => query.has(name)) || query.has("from") || query.has("to"));
  return (
    <form className="row" role="search" aria-label="Filters" onSubmit={(e) => e.preventDefault()} style={{ margin: "12px 0" }}>
      <label>
        Status{" "}
        <select value={query.get("status") ?? ""} onChange={(e) => setQuery({ status: e.target.value })}>
          <option value="">any</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {status.replace("_", " ")}
            </option>
          ))}
        </select>
      </label>
      <label>
        <input
          type="checkbox"
          checked={query.get("has_failures") === "true"}
          onChange={(e) => setQuery({ has_failures: e.target.checked || null })}
        />{" "}
        with failed steps
      </label>
      <button type="button" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
        More filters
      </button>
      {isOpen && (
        <>
          {TEXTS.map(([name, title]) => (
            <TextFilter key={name} name={name} title={title} value={query.get(name) ?? ""} />
          ))}
          <TextFilter name="from" title="From" value={query.get("from") ?? ""} placeholder="2026-11-28T00:00:00Z" />
          <TextFilter name="to" title="To" value={query.get("to") ?? ""} placeholder="2026-11-29T00:00:00Z" />
        </>
      )}
      {[...query].length > 0 && <a href={href(["runs"])}>Clear</a>}
    </form>
  );
}

function Counts({ filters }: { filters: Record<string, string> }) {
  const { status: _, ...others } = filters;
  const counts = useQuery({
    queryKey: keys.runs.counts(others),
    queryFn: ({ signal }) => ask(api.GET("/executions/counts", { params: { query: others }, signal })),
    refetchInterval: 10_000,
  });
  if (!counts.data) return null;
  const shown = Object.entries(counts.data.counts).filter(([, count]) => count > 0);
  return (
    <div className="row" aria-label="Runs by status">
      {shown.map(([status, count]) => (
        <a key={status} href={href(["runs"], { ...others, status })}>
          <Status status={status} /> {count.toLocaleString("en")}
          {counts.data.is_complete ? "" : "+"}
        </a>
      ))}
    </div>
  );
}

function told(run: Summary): string {
  const [error, tags] = [errorOf(run), run.tags];
  if (error) return [error.step_id, error.type, error.message].filter(Boolean).join(" · ");
  return Array.isArray(tags) ? tags.join(", ") : "";
}

/** How long something has taken so far. */
function Clock({ since }: { since: string }) {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <>{duration(between(since, null, now))}</>;
}
