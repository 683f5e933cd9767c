import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { hasEnded } from "../model/status";
import { between, duration, moment } from "../model/time";
import { href, setQuery, useRoute } from "../routes";
import { Problem } from "../ui/Problem";
import { Status } from "../ui/Status";
import { TextFilter } from "../ui/TextFilter";

type Summary = Schemas["ExecutionSummary"];

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
const COLUMNS = "minmax(90px,110px) minmax(140px,2fr) minmax(120px,1fr) minmax(150px,170px) minmax(70px,90px) minmax(120px,2fr)";
const ROW = 37;

export default function Runs() {
  const { query } = useRoute();
  const filters = useMemo(() => chosen(query), [query.toString()]);
  const runs = useInfiniteQuery({
    queryKey: keys.runs.list(filters),
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET("/executions", { params: { query: { ...filters, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } as never }, signal })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // Only the first page changes while one looks; pages behind it are read when they are scrolled to.
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) <= 1 ? 2_000 : false),
  });
  const items = useMemo(() => unique(runs.data?.pages.flatMap((page) => page.items) ?? []), [runs.data]);
  return (
    <>
      <div className="row spread">
        <h1>Runs</h1>
        <Counts filters={filters} />
      </div>
      <Filters query={query} />
      <Problem error={runs.data ? null : runs.error} retry={() => void runs.refetch()} />
      {runs.isPending ? (
        <p className="muted">Loading…</p>
      ) : items.length === 0 ? (
        <p className="empty">{Object.keys(filters).length ? "No run fits these filters." : "Nothing has run yet."}</p>
      ) : (
        <List items={items} more={() => runs.hasNextPage && !runs.isFetchingNextPage && void runs.fetchNextPage()} />
      )}
    </>
  );
}

function chosen(query: URLSearchParams): Record<string, string> {
  const known = new Set(["status", "has_failures", "from", "to", ...TEXTS.map(([name]) => name)]);
  return Object.fromEntries([...query].filter(([name, value]) => known.has(name) && value !== ""));
}

function unique(items: readonly Summary[]): Summary[] {
  return [...new Map(items.map((item) => [item.execution_id, item])).values()];
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
    queryFn: ({ signal }) => ask(api.GET("/executions/counts", { params: { query: others as never }, signal })),
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

function List({ items, more }: { items: readonly Summary[]; more: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: items.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 12 });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= items.length - 20) more();
  }, [last, items.length]);
  return (
    <div className="rows" ref={box} role="table" aria-label="Runs" aria-rowcount={items.length + 1} style={{ height: "calc(100vh - 190px)" }} tabIndex={0}>
      <div role="row" aria-rowindex={1} className="head" style={{ gridTemplateColumns: COLUMNS }}>
        {["Status", "Workflow", "Run", "Started", "Took", "Error and tags"].map((title) => (
          <span role="columnheader" key={title}>
            {title}
          </span>
        ))}
      </div>
      <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
        {shown.map(({ index, start }) => {
          const run = items[index];
          return run ? <Row key={run.execution_id} run={run} index={index} top={start} /> : null;
        })}
      </div>
    </div>
  );
}

function Row({ run, index, top }: { run: Summary; index: number; top: number }) {
  const error = run.error as { step_id?: string; type?: string; message?: string } | null;
  const tags = Array.isArray(run.tags) ? (run.tags as string[]) : [];
  const told = error ? [error.step_id, error.type, error.message].filter(Boolean).join(" · ") : tags.join(", ");
  return (
    <div role="row" aria-rowindex={index + 2} style={{ gridTemplateColumns: COLUMNS, position: "absolute", top, left: 0, right: 0, height: ROW }}>
      <span role="cell">
        <Status status={run.status} />
      </span>
      <span role="cell">
        <a href={href(["workflows", run.workflow_id], { version: run.workflow_version })}>{run.workflow_name}</a>
      </span>
      <span role="cell" className="mono">
        <a href={href(["runs", run.execution_id])}>{run.execution_id}</a>
      </span>
      <span role="cell">{moment(run.started_at)}</span>
      <span role="cell">{hasEnded(run.status) ? duration(between(run.started_at, run.completed_at)) : <Clock since={run.started_at} />}</span>
      <span role="cell" title={told}>
        {told}
      </span>
    </div>
  );
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
