import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask } from "../../api/client";
import { keys } from "../../api/keys";
import { Buttons, Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";

/** Keep a workflow from being started, with why; or let it be started again. */
export function Pause({ id, isPaused }: { id: string; isPaused: boolean }) {
  const [isOpen, open] = useState(false);
  const [reason, setReason] = useState("");
  const cache = useQueryClient();
  const change = useMutation({
    mutationFn: () => {
      const params = { path: { workflow_id: id } };
      return isPaused
        ? ask(api.POST("/workflows/{workflow_id}/resume", { params }))
        : ask(api.POST("/workflows/{workflow_id}/pause", { params, body: reason.trim() ? { reason: reason.trim() } : {} }));
    },
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: keys.workflows.all });
      open(false);
    },
  });
  return (
    <>
      <button type="button" onClick={() => open(true)}>
        {isPaused ? "Resume…" : "Pause…"}
      </button>
      {isOpen && (
        <Dialog title={isPaused ? "Resume this workflow" : "Pause this workflow"} close={() => open(false)}>
          <form onSubmit={(e) => { e.preventDefault(); change.mutate(); }}>
            <p>{isPaused ? "It may be started again." : "No run of it is started until it is resumed. Runs that go on are left alone."}</p>
            {!isPaused && (
              <label>
                Why, for whoever wants to start it <input value={reason} maxLength={1000} style={{ width: "100%" }} onChange={(e) => setReason(e.target.value)} />
              </label>
            )}
            <Problem error={change.error} />
            <Buttons act={isPaused ? "Resume" : "Pause"} close={() => open(false)} isBusy={change.isPending} />
          </form>
        </Dialog>
      )}
    </>
  );
}
