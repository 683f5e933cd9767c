import type { RunStore } from "../live/runStore";
import { useCounts, useInner } from "../live/useRun";
import { lookOf } from "../model/status";

/** Seen, however few of how many there are. */
const LEAST_SHARE = 0.02;

/** How many parts are in which status: a strip, in which each status has its share. */
export function Heat({ store, id }: { store: RunStore; id: string }) {
  const [parts, inner] = [useCounts(store, id), useInner(store, id)];
  const counts = Object.keys(parts).length > 0 ? parts : inner;
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  const total = sumOf(shown.map(([, count]) => count));
  if (total === 0) return null;
  const widths = shown.map(([, count]) => Math.max(count, LEAST_SHARE * total));
  const told = shown.map(([status, count]) => `${count} ${lookOf(status).word}`).join(", ");
  return (
    <svg className="heat" viewBox={`0 0 ${sumOf(widths)} 4`} preserveAspectRatio="none" role="img" aria-label={told}>
      <title>{told}</title>
      {shown.map(([status], i) => (
        <rect
          key={status}
          className={lookOf(status).colour}
          x={sumOf(widths.slice(0, i))}
          width={widths[i]}
          height={4}
        />
      ))}
    </svg>
  );
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
