import { createContext } from "react";

import type { CostBook } from "../live/costBook";
import type { RunStore } from "../live/runStore";
import type { Flow } from "../model/flow";

export interface Shown {
  readonly flow: Flow;
  readonly store: RunStore | null;
  readonly selected: string | null;
  readonly critical: ReadonlySet<string>;
  readonly planned: boolean;
  /** What steps have cost, where that is what is looked at. */
  readonly costs: CostBook | null;
  /** Steps of cases that a switch did not take. */
  readonly notTaken: ReadonlySet<string>;
  readonly canConnect: boolean;
}

const NO_FLOW: Flow = { steps: new Map(), own: [], structure: null, criticalPath: [], serialised: [] };

/** What all boxes of a graph share; what happens to one step, its box listens to by itself. */
export const CanvasContext = createContext<Shown>({
  flow: NO_FLOW,
  store: null,
  selected: null,
  critical: new Set(),
  planned: false,
  costs: null,
  notTaken: new Set(),
  canConnect: false,
});
