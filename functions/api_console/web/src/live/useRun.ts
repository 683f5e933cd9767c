/** A run while it is looked at: its store, kept up to date by the stream for as long as the page is shown. */

import { useEffect, useState, useSyncExternalStore } from "react";

import { signedInAs } from "../api/client";
import { API_ROOT } from "../api/config";
import { isSignedIn, onSession } from "../auth/session";
import type { Source } from "./hub";
import { followTogether } from "./leader";
import { RunLog } from "./log";
import { FORM } from "./messages";
import { RunStore, type Counts, type RunState, type StepState } from "./runStore";
import { follow, type Follower, read, type StreamState } from "./stream";

export interface LiveRun {
  readonly store: RunStore;
  readonly stream: StreamState | "opening";
}

const SOURCE: Source = { follow, read };
/** Tabs that may read for each other: deployments may lie beside each other on one origin, and who is signed in may differ. */
const tabs = async (): Promise<string> => `console.runs ${FORM} ${API_ROOT} ${await signedInAs()}`;

export function useLiveRun(executionId: string, generation: number): LiveRun {
  const [store] = useState(() => new RunStore());
  const [stream, setStream] = useState<StreamState | "opening">("opening");
  useEffect(() => {
    let watching = new AbortController();
    const log = new RunLog();
    // A page that nobody sees is slowed down and stopped by the browser, and one that is signed in no longer is told nothing: it lets
    // another lead, and goes on where it was.
    const open = (isRedriven: boolean): void => {
      watching.abort();
      if (document.visibilityState !== "visible" || !isSignedIn()) return;
      watching = new AbortController();
      const { signal } = watching;
      const follower: Follower = {
        event: (event) => {
          if (!signal.aborted) store.apply(event);
        },
        state: (state) => {
          if (!signal.aborted) setStream(state);
        },
        restart: () => {
          if (!signal.aborted) store.clear();
        },
      };
      void tabs().then((name) => {
        if (!signal.aborted) void followTogether(name, SOURCE, { run: executionId, log, isRedriven }, follower, signal);
      });
    };
    const changed = (): void => open(false);
    // Told of each renewal of a token too, with which all goes on.
    const endOfSession = onSession(() => {
      if (isSignedIn() === watching.signal.aborted) changed();
    });
    store.clear();
    open(generation > 0);
    document.addEventListener("visibilitychange", changed);
    return () => {
      document.removeEventListener("visibilitychange", changed);
      endOfSession();
      watching.abort();
    };
  }, [executionId, generation, store]);
  return { store, stream };
}

export function useRunState(store: RunStore): RunState {
  return useSyncExternalStore((changed) => store.subscribe("", changed), store.getRun);
}

export function useStep(store: RunStore | null, key: string): StepState | undefined {
  return useSyncExternalStore(
    (changed) => store?.subscribe(key, changed) ?? (() => undefined),
    () => store?.getStep(key),
  );
}

/** The status of a step by its id: of one inside of a list or a loop, what its parts are together. */
export function useStatusOf(store: RunStore | null, stepId: string): string {
  return useSyncExternalStore(
    (changed) => store?.subscribe(stepId, changed) ?? (() => undefined),
    () => store?.getStatusOf(stepId) ?? "pending",
  );
}

export function useCounts(store: RunStore, key: string): Counts {
  return useSyncExternalStore(
    (changed) => store.subscribe(key, changed),
    () => store.getCounts(key),
  );
}

/** How the parts of a step that is inside of another are. */
export function useInner(store: RunStore, stepId: string): Counts {
  return useSyncExternalStore(
    (changed) => store.subscribe(stepId, changed),
    () => store.getInner(stepId),
  );
}

/** Anything that has happened in the run. */
export function useEverything(store: RunStore): number {
  return useSyncExternalStore(
    (changed) => store.subscribe(null, changed),
    () => store.version,
  );
}
