import { useQuery } from "@tanstack/react-query";

import { api, ask } from "../../api/client";
import { moment } from "../../model/time";
import { Problem } from "../../ui/Problem";

/** What runs of a version were started with, newest first, and what a new order of its steps was expected to bring. */
export function Builds({ id, version }: { id: string; version: number }) {
  const builds = useQuery({
    queryKey: ["workflows", id, "builds", version],
    queryFn: ({ signal }) =>
      ask(api.GET("/workflows/{workflow_id}/builds", { params: { path: { workflow_id: id }, query: { version, limit: 100 } }, signal })),
  });
  if (!builds.data) return builds.error ? <Problem error={builds.error} retry={() => void builds.refetch()} /> : <p className="muted">Loading…</p>;
  return (
    <>
      <p className="muted">A version is built anew when the measured durations of its steps show that another order makes its runs shorter.</p>
      <table>
        <thead>
          <tr><th>Build</th><th>Since</th><th>Expected to save</th><th>Shown by</th></tr>
        </thead>
        <tbody>
          {builds.data.items.map(({ number, since, expected_gain, samples }) => (
            <tr key={number}>
              <td>{number}</td>
              <td>{moment(since)}</td>
              <td>{expected_gain === null ? "–" : `${(expected_gain * 100).toFixed(1)} % of a run's time`}</td>
              <td>{samples === null ? "its first build" : `${samples.toLocaleString("en")} runs`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
