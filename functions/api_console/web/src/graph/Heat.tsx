import type { RunStore } from "../live/runStore";
import { useCounts, useInner } from "../live/useRun";
import { lookOf } from "../model/status";

/** How many parts are in which status: a strip, in which each status has its share. */
export function Heat({ store, id }: { store: RunStore; id: string }) {
  const [parts, inner] = [useCounts(store, id), useInner(store, id)];
  const counts = Object.keys(parts).length > 0 ? parts : inner;
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  const total = shown.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  const told = shown.map(([status, count]) => `${count} ${lookOf(status).word}`).join(", ");
  return (
    <svg className="heat" viewBox={`0 0 ${total} 4`} preserveAspectRatio="none" role="img" aria-label={told}>
      <title>{told}</title>
      {shown.map(([status, count], i) => (
        <rect
          key={status}
          className={lookOf(status).colour}
          x={shown.slice(0, i).reduce((sum, [, before]) => sum + before, 0)}
          width={count}
          height={4}
        />
      ))}
    </svg>
  );
}
