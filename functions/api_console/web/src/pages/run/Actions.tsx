import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask } from "../../api/client";
import { keys } from "../../api/keys";
import { useOnce } from "../../api/once";
import { jsonOf } from "../../json/read";
import { isExact } from "../../model/exact";
import { hasEnded, hasFailed } from "../../model/status";
import { go, href } from "../../routes";
import { Buttons, Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";

interface Props {
  readonly id: string;
  readonly status: string;
  readonly step: string | null;
  /** Look at the run anew: it goes on. */
  readonly again: () => void;
}

/** What one can do with a run: cancel it, redrive it, run it again, all of it or from a step. */
export function Actions({ id, status, step, again }: Props) {
  const [open, set] = useState<"cancel" | "redrive" | "rerun" | null>(null);
  const close = () => set(null);
  return (
    <span className="row">
      {!hasEnded(status) && <button type="button" onClick={() => set("cancel")}>Cancel…</button>}
      {hasFailed(status) && <button type="button" className="primary" onClick={() => set("redrive")}>Redrive…</button>}
      {hasEnded(status) && <button type="button" onClick={() => set("rerun")}>Rerun…</button>}
      {open === "cancel" && <Cancel id={id} close={close} />}
      {open === "redrive" && <Redrive id={id} close={close} again={again} />}
      {open === "rerun" && <Rerun id={id} step={step} close={close} />}
    </span>
  );
}

function Cancel({ id, close }: { id: string; close: () => void }) {
  const [cause, set] = useState("");
  const cache = useQueryClient();
  const cancel = useMutation({
    mutationFn: () =>
      ask(api.POST("/executions/{execution_id}/cancel", { params: { path: { execution_id: id } }, body: cause.trim() ? { cause: cause.trim() } : {} })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: keys.runs.one(id) });
      close();
    },
  });
  return (
    <Dialog title="Cancel this run" close={close}>
      <form onSubmit={(e) => { e.preventDefault(); cancel.mutate(); }}>
        <label>
          Why, for whoever looks at it later <input value={cause} maxLength={1000} style={{ width: "100%" }} onChange={(e) => set(e.target.value)} />
        </label>
        <Problem error={cancel.error} />
        <Buttons act="Cancel the run" close={close} isBusy={cancel.isPending} />
      </form>
    </Dialog>
  );
}

function Redrive({ id, close, again }: { id: string; close: () => void; again: () => void }) {
  // Pressed twice it redrives once.
  const [key, failed] = useOnce();
  const cache = useQueryClient();
  const redrive = useMutation({
    mutationFn: () =>
      ask(api.POST("/executions/{execution_id}/redrive", { params: { path: { execution_id: id }, header: { "Idempotency-Key": key } } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: keys.runs.one(id) });
      again();
      close();
    },
    onError: failed,
  });
  return (
    <Dialog title="Redrive this run" close={close}>
      <p>The steps that failed, and those after them, run again: with the same workflow and input. What has completed is kept.</p>
      <Problem error={redrive.error} />
      <form onSubmit={(e) => { e.preventDefault(); redrive.mutate(); }}>
        <Buttons act="Redrive" close={close} isBusy={redrive.isPending} />
      </form>
    </Dialog>
  );
}

function Rerun({ id, step, close }: { id: string; step: string | null; close: () => void }) {
  const [key, failed] = useOnce();
  const [from, setFrom] = useState(step !== null && !/[.[]/.test(step) ? step : "");
  const [written, write] = useState<string | null>(null);
  const earlier = useInput(id);
  const input = written ?? earlier ?? "";
  const rerun = useMutation({
    mutationFn: () => {
      const changed = input.trim() && input !== earlier ? { input: jsonOf(input, "input") } : {};
      const body = { ...(from.trim() ? { from_step: from.trim() } : {}), ...changed };
      return ask(api.POST("/executions/{execution_id}/rerun", { params: { path: { execution_id: id }, header: { "Idempotency-Key": key } }, body }));
    },
    onSuccess: (run) => {
      close();
      go(href(["runs", run.execution_id]));
    },
    onError: failed,
  });
  return (
    <Dialog title="Run again" close={close}>
      <form onSubmit={(e) => { e.preventDefault(); rerun.mutate(); }}>
        <p>A new run of the same version. What is left empty is as it was.</p>
        <p>
          <label>
            From the step <input value={from} placeholder="all of it" onChange={(e) => setFrom(e.target.value)} />
          </label>
        </p>
        <label>
          Input, in JSON
          <textarea value={input} placeholder="the same as before" spellCheck={false} onChange={(e) => write(e.target.value)} />
        </label>
        <Problem error={rerun.error} />
        <Buttons act="Run" close={close} isBusy={rerun.isPending} />
      </form>
    </Dialog>
  );
}

/** The input that a run was started with, as JSON text, by the first event of its history; null where that is not known. */
function useInput(id: string): string | null {
  const first = useQuery({
    queryKey: keys.runs.input(id),
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const { items } = await ask(api.GET("/executions/{execution_id}/history", { params: { path: { execution_id: id }, query: { limit: 1 } }, signal }));
      return items[0]?.type === "ExecutionStarted" ? JSON.stringify(items[0].details["input"] ?? null, null, 2) : null;
    },
  });
  const text = first.data ?? null;
  // A number that a browser does not keep would be sent as another one.
  return text !== null && isExact(text) ? text : null;
}
