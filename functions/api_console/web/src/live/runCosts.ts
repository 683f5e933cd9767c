/** What each step of a run has cost itself so far, without its parts, as the events tell it. */

import type { Usd } from "../model/costs";
import type { RunEvent } from "./stream";

export class RunCosts {
  private readonly known = new Map<string, Usd>();
  /** What the whole run has cost, once it has ended. */
  run: Usd | null = null;

  get own(): ReadonlyMap<string, Usd> {
    return this.known;
  }

  apply(event: RunEvent): void {
    const { cost_usd: cost, step_costs_usd: late } = event.details;
    if (event.step !== null) return this.set(event.step, cost);
    if (!event.type.startsWith("run.")) return;
    this.run = usdOf(cost);
    if (isRecord(late)) for (const [key, each] of Object.entries(late)) this.set(key, each);
  }

  clear(): void {
    this.known.clear();
    this.run = null;
  }

  private set(key: string, told: unknown): void {
    const usd = usdOf(told);
    if (usd !== null) this.known.set(key, usd);
  }
}

function usdOf(told: unknown): Usd | null {
  if (!isRecord(told) || typeof told["transitions"] !== "number") return null;
  const { total, transitions, models } = told;
  return { total: typeof total === "number" ? total : null, transitions, models: typeof models === "number" ? models : null };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
