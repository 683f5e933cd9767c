/** Which step an arrow key leads to: the nearest one on that side, along the arrow rather than across it. Pure. */

import type { Box } from "./layout";
import { rectsOf } from "./rects";

export type Direction = "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

interface Place {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

/** The middles of the steps, seen from the corner of the graph. */
export function placesOf(boxes: readonly Box[]): readonly Place[] {
  // A container is met at its title, so that what is in it lies below.
  return rectsOf(boxes).flatMap(({ id, kind, x, y, width, height }) => (kind === "group" ? [] : [{ id, x: x + width / 2, y: y + Math.min(height, 56) / 2 }]));
}

export function nextStep(places: readonly Place[], from: string | null, towards: Direction): string | null {
  const here = places.find((p) => p.id === from);
  if (here === undefined) return places[0]?.id ?? null;
  const isAcross = towards === "ArrowLeft" || towards === "ArrowRight";
  const sign = towards === "ArrowUp" || towards === "ArrowLeft" ? -1 : 1;
  let best: { id: string; far: number } | null = null;
  for (const place of places) {
    const [along, aside] = isAcross ? [place.x - here.x, place.y - here.y] : [place.y - here.y, place.x - here.x];
    if (along * sign < 4 || (isAcross && Math.abs(aside) > Math.abs(along))) continue;
    // Down and up the next row counts, wherever in it; to the sides what stands in the same row.
    const far = Math.abs(along) + (isAcross ? 2 : 0.5) * Math.abs(aside);
    if (best === null || far < best.far) best = { id: place.id, far };
  }
  return best?.id ?? null;
}
