import type { Schemas } from "../../api/client";
import { dollars, type Quota, quotasOf } from "../../model/figures";
import { duration } from "../../model/time";

interface Props {
  readonly plan: Schemas["Plan"];
  readonly select: (step: string) => void;
}

/** What a run costs and takes before one has been started: money, states, quotas, and the steps that decide when it ends. */
export function Plan({ plan, select }: Props) {
  const path = plan.critical_path ?? [];
  const pairs = plan.serialised_pairs ?? [];
  return (
    <section aria-label="Plan">
      <dl className="facts">
        <dt>Cost of 1,000 runs</dt>
        <dd>{dollars(plan.cost_usd_per_1000_runs.transitions)} for transitions</dd>
        <dt>States</dt>
        <dd>{plan.states.toLocaleString("en")}</dd>
        <dt>Transitions</dt>
        <dd>{range(plan.transitions_min, plan.transitions_max)}</dd>
        <dt>Planned time</dt>
        <dd>
          {plan.critical_path_seconds === null ? "not known" : duration(plan.critical_path_seconds * 1000)}
          {isLater(plan) && <> · {duration((plan.ideal_seconds ?? 0) * 1000)} with no step waiting for another one's branch</>}
        </dd>
        <dt>At the same time</dt>
        <dd>{plan.parallel_width} {plan.parallel_width === 1 ? "step" : "steps"}</dd>
      </dl>
      {quotasOf(plan).map((quota) => (
        <Meter key={quota.name} {...quota} />
      ))}
      {path.length > 0 && (
        <>
          <h2>Critical path</h2>
          <p className="row">
            {path.map((step, i) => (
              <span key={step}>
                {i > 0 && <span aria-hidden="true">→ </span>}
                <button type="button" className="quiet" style={{ padding: 0 }} onClick={() => select(step)}>
                  {step}
                </button>
              </span>
            ))}
          </p>
        </>
      )}
      {pairs.length > 0 && (
        <>
          <h2>Waits that only the order of states makes</h2>
          <ul>
            {pairs.slice(0, 10).map(({ before, after, seconds }) => (
              <li key={`${before} ${after}`}>
                {after} waits for {before}: {duration(seconds * 1000)}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function isLater(plan: Schemas["Plan"]): boolean {
  return plan.critical_path_seconds !== null && plan.ideal_seconds !== null && plan.critical_path_seconds - plan.ideal_seconds >= 0.05;
}

function range(least: number | null, most: number | null): string {
  if (least === most && least !== null) return least.toLocaleString("en");
  return `${least?.toLocaleString("en") ?? "?"} to ${most?.toLocaleString("en") ?? "any number"}`;
}

function Meter({ name, used, most }: Quota) {
  const share = used === null ? 0 : used / most;
  const told = used === null ? "not bounded" : `${used.toLocaleString("en")} of ${most.toLocaleString("en")}`;
  return (
    <div style={{ margin: "8px 0" }}>
      <div className="row spread">
        <span className="muted">{name}</span>
        <span>{told}</span>
      </div>
      <svg className="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={`${name}: ${told}`}>
        <rect className="room" width="100" height="8" />
        <rect className={`used ${share > 1 ? "over" : share > 0.7 ? "much" : ""}`} width={Math.min(100, Math.max(share * 100, used ? 0.5 : 0))} height="8" />
      </svg>
    </div>
  );
}
