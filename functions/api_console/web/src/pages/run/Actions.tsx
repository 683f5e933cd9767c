import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask } from "../../api/client";
import { keys } from "../../api/keys";
import { hasEnded, hasFailed } from "../../model/status";
import { go, href } from "../../routes";
import { Dialog } from "../../ui/Dialog";
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
          Why, for whoever looks at it later <input autoFocus value={cause} maxLength={1000} style={{ width: "100%" }} onChange={(e) => set(e.target.value)} />
        </label>
        <Problem error={cancel.error} />
        <Buttons act="Cancel the run" close={close} isBusy={cancel.isPending} />
      </form>
    </Dialog>
  );
}

function Redrive({ id, close, again }: { id: string; close: () => void; again: () => void }) {
  // One key for the dialog: pressed twice it redrives once.
  const [key] = useState(() => crypto.randomUUID());
  const cache = useQueryClient();
  const redrive = useMutation({
    mutationFn: () =>
      ask(api.POST("/executions/{execution_id}/redrive", { params: { path: { execution_id: id }, header: { "Idempotency-Key": key } } } as never)),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: keys.runs.one(id) });
      again();
      close();
    },
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
  const [key] = useState(() => crypto.randomUUID());
  const [from, setFrom] = useState(step !== null && !/[.[]/.test(step) ? step : "");
  const [input, setInput] = useState("");
  const rerun = useMutation({
    mutationFn: async () => {
      const body: Record<string, unknown> = from.trim() ? { from_step: from.trim() } : {};
      if (input.trim()) body["input"] = JSON.parse(input) as unknown;
      return await ask(
        api.POST("/executions/{execution_id}/rerun", { params: { path: { execution_id: id }, header: { "Idempotency-Key": key } }, body } as never),
      );
    },
    onSuccess: (run) => {
      close();
      go(href(["runs", (run as { execution_id: string }).execution_id]));
    },
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
          Another input, in JSON
          <textarea value={input} placeholder="the same as before" spellCheck={false} onChange={(e) => setInput(e.target.value)} />
        </label>
        <Problem error={rerun.error} />
        <Buttons act="Run" close={close} isBusy={rerun.isPending} />
      </form>
    </Dialog>
  );
}

export function Buttons({ act, close, isBusy }: { act: string; close: () => void; isBusy: boolean }) {
  return (
    <p className="row" style={{ justifyContent: "flex-end" }}>
      <button type="button" onClick={close}>
        Leave it
      </button>
      <button type="submit" className="primary" disabled={isBusy}>
        {act}
      </button>
    </p>
  );
}
