import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useState } from "react";

import type { RunStore } from "../live/runStore";
import { useEverything, useRunState } from "../live/useRun";
import { type Flow, slackOf } from "../model/flow";
import { hasEnded, lookOf } from "../model/status";
import { duration } from "../model/time";
import { type Axis, axisOf, type Bar, barsOf, foldedOf, realCriticalPath, ticksOf } from "../model/timeline";

const ROW = 24;
/** The place of the names, at most: on a phone they have a third. */
const NAMES = 200;
const LEAST = 2;
/** Pixels from one moment that the axis names to the next. */
const LEAST_TICK = 84;

interface Props {
  readonly flow: Flow | null;
  readonly store: RunStore;
  readonly selected: string | null;
  readonly select: (step: string) => void;
}

/** What ran when: a bar a step with its attempts, the path that decided when the run ended, and long idle times folded. */
export function Gantt({ flow, store, selected, select }: Props) {
  const version = useEverything(store);
  const run = useRunState(store);
  const now = useNow(!hasEnded(run.status));
  const [planned, showPlanned] = useState(false);
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const room = useWidth(box);
  const names = Math.min(NAMES, room / 3);
  const width = room - names - 24;
  const { bars, axis, critical, lists } = useMemo(() => {
    const all = [...store.keys()].map((key) => store.getStep(key)).filter((step) => step !== undefined);
    const { steps, lists: long } = foldedOf(all, (list) => opened.has(list));
    const found = barsOf(steps, run.startedAt, now);
    const began = run.startedAt ? Date.parse(run.startedAt) : now;
    const until = (run.endedAt ? Date.parse(run.endedAt) : now) - began;
    const waits = new Set(steps.filter((s) => s.status === "waiting" || isWait(flow, s.stepId)).map((s) => s.key));
    const ends = new Map(found.filter((b) => flow?.steps.get(b.key)?.container === null).map((b) => [b.key, b.to]));
    return {
      bars: found,
      lists: long,
      axis: axisOf(found, Math.max(0, until), (bar) => waits.has(bar.key)),
      critical: new Set(realCriticalPath(ends, (id) => flow?.steps.get(id)?.after ?? [])),
    };
  }, [version, run, now, flow, opened]);
  const slack = useMemo(() => (flow ? slackOf(flow) : new Map<string, number>()), [flow]);
  const rows = useVirtualizer({ count: bars.length, getScrollElement: () => box, estimateSize: () => ROW, overscan: 20 });
  const scale = Math.max(60, width) / axis.length;
  const read: Scale = { axis, scale, ticks: ticksOf(axis, LEAST_TICK / scale) };
  if (bars.length === 0) return <p className="empty">No step has begun yet.</p>;
  return (
    <>
      <div className="row">
        <label>
          <input type="checkbox" checked={planned} onChange={(e) => showPlanned(e.target.checked)} /> planned beside real
        </label>
        <span className="muted">
          ◆ decided when the run ended
          {axis.folds.length > 0 && ` · ${axis.folds.length} idle ${axis.folds.length === 1 ? "time" : "times"} folded (${axis.folds.map((f) => duration(f.ms)).join(", ")})`}
        </span>
        {lists.map(({ key, steps }) => (
          <label key={key}>
            <input type="checkbox" checked={opened.has(key)} onChange={(e) => setOpened((before) => (e.target.checked ? new Set([...before, key]) : new Set([...before].filter((k) => k !== key))))} /> show the{" "}
            {steps.toLocaleString("en")} steps in {key}
          </label>
        ))}
      </div>
      <div className="rows timeline" ref={setBox} tabIndex={0} role="group" aria-label="Timeline">
        <Moments {...read} names={names} />
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          <Lines {...read} names={names} />
          {rows.getVirtualItems().map(({ index, start }) => {
            const bar = bars[index];
            if (bar === undefined) return null;
            return (
              <button
                type="button"
                key={bar.key}
                className="quiet bar-row"
                aria-pressed={bar.key === selected}
                style={{ position: "absolute", top: start, left: 0, right: 0, height: ROW, display: "grid", gridTemplateColumns: `${names}px 1fr`, padding: 0, textAlign: "left", width: "100%" }}
                onClick={() => select(bar.key)}
              >
                <span style={{ overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap", padding: "0 8px" }}>
                  {critical.has(bar.key) && <span title="Decided when the run ended">◆ </span>}
                  {bar.key}
                  {planned && slack.has(bar.key) && <span className="muted"> · slack {duration(1000 * (slack.get(bar.key) ?? 0))}</span>}
                </span>
                <Drawn bar={bar} at={(ms) => axis.at(ms) * scale} planned={planned ? plannedOf(flow, bar.key) : null} />
              </button>
            );
          })}
        </div>
      </div>
    </>
  );
}

interface Scale {
  readonly axis: Axis;
  /** Pixels a unit of the axis. */
  readonly scale: number;
  readonly ticks: readonly number[];
}

/** The moments that the bars are read by, which stay above them. Each bar tells its own to who cannot see it. */
function Moments({ axis, scale, ticks, names }: Scale & { names: number }) {
  return (
    <div className="moments" aria-hidden="true" style={{ height: ROW, paddingLeft: names }}>
      <div className="lines">
        {ticks.map((ms) => (
          <span key={ms} style={{ left: axis.at(ms) * scale }}>
            {ms === 0 ? "0" : duration(ms)}
          </span>
        ))}
      </div>
    </div>
  );
}

/** Lines at those moments below the bars, and hatched what is folded. */
function Lines({ axis, scale, ticks, names }: Scale & { names: number }) {
  return (
    <div className="lines" aria-hidden="true" style={{ position: "absolute", top: 0, bottom: 0, left: names, right: 0 }}>
      {ticks.map((ms) => (
        <span key={ms} style={{ left: axis.at(ms) * scale }} />
      ))}
      {axis.folds.map(({ from, to }) => (
        <span key={from} className="fold" style={{ left: axis.at(from) * scale, width: (axis.at(to) - axis.at(from)) * scale }} />
      ))}
    </div>
  );
}

function isWait(flow: Flow | null, id: string): boolean {
  return ["delay", "approval", "human_approval", "callback"].includes(flow?.steps.get(id)?.type ?? "");
}

function plannedOf(flow: Flow | null, key: string): { from: number; to: number } | null {
  const step = flow?.steps.get(key);
  return step && step.container === null ? { from: step.start * 1000, to: step.end * 1000 } : null;
}

function Drawn({ bar, at, planned }: { bar: Bar; at: (ms: number) => number; planned: { from: number; to: number } | null }) {
  const look = lookOf(bar.status);
  const [from, to] = [at(bar.from), at(bar.to)];
  const told = `${bar.key}: ${look.word}, from ${duration(bar.from)} on, ${duration(bar.to - bar.from)}${planned ? `; planned from ${duration(planned.from)} on, ${duration(planned.to - planned.from)}` : ""}`;
  return (
    <svg width="100%" height={ROW} role="img" aria-label={told}>
      <title>{told}</title>
      {planned && <rect className="bar-of idle" x={at(planned.from)} y={ROW - 6} width={Math.max(LEAST, at(planned.to) - at(planned.from))} height={4} />}
      <rect className={`bar-of ${look.colour}`} opacity={bar.attempts.length > 1 ? 0.3 : 1} x={from} y={5} width={Math.max(LEAST, to - from)} height={12} rx={2} />
      {bar.attempts.length > 1 &&
        bar.attempts.map((attempt, i) => (
          <rect
            key={i}
            className={`bar-of ${attempt.isFailed ? "bad" : look.colour}`}
            x={at(attempt.from)}
            y={5}
            width={Math.max(LEAST, at(attempt.to) - at(attempt.from))}
            height={12}
            rx={2}
          />
        ))}
    </svg>
  );
}

function useNow(isRunning: boolean): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => set(Date.now()), 500);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}

/** The width of an element, which may come later than the page. */
function useWidth(shown: HTMLDivElement | null): number {
  const [width, set] = useState(900);
  useEffect(() => {
    if (shown === null) return undefined;
    const watching = new ResizeObserver(() => set(shown.clientWidth));
    watching.observe(shown);
    return () => watching.disconnect();
  }, [shown]);
  return width;
}
