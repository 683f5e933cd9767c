import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { moment } from "../model/time";
import { href, useRoute } from "../routes";
import { Problem } from "../ui/Problem";
import { TextFilter } from "../ui/TextFilter";

type Listed = Schemas["ListedWorkflow"];

const FILTERS = ["name", "tag"] as const;
const COLUMNS = "minmax(160px,2fr) minmax(120px,1fr) 70px minmax(150px,170px) minmax(120px,1fr) minmax(50px,70px)";
const ROW = 37;

export default function Workflows() {
  const { query } = useRoute();
  const filters = useMemo(
    () => Object.fromEntries(FILTERS.flatMap((name) => (query.get(name) ? [[name, query.get(name) ?? ""]] : []))) as Record<string, string>,
    [query.toString()],
  );
  const workflows = useInfiniteQuery({
    queryKey: keys.workflows.list(filters),
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET("/workflows", { params: { query: { ...filters, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } as never }, signal })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const items = useMemo(() => {
    const listed = workflows.data?.pages.flatMap((page) => page.items) ?? [];
    return [...new Map(listed.map((item) => [item.workflow_id, item])).values()];
  }, [workflows.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = workflows;
  // A page of a filtered list may be empty and go on.
  useEffect(() => {
    if (items.length < 20 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [items.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <>
      <div className="row spread">
        <h1>Workflows</h1>
        <a className="button primary" href={href(["workflows", "-", "new"])}>
          New workflow
        </a>
      </div>
      <form className="row" role="search" aria-label="Filters" onSubmit={(e) => e.preventDefault()} style={{ margin: "12px 0" }}>
        <TextFilter name="name" title="Name" value={query.get("name") ?? ""} />
        <TextFilter name="tag" title="Tag" value={query.get("tag") ?? ""} />
        {Object.keys(filters).length > 0 && <a href={href(["workflows"])}>Clear</a>}
      </form>
      <Problem error={workflows.data ? null : workflows.error} retry={() => void workflows.refetch()} />
      {workflows.isPending || (items.length === 0 && hasNextPage) ? (
        <p className="muted">Loading…</p>
      ) : items.length > 0 ? (
        <List items={items} more={() => hasNextPage && !isFetchingNextPage && void fetchNextPage()} />
      ) : workflows.error ? null : (
        <p className="empty">{Object.keys(filters).length ? "No workflow fits these filters." : "No workflow is stored yet."}</p>
      )}
    </>
  );
}

function List({ items, more }: { items: readonly Listed[]; more: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: items.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 12 });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= items.length - 20) more();
  }, [last, items.length]);
  return (
    <div className="rows" ref={box} role="table" aria-label="Workflows" aria-rowcount={items.length + 1} style={{ height: "calc(100vh - 190px)" }} tabIndex={0}>
      <div role="row" aria-rowindex={1} className="head" style={{ gridTemplateColumns: COLUMNS }}>
        {["Name", "Id", "Version", "Saved", "Tags", "Runs"].map((title) => (
          <span role="columnheader" key={title}>
            {title}
          </span>
        ))}
      </div>
      <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
        {shown.map(({ index, start }) => {
          const workflow = items[index];
          return workflow ? <Row key={workflow.workflow_id} workflow={workflow} index={index} top={start} /> : null;
        })}
      </div>
    </div>
  );
}

function Row({ workflow, index, top }: { workflow: Listed; index: number; top: number }) {
  const { workflow_id: id } = workflow;
  return (
    <div role="row" aria-rowindex={index + 2} style={{ gridTemplateColumns: COLUMNS, position: "absolute", top, left: 0, right: 0, height: ROW }}>
      <span role="cell" title={workflow.description ?? undefined}>
        <a href={href(["workflows", id])}>{workflow.name}</a>
      </span>
      <span role="cell" className="mono">
        {id}
      </span>
      <span role="cell">{workflow.version}</span>
      <span role="cell">{moment(workflow.updated_at)}</span>
      <span role="cell">
        <Tags tags={workflow.tags} />
      </span>
      <span role="cell">
        <a href={href(["runs"], { workflow_id: id })} aria-label={`Runs of ${workflow.name}`}>
          Runs
        </a>
      </span>
    </div>
  );
}

/** The tags of a workflow, whatever its document has there: each leads to those that have it, too. */
export function Tags({ tags }: { tags: unknown }) {
  const named = Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === "string") : [];
  return named.map((tag, i) => (
    <span key={tag}>
      {i > 0 && ", "}
      <a href={href(["workflows"], { tag })}>{tag}</a>
    </span>
  ));
}
