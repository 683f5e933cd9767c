import { useQuery } from "@tanstack/react-query";

import { api, ask, type Schemas } from "../../api/client";
import { keys } from "../../api/keys";
import { hasEnded } from "../../model/status";
import { href } from "../../routes";
import { Problem } from "../../ui/Problem";
import { Status } from "../../ui/Status";

/** So many of a run's subflows are asked which step started them: a list does not tell it. */
const MOST = 20;
const AGAIN_MS = 3_000;

/** The runs that a subflow step has started: more than one after a redrive or a retry. */
export function Subruns({ id, step, status }: { id: string; step: string; status: string }) {
  const runs = useQuery({
    queryKey: [...keys.runs.one(id), "subflows", step, status],
    queryFn: ({ signal }) => startedBy(id, step, signal),
    placeholderData: (before) => before,
    // A run is listed moments after it has begun.
    refetchInterval: (q) => (status === "pending" || (hasEnded(status) && (q.state.data?.length ?? 0) > 0) || q.state.dataUpdateCount > MOST ? false : AGAIN_MS),
  });
  return (
    <div aria-label="Runs of this subflow" role="group">
      <Problem error={runs.error} retry={() => void runs.refetch()} />
      {runs.data?.map((run) => (
        <p key={run.execution_id} className="row" style={{ margin: "4px 0" }}>
          <a href={href(["runs", run.execution_id])}>The run of {run.workflow_name}</a> <Status status={run.status} />
        </p>
      ))}
      <a href={href(["runs"], { parent_id: id })}>All runs that this run has started</a>
    </div>
  );
}

async function startedBy(id: string, step: string, signal: AbortSignal): Promise<Schemas["ExecutionProgress"][]> {
  const { items } = await ask(api.GET("/executions", { params: { query: { parent_id: id, limit: MOST } }, signal }));
  const runs = await Promise.all(
    items.map((run) => ask(api.GET("/executions/{execution_id}", { params: { path: { execution_id: run.execution_id } }, signal }))),
  );
  return runs.filter((run) => run.parent_place === step);
}
