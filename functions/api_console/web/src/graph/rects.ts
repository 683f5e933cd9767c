/** Where the boxes of a graph are, seen from its corner, and which one is meant by a point. Pure. */

import type { Box, Layout } from "./layout";

export interface Rect {
  readonly id: string;
  readonly kind: Box["kind"];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A line from the bottom of a box to the top of the one that waits for it. */
export interface Line {
  readonly from: Rect;
  readonly to: Rect;
}

/** Containers come before what is in them. */
export function rectsOf(boxes: readonly Box[]): readonly Rect[] {
  const known = new Map<string, Rect>();
  for (const { id, kind, parent, x, y, width, height } of boxes) {
    const outer = parent === null ? undefined : known.get(parent);
    known.set(id, { id, kind, x: x + (outer?.x ?? 0), y: y + (outer?.y ?? 0), width, height });
  }
  return [...known.values()];
}

export function linesOf(layout: Layout, rects: readonly Rect[]): readonly Line[] {
  const known = new Map(rects.map((rect) => [rect.id, rect]));
  return layout.edges.flatMap(({ from, to }) => {
    const [start, end] = [known.get(from), known.get(to)];
    return start && end ? [{ from: start, to: end }] : [];
  });
}

/** The step at a point, or no further from it than `reach`, since from afar a box is thinner than what a hand can point at; else the
 * innermost container that holds the point. Null where there is nothing.
 */
export function stepAt(rects: readonly Rect[], x: number, y: number, reach: number): string | null {
  let nearest: { id: string; far: number } | null = null;
  let around: string | null = null;
  for (const rect of rects) {
    const far = Math.hypot(Math.max(rect.x - x, x - rect.x - rect.width, 0), Math.max(rect.y - y, y - rect.y - rect.height, 0));
    if (rect.kind === "step" && far <= (nearest?.far ?? reach)) nearest = { id: rect.id, far };
    // What is inside of another comes after it.
    if (rect.kind === "container" && far === 0) around = rect.id;
  }
  return nearest?.id ?? around;
}
