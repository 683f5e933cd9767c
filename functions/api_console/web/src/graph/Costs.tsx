import type { RunStore } from "../live/runStore";
import { type CostBook, useCosts, useStepCost } from "../live/costBook";
import { hasEnded } from "../model/status";
import { exactUsd, meanUsd, plus, type Usd, type Verdict, VERDICTS } from "../model/costs";

/** In a box: what the step has cost, of what was planned. */
export function BoxCost({ book, id }: { book: CostBook; id: string }) {
  const cost = useStepCost(book, id);
  if (cost === undefined) return null;
  const look = VERDICTS[cost.verdict];
  const spent = cost.spent === null ? null : exactUsd(cost.spent.total);
  return (
    <>
      <span aria-hidden="true">{look.mark}</span> {spent ?? "—"}
      {cost.planned !== null && ` of ${exactUsd(cost.planned)}`}
    </>
  );
}

/** Of a list, a loop, or a step inside of one: what it has cost each time. */
export function BoxMean({ book, id }: { book: CostBook; id: string }) {
  const cost = useStepCost(book, id);
  if (cost?.spent?.total == null || cost.count === 0) return null;
  return <span className="mean">{meanUsd(cost.spent.total, cost.count)} each</span>;
}

/** What the colours and marks mean, and what all steps have cost together. */
export function CostLegend({ book, own, store }: { book: CostBook; own: readonly string[]; store: RunStore }) {
  const costs = useCosts(book);
  const { run, own: known } = store.costs;
  if (known.size === 0 && hasEnded(store.getRun().status)) {
    return <p className="muted">What the steps of this run have cost is not known: its events were read by an earlier release.</p>;
  }
  const met = new Set(book.steps.map((id) => costs.get(id)?.verdict));
  const shown = (Object.keys(VERDICTS) as Verdict[]).filter((verdict) => met.has(verdict));
  const spent = own.reduce<Usd>((sum, id) => plus(sum, costs.get(id)?.spent ?? NOTHING), NOTHING);
  return (
    <ul className="cost-legend" aria-label="What the layer of costs shows">
      {shown.map((verdict) => (
        <li key={verdict}>
          <span className={`status ${VERDICTS[verdict].colour}`}>
            <span aria-hidden="true">{VERDICTS[verdict].mark}</span> {VERDICTS[verdict].word}
          </span>
          {VERDICTS[verdict].why && <span className="muted"> {VERDICTS[verdict].why}</span>}
        </li>
      ))}
      <li className="muted">
        In a box: spent of planned. Steps {exactUsd(spent.total)}
        {run !== null && `, states that belong to none ${exactUsd(Math.max(0, run.transitions - spent.transitions))}`}, without Lambda
      </li>
    </ul>
  );
}

/** The same numbers as of a box, as facts of a list. */
export function CostFacts({ spent, planned, parts, reason }: { spent: Usd & { readonly functions?: number | null }; planned: number | null; parts: number; reason: string | undefined }) {
  return (
    <>
      <dt>Cost</dt>
      <dd>
        {exactUsd(spent.total)}
        {planned !== null && `, planned ${exactUsd(planned)}`}
        {spent.models !== 0 && ` (states ${exactUsd(spent.transitions)}, models ${exactUsd(spent.models)})`}
        {parts > 0 && spent.total !== null && `; ${meanUsd(spent.total, parts)} for each of ${parts}`}
        {planned !== null && parts > 0 && `, planned ${meanUsd(planned, parts)}`}
        {spent.functions ? `; Lambda besides about ${meanUsd(spent.functions, 1)}` : ""}
        {reason && <span className="muted"> {reason}</span>}
      </dd>
    </>
  );
}

const NOTHING: Usd = { total: 0, transitions: 0, models: 0 };
