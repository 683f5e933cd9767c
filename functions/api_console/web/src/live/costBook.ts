/** The costs of all steps of a run while they are looked at: made anew a few times a second, however much happens. */

import { useEffect, useState, useSyncExternalStore } from "react";

import { costsOf, type PlannedCosts, type StepCost } from "../model/costs";
import { hasEnded } from "../model/status";
import type { RunStore } from "./runStore";

const PAUSE_MS = 250;
const OVER: ReadonlySet<string> = new Set(["completed", "failed", "timed_out", "cancelled", "aborted", "skipped"]);

export class CostBook {
  private costs = new Map<string, StepCost>();
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly store: RunStore,
    private readonly planned: PlannedCosts | null,
    readonly steps: readonly string[],
  ) {}

  get = (id: string): StepCost | undefined => this.costs.get(id);
  all = (): ReadonlyMap<string, StepCost> => this.costs;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Keep it up to date until what this gives is called. */
  open(): () => void {
    const end = this.store.subscribe(null, () => {
      this.timer ??= setTimeout(() => {
        this.timer = null;
        this.make();
      }, PAUSE_MS);
    });
    this.make();
    return () => {
      end();
      if (this.timer !== null) clearTimeout(this.timer);
      this.timer = null;
    };
  }

  private make(): void {
    const isEnded = hasEnded(this.store.getRun().status);
    const made = costsOf(this.store.costs.own, this.planned, this.steps, (of) => isEnded || OVER.has(this.store.getStatusOf(of)));
    // Who shows one step is drawn anew only when that has changed.
    for (const [id, cost] of made) {
      const before = this.costs.get(id);
      if (before !== undefined && isSame(before, cost)) made.set(id, before);
    }
    this.costs = made;
    for (const listener of this.listeners) listener();
  }
}

export function useCostBook(store: RunStore, planned: PlannedCosts | null, steps: readonly string[] | null): CostBook | null {
  const [book, set] = useState<CostBook | null>(null);
  useEffect(() => {
    if (steps === null) {
      set(null);
      return undefined;
    }
    const made = new CostBook(store, planned, steps);
    const close = made.open();
    set(made);
    return close;
  }, [store, planned, steps]);
  return book;
}

export function useStepCost(book: CostBook | null, id: string): StepCost | undefined {
  return useSyncExternalStore(
    (changed) => book?.subscribe(changed) ?? (() => undefined),
    () => book?.get(id),
  );
}

export function useCosts(book: CostBook | null): ReadonlyMap<string, StepCost> {
  return useSyncExternalStore(
    (changed) => book?.subscribe(changed) ?? (() => undefined),
    () => book?.all() ?? NONE,
  );
}

const NONE: ReadonlyMap<string, StepCost> = new Map();

function isSame(a: StepCost, b: StepCost): boolean {
  return (
    a.verdict === b.verdict &&
    a.planned === b.planned &&
    a.count === b.count &&
    a.spent?.transitions === b.spent?.transitions &&
    a.spent?.models === b.spent?.models
  );
}
