import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { moment } from "../model/time";
import { href, useRoute } from "../routes";
import { type Column, PagedTable } from "../ui/Table";
import { TextFilter } from "../ui/TextFilter";

type Listed = Schemas["ListedWorkflow"];

const FILTERS = ["name", "tag"] as const;
const COLUMNS: readonly Column<Listed>[] = [
  { title: "Name", width: "minmax(160px,2fr)", cell: (w) => <a href={href(["workflows", w.workflow_id])}>{w.name}</a>, tip: (w) => [w.name, w.description].filter(Boolean).join(": ") },
  { title: "Id", width: "minmax(120px,1fr)", isMono: true, isExtra: true, cell: (w) => w.workflow_id, tip: (w) => w.workflow_id },
  { title: "Version", width: "70px", cell: (w) => w.version },
  { title: "Saved", width: "minmax(150px,170px)", isExtra: true, cell: (w) => moment(w.updated_at) },
  { title: "Tags", width: "minmax(120px,1fr)", isExtra: true, cell: (w) => <Tags tags={w.tags} /> },
  {
    title: "Runs",
    width: "minmax(50px,70px)",
    cell: (w) => (
      <a href={href(["runs"], { workflow_id: w.workflow_id })} aria-label={`Runs of ${w.name}`}>
        Runs
      </a>
    ),
  },
];

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
      ask(api.GET("/workflows", { params: { query: { ...filters, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const items = useMemo(() => {
    const listed = workflows.data?.pages.flatMap((page) => page.items) ?? [];
    return [...new Map(listed.map((item) => [item.workflow_id, item])).values()];
  }, [workflows.data]);
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
      <PagedTable
        label="Workflows"
        columns={COLUMNS}
        items={items}
        keyOf={(w) => w.workflow_id}
        above={190}
        list={workflows}
        empty={Object.keys(filters).length ? "No workflow fits these filters." : "No workflow is stored yet."}
      />
    </>
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
