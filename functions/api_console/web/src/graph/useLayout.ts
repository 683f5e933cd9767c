import { useEffect, useMemo, useState } from "react";

import type { Flow } from "../model/flow";
import { compiledLayout, type Layout } from "./layout";

export type View = "written" | "compiled";

let worker: Worker | null = null;
let asked = 0;
const waiting = new Map<number, (layout: Layout) => void>();

/** The layout of a flow, null until it is there: that of the written graph is made in a worker. */
export function useLayout(flow: Flow | null, view: View): Layout | null {
  const [written, setWritten] = useState<{ flow: Flow; layout: Layout } | null>(null);
  const compiled = useMemo(() => (flow && view === "compiled" ? compiledLayout(flow.structure) : null), [flow, view]);
  useEffect(() => {
    if (flow === null || view !== "written" || written?.flow === flow) return undefined;
    const id = ++asked;
    waiting.set(id, (layout) => setWritten({ flow, layout }));
    if (worker === null) {
      worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<{ id: number; layout: Layout }>) => {
        waiting.get(data.id)?.(data.layout);
        waiting.delete(data.id);
      };
    }
    worker.postMessage({ id, flow });
    return () => void waiting.delete(id);
  }, [flow, view, written]);
  if (view === "compiled") return compiled;
  // While a changed flow is laid out, the one before stands.
  return written?.layout ?? null;
}
