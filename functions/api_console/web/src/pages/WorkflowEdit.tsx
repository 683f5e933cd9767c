import { useQuery } from "@tanstack/react-query";

import { readTagged, type Tagged } from "../api/workflows";
import { type Format, textOf } from "../editor/text";
import { Problem } from "../ui/Problem";
import { type Base, Workbench } from "./workflow/Workbench";

const FIRST = `name: New workflow
steps:
  - step_id: hello
    step_type: transform
    config:
      expression: "'Hello'"
`;

/** The text of a workflow, or of one that is to be (`id` null), to be changed. */
export default function WorkflowEdit({ id }: { id: string | null }) {
  const stored = useQuery({
    queryKey: ["editing", id],
    enabled: id !== null,
    // What is being edited is never replaced under somebody's hands; opened again it is read again.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    queryFn: ({ signal }) => readTagged(id ?? "", signal),
  });
  if (id === null) return <Workbench base={{ id: null, version: null, etag: null, text: FIRST, format: "yaml" }} />;
  if (!stored.data) return stored.error ? <Problem error={stored.error} retry={() => void stored.refetch()} /> : <p className="muted">Loading…</p>;
  return (
    <>
      {!stored.data.isExact && (
        <p className="banner" role="status">
          This workflow has numbers with more digits than a browser keeps. Saved from here they would be other ones: change it from a file instead.
        </p>
      )}
      <Workbench base={baseOf(stored.data, formatLiked())} />
    </>
  );
}

function baseOf({ stored, etag }: Tagged, format: Format): Base {
  return { id: stored.workflow_id, version: stored.version, etag, text: textOf(stored.workflow, format), format };
}

function formatLiked(): Format {
  return localStorage.getItem("console.format") === "json" ? "json" : "yaml";
}
