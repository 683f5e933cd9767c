import { useStoreApi } from "@xyflow/react";
import { useContext, useEffect, useMemo, useRef } from "react";

import { costColour } from "../model/costs";
import { lookOf } from "../model/status";
import { onTheme, paletteOf } from "./colours";
import { CanvasContext } from "./context";
import type { Layout } from "./layout";
import { linesOf, type Line, type Rect, rectsOf } from "./rects";

/** Below this zoom no box can be read, and thousands of elements of a page would be moved for nothing. */
export const OVERVIEW_BELOW = 0.15;
/** What is selected is to be found, however small it is. */
const LEAST_MARK = 10;

interface Picture {
  readonly rects: readonly Rect[];
  readonly lines: readonly Line[];
  readonly colourOf: (id: string) => string;
  readonly isCritical: (id: string) => boolean;
  readonly isDimmed: (id: string) => boolean;
  readonly selected: string | null;
}

/** The graph from afar, drawn as one picture: steps in the colour of their status, containers as outlines. It takes no clicks: the pane
 * below it does.
 */
export function Overview({ layout }: { layout: Layout }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const flowing = useStoreApi();
  const { store, costs, selected, critical, notTaken } = useContext(CanvasContext);
  const drawn = useMemo(() => {
    const rects = rectsOf(layout.boxes);
    return { rects, lines: linesOf(layout, rects) };
  }, [layout]);
  useEffect(() => {
    const colourOf = (id: string): string => (costs ? costColour(costs.get(id)) : lookOf(store?.getStatusOf(id) ?? "pending").colour);
    const picture: Picture = { ...drawn, colourOf, selected, isCritical: (id) => critical.has(id), isDimmed: (id) => notTaken.has(id) };
    let frame = 0;
    const paint = (): void => {
      frame = 0;
      const { transform, width, height } = flowing.getState();
      if (canvas.current) draw(canvas.current, picture, transform, width, height);
    };
    const later = (): void => {
      frame ||= requestAnimationFrame(paint);
    };
    paint();
    const ends = [flowing.subscribe(later), store?.subscribe(null, later), costs?.subscribe(later), onTheme(later)];
    return () => {
      cancelAnimationFrame(frame);
      for (const end of ends) end?.();
    };
  }, [flowing, drawn, store, costs, selected, critical, notTaken]);
  return <canvas ref={canvas} className="overview" aria-hidden="true" />;
}

function draw(canvas: HTMLCanvasElement, picture: Picture, [left, top, zoom]: readonly [number, number, number], width: number, height: number): void {
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  const scale = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  // To set a size empties the picture, and costs a new one.
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const palette = paletteOf(canvas);
  const at = ({ x, y, width: w, height: h }: Rect) => ({ x: left + x * zoom, y: top + y * zoom, width: Math.max(1, w * zoom), height: Math.max(1, h * zoom) });
  const isShown = (rect: Rect): boolean => {
    const { x, y, width: w, height: h } = at(rect);
    return x + w >= 0 && y + h >= 0 && x <= width && y <= height;
  };
  const lines = (isCritical: boolean): void => {
    pen.beginPath();
    for (const { from, to } of picture.lines) {
      if ((picture.isCritical(from.id) && picture.isCritical(to.id)) !== isCritical) continue;
      const [start, end] = [at(from), at(to)];
      if (Math.max(start.x, end.x) < 0 || Math.min(start.x, end.x) > width || end.y < 0 || start.y > height) continue;
      pen.moveTo(start.x + start.width / 2, start.y + start.height);
      pen.lineTo(end.x + end.width / 2, end.y);
    }
    pen.stroke();
  };
  pen.lineWidth = 1;
  pen.strokeStyle = palette("line");
  lines(false);
  pen.strokeStyle = palette("accent");
  lines(true);
  const byColour = new Map<string, Rect[]>();
  let isColoured = false;
  for (const rect of picture.rects) {
    if (!isShown(rect)) continue;
    const colour = rect.kind === "group" ? "line" : picture.colourOf(rect.id);
    isColoured ||= rect.kind !== "group" && colour !== "idle";
    const known = byColour.get(colour);
    if (known) known.push(rect);
    else byColour.set(colour, [rect]);
  }
  for (const [colour, rects] of byColour) {
    pen.fillStyle = pen.strokeStyle = palette(colour);
    for (const rect of rects) {
      const { x, y, width: w, height: h } = at(rect);
      pen.globalAlpha = picture.isDimmed(rect.id) ? 0.45 : 1;
      if (rect.kind === "step") pen.fillRect(x, y, w, h);
      else pen.strokeRect(x, y, w, h);
    }
  }
  pen.globalAlpha = 1;
  const chosen = picture.rects.find(({ id }) => id === picture.selected);
  if (chosen !== undefined) {
    const { x, y, width: w, height: h } = at(chosen);
    const [aside, along] = [Math.max(0, LEAST_MARK - w) / 2 + 2, Math.max(0, LEAST_MARK - h) / 2 + 2];
    pen.lineWidth = 3;
    pen.strokeStyle = palette("focus");
    pen.strokeRect(x - aside, y - along, w + 2 * aside, h + 2 * along);
  }
  if (isColoured) canvas.dataset["coloured"] = "yes";
}
