import { useInfiniteQuery } from "@tanstack/react-query";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { Tree } from "../json/Tree";
import { moment } from "../model/time";
import { href } from "../routes";
import { Decision } from "../ui/Decision";
import { Pages } from "../ui/Pages";

type Approval = Schemas["Approval"];

/** What waits for somebody's decision, the oldest first, to be decided on the spot. */
export default function Approvals() {
  const open = useInfiniteQuery({
    queryKey: keys.approvals,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET("/approvals", { params: { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // Who has gone through hundreds of them does not wait for the next one.
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) <= 1 ? 3_000 : 30_000),
  });
  return (
    <>
      <h1>Approvals</h1>
      <Pages list={open} empty="Nothing waits for a decision.">
        {(pages) => pages.flatMap((page) => page.items).map((approval) => <One key={`${approval.execution_id} ${approval.place}`} approval={approval} />)}
      </Pages>
    </>
  );
}

function One({ approval }: { approval: Approval }) {
  return (
    <article className="card" style={{ margin: "12px 0" }} aria-label={approval.prompt}>
      <h2 style={{ marginTop: 0 }}>{approval.prompt}</h2>
      <p className="muted">
        <a href={href(["runs", approval.execution_id], { step: approval.place })}>
          {approval.workflow_name}, step {approval.place}
        </a>{" "}
        · since {moment(approval.opened_at)}
        {approval.deadline && ` · until ${moment(approval.deadline)}`}
        {approval.approver_role && ` · for ${approval.approver_role}`}
        {approval.started_by && ` · started by ${approval.started_by}`}
      </p>
      {approval.input !== null && approval.input !== undefined && <Tree value={approval.input} label="What it is about" />}
      <Decision asked={approval} />
    </article>
  );
}
