/** Where the boxes of a graph are. The written graph is laid out by dagre, bottom-up, since nothing outside of a container reads
 * what is inside; the compiled one needs no engine: boxes beside and below each other. Pure; runs in a worker.
 */

import dagre from "@dagrejs/dagre";

import type { Flow, FlowStep, PlannedPart } from "../model/flow";
import { layered } from "./layers";

export interface Box {
  /** A step's id, or for a group of the compiled view its path. */
  readonly id: string;
  readonly kind: "step" | "container" | "group";
  readonly parent: string | null;
  /** Relative to the parent. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
}

export interface Layout {
  readonly boxes: readonly Box[];
  readonly edges: readonly Edge[];
  readonly width: number;
  readonly height: number;
}

export const NODE = { width: 190, height: 56 } as const;
const GAP = { x: 22, y: 34 } as const;
const PAD = { side: 14, top: 58, bottom: 14 } as const;
/** dagre's better ranker takes 14 s for 1,200 steps, the other one 2 s. */
const MOST_FOR_SIMPLEX = 300;

/** The graph as it is written: an arrow for each step that another one waits for. */
export function writtenLayout(flow: Flow): Layout {
  const inner = new Map<string | null, FlowStep[]>();
  for (const step of flow.steps.values()) {
    const known = inner.get(step.container);
    if (known) known.push(step);
    else inner.set(step.container, [step]);
  }
  const boxes: Box[] = [];
  const edges: Edge[] = [];
  const lay = (container: string | null): { width: number; height: number } => {
    const steps = inner.get(container) ?? [];
    const sizes = new Map<string, { width: number; height: number }>();
    for (const step of steps) {
      if (!inner.has(step.id)) {
        sizes.set(step.id, NODE);
        continue;
      }
      const size = lay(step.id);
      sizes.set(step.id, {
        width: Math.max(NODE.width, size.width + 2 * PAD.side),
        height: size.height + PAD.top + PAD.bottom,
      });
    }
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ rankdir: "TB", nodesep: GAP.x, ranksep: GAP.y, ranker: steps.length > MOST_FOR_SIMPLEX ? "tight-tree" : "network-simplex" });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const step of steps) graph.setNode(step.id, { ...(sizes.get(step.id) ?? NODE) });
    const here = new Set(steps.map((s) => s.id));
    for (const step of steps) {
      for (const before of step.after) {
        if (!here.has(before)) continue;
        graph.setEdge(before, step.id);
        edges.push({ from: before, to: step.id });
      }
    }
    const laid = steps.length > 0 ? arranged(graph, steps, (id) => sizes.get(id) ?? NODE) : { at: NOWHERE, width: 0, height: 0 };
    const offset = container === null ? { x: 0, y: 0 } : { x: PAD.side, y: PAD.top };
    for (const step of steps) {
      const size = sizes.get(step.id) ?? NODE;
      const at = laid.at.get(step.id) ?? { x: 0, y: 0 };
      boxes.push({
        id: step.id,
        kind: inner.has(step.id) ? "container" : "step",
        parent: container,
        x: at.x - size.width / 2 + offset.x,
        y: at.y - size.height / 2 + offset.y,
        ...size,
      });
    }
    return { width: laid.width, height: laid.height };
  };
  const size = lay(null);
  return { boxes: parentsFirst(boxes), edges, ...size };
}

const NOWHERE: ReadonlyMap<string, { x: number; y: number }> = new Map();

/** By dagre; in plain layers where that cannot do it. */
function arranged(graph: InstanceType<typeof dagre.graphlib.Graph>, steps: readonly FlowStep[], sizeOf: (id: string) => Size): ReturnType<typeof layered> {
  try {
    dagre.layout(graph);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return layered(steps, sizeOf, GAP);
  }
  const whole = graph.graph() as { width?: number; height?: number };
  const at = new Map(steps.map(({ id }) => [id, graph.node(id) as { x: number; y: number }]));
  return { at, width: whole.width ?? 0, height: whole.height ?? 0 };
}

/** The machine as it was compiled: sequences run down, parallels side by side. */
export function compiledLayout(structure: PlannedPart | null): Layout {
  const boxes: Box[] = [];
  const edges: Edge[] = [];
  if (structure === null) return { boxes, edges, width: 0, height: 0 };
  const size = draw(structure, null, 0, 0, "0", { boxes, edges });
  return { boxes, edges, ...size };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Drawing {
  readonly boxes: Box[];
  readonly edges: Edge[];
}

function draw(part: PlannedPart, parent: string | null, x: number, y: number, path: string, into: Drawing): Size {
  if (part.step !== undefined) {
    const bodies = part.bodies ?? [];
    if (bodies.length === 0) {
      into.boxes.push({ id: part.step, kind: "step", parent, x, y, ...NODE });
      return NODE;
    }
    return around(bodies, { id: part.step, kind: "container", parent, x, y }, path, into);
  }
  if (part.parallel !== undefined) return around(part.parallel, { id: groupId(path), kind: "group", parent, x, y }, path, into);
  return oneAfterTheOther(part.sequence ?? [], parent, x, y, path, into);
}

/** Parts below each other, in the middle of the widest, with an arrow from each to the next. */
function oneAfterTheOther(parts: readonly PlannedPart[], parent: string | null, x: number, y: number, path: string, into: Drawing): Size {
  const drawn: { first: number; width: number }[] = [];
  let [width, height] = [0, 0];
  parts.forEach((inner, i) => {
    const first = into.boxes.length;
    const size = draw(inner, parent, x, y + height, `${path}.${i}`, into);
    drawn.push({ first, width: size.width });
    const before = parts[i - 1];
    const [from, to] = [before && idOf(before, `${path}.${i - 1}`), idOf(inner, `${path}.${i}`)];
    if (from && to) into.edges.push({ from, to });
    width = Math.max(width, size.width);
    height += size.height + GAP.y;
  });
  drawn.forEach(({ first, width: own }, i) => {
    for (let at = first; at < (drawn[i + 1]?.first ?? into.boxes.length); at++) {
      const box = into.boxes[at];
      if (box?.parent === parent) into.boxes[at] = { ...box, x: box.x + (width - own) / 2 };
    }
  });
  return { width, height: Math.max(0, height - GAP.y) };
}

function groupId(path: string): string {
  return `parallel:${path}`;
}

/** The box of a part; a sequence has none of its own. */
function idOf(part: PlannedPart, path: string): string | null {
  return part.step ?? (part.parallel === undefined ? null : groupId(path));
}

/** A box with parts side by side in it. */
function around(parts: readonly PlannedPart[], outer: Omit<Box, "width" | "height">, path: string, into: Drawing): Size {
  const at = into.boxes.length;
  into.boxes.push({ ...outer, ...NODE });
  // Only what has a title needs room for it.
  const top = outer.kind === "group" ? PAD.bottom : PAD.top;
  let [width, height] = [PAD.side, 0];
  parts.forEach((inner, i) => {
    const size = draw(inner, outer.id, width, top, `${path}.${i}`, into);
    width += size.width + GAP.x;
    height = Math.max(height, size.height);
  });
  const size = { width: Math.max(NODE.width, width - GAP.x + PAD.side), height: height + top + PAD.bottom };
  into.boxes[at] = { ...outer, ...size };
  return size;
}

/** React Flow wants a parent before what is in it. */
function parentsFirst(boxes: Box[]): Box[] {
  const byParent = new Map<string | null, Box[]>();
  for (const box of boxes) {
    const known = byParent.get(box.parent);
    if (known) known.push(box);
    else byParent.set(box.parent, [box]);
  }
  const sorted: Box[] = [];
  const stack: (string | null)[] = [null];
  while (stack.length > 0) {
    for (const box of byParent.get(stack.pop() ?? null) ?? []) {
      sorted.push(box);
      if (box.kind === "container") stack.push(box.id);
    }
  }
  return sorted;
}
