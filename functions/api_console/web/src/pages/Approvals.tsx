import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { Tree } from "../json/Tree";
import { moment } from "../model/time";
import { href } from "../routes";
import { Pages } from "../ui/Pages";
import { Problem } from "../ui/Problem";

type Approval = Schemas["Approval"];

/** What waits for somebody's decision, the oldest first, to be decided on the spot. */
export default function Approvals() {
  const open = useInfiniteQuery({
    queryKey: keys.approvals,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET("/approvals", { params: { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } as never }, signal })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 3_000,
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
  const [comment, set] = useState("");
  const cache = useQueryClient();
  const element = /\[(\d+)\]$/.exec(approval.place)?.[1];
  const decide = useMutation({
    mutationFn: (verb: "approve" | "deny") => {
      const step = approval.place.replace(/\[\d+\]$/, "");
      const params = { path: { execution_id: approval.execution_id, step }, query: element === undefined ? {} : { element } };
      const body = comment.trim() ? { comment: comment.trim() } : {};
      return verb === "approve"
        ? ask(api.POST("/executions/{execution_id}/steps/{step}/approve", { params, body } as never))
        : ask(api.POST("/executions/{execution_id}/steps/{step}/deny", { params, body } as never));
    },
    onSuccess: () => void cache.invalidateQueries({ queryKey: keys.approvals }),
  });
  const lacksComment = approval.require_comment && comment.trim() === "";
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
      {approval.may_decide ? (
        <form className="row" onSubmit={(e) => e.preventDefault()}>
          <label style={{ flex: 1 }}>
            Comment{approval.require_comment ? " (needed)" : ""}{" "}
            <input value={comment} required={approval.require_comment} style={{ width: "70%" }} onChange={(e) => set(e.target.value)} />
          </label>
          <button type="button" className="primary" disabled={decide.isPending || lacksComment} onClick={() => decide.mutate("approve")}>
            Approve
          </button>
          <button type="button" disabled={decide.isPending || lacksComment} onClick={() => decide.mutate("deny")}>
            Deny
          </button>
        </form>
      ) : (
        <p className="muted">It is for another role to decide.</p>
      )}
      <Problem error={decide.error} />
    </article>
  );
}
