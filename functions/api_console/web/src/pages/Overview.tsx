import "uplot/dist/uPlot.min.css";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useReducer, useRef, useState } from "react";
import uPlot from "uplot";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { onTheme, paletteOf } from "../graph/colours";
import { duration, moment } from "../model/time";
import { href, setQuery, useRoute } from "../routes";
import { Problem } from "../ui/Problem";
import { Status } from "../ui/Status";
import { useUtc } from "../ui/zone";

type Bucket = Schemas["BucketStats"];

const SPANS: Readonly<Record<string, { hours: number; bucket: "hour" | "day"; name: string }>> = {
  day: { hours: 24, bucket: "hour", name: "24 hours" },
  // An answer has 168 hours at most, and the service may be in the next one already.
  week: { hours: 7 * 24 - 1, bucket: "hour", name: "7 days" },
  month: { hours: 30 * 24, bucket: "day", name: "30 days" },
};
const HOUR = 3_600_000;
const MOST_WORKFLOWS = 20;
/** A run counts some seconds after its end: where none does yet, that is what one waits for. */
const [READ_MS, FIRST_MS] = [5_000, 2_000];

/** What has run lately: how much of it failed, how long it took, and what it cost. */
export default function Overview() {
  const { query } = useRoute();
  const span = SPANS[query.get("span") ?? "day"] ?? SPANS["day"];
  const from = since(useHour(), span?.hours ?? 24);
  const asked = { from, bucket: span?.bucket ?? "hour" };
  const stats = useQuery({
    queryKey: keys.stats(asked),
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ask(api.GET("/stats", { params: { query: asked }, signal })),
    refetchInterval: (q) => (q.state.data?.total.runs ? READ_MS : FIRST_MS),
  });
  return (
    <>
      <div className="row spread">
        <h1>Overview</h1>
        <label>
          Of the last{" "}
          <select value={query.get("span") ?? "day"} onChange={(e) => setQuery({ span: e.target.value === "day" ? null : e.target.value })}>
            {Object.entries(SPANS).map(([name, each]) => (
              <option key={name} value={name}>
                {each.name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Problem error={stats.data ? null : stats.error} retry={() => void stats.refetch()} />
      {stats.data && (
        <>
          <Figures total={stats.data.total} from={from} />
          <h2>Runs</h2>
          <Chart buckets={stats.data.buckets} lines={RUNS} label="Runs that ended, and those of them that failed, over time" />
          <h2>How long they took, in seconds</h2>
          <Chart buckets={stats.data.buckets} lines={TIMES} label="The median and the 95th percentile of durations over time" />
        </>
      )}
      {stats.data && stats.data.total.runs > 0 && <Workflows asked={asked} />}
    </>
  );
}

/** The hour that it is, in hours since 1970: a page that is open for days goes with it, and asks the same question for an hour. */
function useHour(): number {
  const [hour, set] = useState(hourNow);
  useEffect(() => {
    const timer = setInterval(() => set(hourNow()), 10_000);
    return () => clearInterval(timer);
  }, []);
  return hour;
}

function hourNow(): number {
  return Math.floor(Date.now() / HOUR);
}

/** The start of so many hours, of which the last is the one given. */
function since(hour: number, hours: number): string {
  return new Date((hour - hours + 1) * HOUR).toISOString();
}

function Figures({ total, from }: { total: Schemas["RunStats"]; from: string }) {
  const { duration_ms: took, cost_usd: cost } = total;
  return (
    <div className="row" style={{ margin: "12px 0", alignItems: "stretch" }}>
      <Figure name="Runs" value={total.runs.toLocaleString("en")}>
        {Object.entries(total.counts).filter(([, n]) => n > 0).map(([status, n]) => (
          <a key={status} href={href(["runs"], { status, from })}><Status status={status} /> {n.toLocaleString("en")}</a>
        ))}
      </Figure>
      <Figure name="Failed" value={total.failure_rate === null ? "–" : `${(total.failure_rate * 100).toFixed(1)} %`} />
      <Figure name="p50 / p95 / p99" value={[took.p50, took.p95, took.p99].map((ms) => duration(ms)).join(" / ")} />
      <Figure name="Retries" value={total.retries.toLocaleString("en")} note={sampled(total.sampled)} />
      <Figure name="Cost" value={`$${cost.total.toFixed(4)}`} note={[sampled(total.sampled), unpriced(cost.unpriced_runs)].filter(Boolean).join("; ") || null} />
      <Figure name="Tokens" value={total.usage.total_tokens.toLocaleString("en")} note={sampled(total.sampled)} />
    </div>
  );
}

function sampled({ runs, of }: { runs: number; of: number }): string | null {
  return runs < of ? `sampled: ${runs.toLocaleString("en")} of ${of.toLocaleString("en")}` : null;
}

function unpriced(runs: number): string | null {
  return runs > 0 ? `without the models of ${runs.toLocaleString("en")} runs, whose price is not known` : null;
}

function Figure({ name, value, note = null, children }: { name: string; value: string; note?: string | null; children?: React.ReactNode }) {
  return (
    <div className="card">
      <div className="muted">{name}</div>
      <div style={{ fontSize: 20, fontWeight: 600 }}>{value}</div>
      {note && <div className="muted">{note}</div>}
      {children && <div className="row">{children}</div>}
    </div>
  );
}

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly of: (bucket: Bucket) => number | null;
}

const RUNS: readonly Line[] = [
  { name: "all", colour: "accent", of: (b) => b.runs },
  { name: "failed", colour: "bad", of: (b) => (b.counts["failed"] ?? 0) + (b.counts["timed_out"] ?? 0) },
];
const TIMES: readonly Line[] = [
  { name: "p50", colour: "accent", of: (b) => seconds(b.duration_ms.p50) },
  { name: "p95", colour: "waiting", of: (b) => seconds(b.duration_ms.p95) },
];

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}

function Chart({ buckets, lines, label }: { buckets: readonly Bucket[]; lines: readonly Line[]; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const utc = useUtc();
  // Where the pointer was: a chart that is drawn anew under it goes on telling what is there.
  const pointer = useRef({ left: -10, top: -10 });
  const [theme, anotherTheme] = useReducer((n: number) => n + 1, 0);
  useEffect(() => onTheme(anotherTheme), []);
  useEffect(() => {
    const place = box.current;
    if (place === null) return undefined;
    const colour = paletteOf(place);
    const line = { stroke: colour("line"), width: 1 };
    const axis = { stroke: colour("muted"), grid: line, ticks: line };
    const data = [buckets.map((b) => Date.parse(b.start) / 1000), ...lines.map((line) => buckets.map(line.of))] as uPlot.AlignedData;
    const chart = new uPlot(
      {
        width: place.clientWidth,
        height: 180,
        tzDate: (at) => (utc ? uPlot.tzDate(new Date(at * 1000), "Etc/UTC") : new Date(at * 1000)),
        axes: [{ ...axis, space: 100, values: (_, splits) => splits.map((at) => momentOf(at)) }, axis],
        series: [{ label: "From", value: (_, at) => momentOf(at) }, ...lines.map((line) => ({ label: line.name, stroke: colour(line.colour), width: 2, points: { show: buckets.length < 60 } }))],
        legend: { show: true },
      },
      data,
      place,
    );
    chart.setCursor(pointer.current);
    const watching = new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: 180 }));
    watching.observe(place);
    return () => {
      watching.disconnect();
      const { left = -10, top = -10 } = chart.cursor;
      pointer.current = { left, top };
      chart.destroy();
    };
  }, [buckets, lines, utc, theme]);
  return <div ref={box} role="img" aria-label={label} />;
}

/** A place on the axis of time, in seconds since 1970: to the minute, in the zone that all moments have. */
function momentOf(at: number | null): string {
  return at === null ? "–" : moment(new Date(at * 1000).toISOString()).slice(5, 16);
}

/** The workflows that there are, by what they cost. */
function Workflows({ asked }: { asked: { from: string; bucket: "hour" | "day" } }) {
  const found = useQuery({
    queryKey: ["overview", "workflows", asked],
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
    queryFn: async ({ signal }) => {
      const page = await ask(api.GET("/workflows", { params: { query: { limit: MOST_WORKFLOWS } }, signal }));
      const figures = await Promise.all(
        page.items.map((w) => ask(api.GET("/workflows/{workflow_id}/stats", { params: { path: { workflow_id: w.workflow_id }, query: asked }, signal }))),
      );
      const rows = page.items.map((w, i) => ({ id: w.workflow_id, name: w.name, stats: figures[i] })).filter((row) => (row.stats?.total.runs ?? 0) > 0);
      return { rows, isAll: page.next_cursor === null };
    },
  });
  const rows = [...(found.data?.rows ?? [])].sort((a, b) => costOf(b.stats) - costOf(a.stats));
  if (rows.length === 0) return null;
  const slowest = rows
    .flatMap((row) => (row.stats?.steps ?? []).map((step) => ({ ...step, workflow: row.name, id: row.id })))
    .sort((a, b) => (b.duration_ms.p95 ?? 0) - (a.duration_ms.p95 ?? 0))
    .slice(0, 10);
  return (
    <>
      <h2>Saved workflows</h2>
      {!found.data?.isAll && <p className="muted">Of the {MOST_WORKFLOWS} that stand first in the list of workflows; there are more.</p>}
      <table>
        <thead>
          <tr><th>Workflow</th><th>Runs</th><th>Failed</th><th>p95</th><th>Cost</th></tr>
        </thead>
        <tbody>
          {rows.map(({ id, name, stats }) => (
            <tr key={id}>
              <td><a href={href(["workflows", id])}>{name}</a></td>
              <td>{stats?.total.runs.toLocaleString("en")}</td>
              <td>{stats?.total.failure_rate === null || stats === undefined ? "–" : `${(stats.total.failure_rate * 100).toFixed(1)} %`}</td>
              <td>{duration(stats?.total.duration_ms.p95)}</td>
              <td>${costOf(stats).toFixed(4)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {slowest.length > 0 && (
        <>
          <h2>Slowest steps</h2>
          <table>
            <thead>
              <tr><th>Step</th><th>Workflow</th><th>p50</th><th>p95</th><th>Failed</th><th>Retries</th></tr>
            </thead>
            <tbody>
              {slowest.map((step) => (
                <tr key={`${step.id} ${step.step_id}`}>
                  <td>{step.step_id}</td><td>{step.workflow}</td><td>{duration(step.duration_ms.p50)}</td><td>{duration(step.duration_ms.p95)}</td>
                  <td>{step.failed}</td><td>{step.retries}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

function costOf(stats: Schemas["WorkflowStats"] | undefined): number {
  return stats?.total.cost_usd.total ?? 0;
}
