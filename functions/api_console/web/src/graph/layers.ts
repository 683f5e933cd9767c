/** Layers of steps below each other: for graphs that are too deep for dagre, which walks them by recursion and overflows the stack
 * of a worker at some thousand steps in a row. Pure.
 */

interface Placed {
  /** The middle of the box. */
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Each step is one layer below the lowest that it waits for; within a layer they stand in the order of the document. */
export function layered(
  steps: readonly { readonly id: string; readonly after: readonly string[] }[],
  sizeOf: (id: string) => Size,
  gap: { readonly x: number; readonly y: number },
): { readonly at: ReadonlyMap<string, Placed>; readonly width: number; readonly height: number } {
  const rows: string[][] = [];
  for (const [id, layer] of layersOf(steps)) (rows[layer] ??= []).push(id);
  const widths = rows.map((row) => row.reduce((sum, id) => sum + sizeOf(id).width + gap.x, -gap.x));
  const width = Math.max(0, ...widths);
  const at = new Map<string, Placed>();
  let y = 0;
  rows.forEach((row, layer) => {
    const height = Math.max(...row.map((id) => sizeOf(id).height));
    let x = (width - (widths[layer] ?? 0)) / 2;
    for (const id of row) {
      at.set(id, { x: x + sizeOf(id).width / 2, y: y + height / 2 });
      x += sizeOf(id).width + gap.x;
    }
    y += height + gap.y;
  });
  return { at, width, height: Math.max(0, y - gap.y) };
}

/** The layer of each step, in the order of the document. Steps of a circle, which a text may have while it is written, come first. */
function layersOf(steps: readonly { readonly id: string; readonly after: readonly string[] }[]): Map<string, number> {
  const known = new Set(steps.map((s) => s.id));
  const layers = new Map(steps.map((s) => [s.id, 0]));
  const waiting = new Map<string, number>();
  const behind = new Map<string, string[]>();
  for (const { id, after } of steps) {
    const before = after.filter((b) => known.has(b));
    waiting.set(id, before.length);
    for (const each of before) behind.set(each, [...(behind.get(each) ?? []), id]);
  }
  const free = steps.filter((s) => waiting.get(s.id) === 0).map((s) => s.id);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    for (const next of behind.get(id) ?? []) {
      layers.set(next, Math.max(layers.get(next) ?? 0, (layers.get(id) ?? 0) + 1));
      const left = (waiting.get(next) ?? 0) - 1;
      waiting.set(next, left);
      if (left === 0) free.push(next);
    }
  }
  return layers;
}
