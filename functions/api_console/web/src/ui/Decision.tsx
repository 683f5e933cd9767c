import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { Problem } from "./Problem";

/** What is known of an approval: of one that is not in the inbox yet, where it stands alone. */
export type Asked = Pick<Schemas["Approval"], "execution_id" | "step_id" | "place"> & Partial<Pick<Schemas["Approval"], "require_comment" | "may_decide">>;

/** Approve or deny, where what is asked is seen. */
export function Decision({ asked }: { asked: Asked }) {
  const [comment, set] = useState("");
  const cache = useQueryClient();
  const needsComment = asked.require_comment === true;
  const decide = useMutation({
    mutationFn: (verb: "approve" | "deny") => {
      const { execution_id, step_id: step, place } = asked;
      // Inside of a list or a loop the id of the step alone means none of its elements.
      const sent = { params: { path: { execution_id, step }, query: place === step ? {} : { element: place } }, body: comment.trim() ? { comment: comment.trim() } : {} };
      return verb === "approve"
        ? ask(api.POST("/executions/{execution_id}/steps/{step}/approve", sent))
        : ask(api.POST("/executions/{execution_id}/steps/{step}/deny", sent));
    },
    onSuccess: () => void cache.invalidateQueries({ queryKey: keys.approvals }),
  });
  if (asked.may_decide === false) return <p className="muted">It is for somebody else to decide.</p>;
  const isBlocked = decide.isPending || (needsComment && comment.trim() === "");
  return (
    <form aria-label="Decide" onSubmit={(e) => e.preventDefault()}>
      <div className="row">
        <label className="wide">
          Comment{needsComment ? " (needed)" : ""} <input value={comment} required={needsComment} onChange={(e) => set(e.target.value)} />
        </label>
        <button type="button" className="primary" disabled={isBlocked} onClick={() => decide.mutate("approve")}>
          Approve
        </button>
        <button type="button" disabled={isBlocked} onClick={() => decide.mutate("deny")}>
          Deny
        </button>
      </div>
      <Problem error={decide.error} />
    </form>
  );
}
