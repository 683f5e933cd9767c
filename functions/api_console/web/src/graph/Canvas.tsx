import "@xyflow/react/dist/base.css";

import {
  Background,
  Controls,
  type Edge as FlowEdge,
  Handle,
  MarkerType,
  MiniMap,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  type ReactFlowInstance,
  useStore,
} from "@xyflow/react";
import { type KeyboardEvent, memo, type RefObject, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";

import { type CostBook, useStepCost } from "../live/costBook";
import type { RunStore } from "../live/runStore";
import { useStatusOf, useStep } from "../live/useRun";
import { costColour, costText } from "../model/costs";
import { type Flow, notTaken, slackOf } from "../model/flow";
import { lookOf } from "../model/status";
import { duration } from "../model/time";
import { CanvasContext } from "./context";
import { BoxCost, BoxMean } from "./Costs";
import { Heat } from "./Heat";
import type { Box } from "./layout";
import { type Direction, nextStep, placesOf } from "./moving";
import { Overview, OVERVIEW_BELOW } from "./Overview";
import { Selected, SELECTED_ID } from "./Selected";
import { rectsOf, stepAt } from "./rects";
import { useLayout, type View } from "./useLayout";

const NO_TEXT_BELOW = 0.35;
const MOST_FOR_MINIMAP = 500;
const CULL_FROM = 250;
const LEAST_ZOOM = 0.02;
const NOTHING: [] = [];
/** How far from a box, in the pixels of the screen, a click still means it, where boxes are thin. */
const REACH = 6;

interface Props {
  readonly flow: Flow;
  readonly store: RunStore | null;
  readonly view: View;
  readonly selected: string | null;
  readonly select: (step: string | null) => void;
  /** Whether each step tells when it was planned, and its slack. */
  readonly planned?: boolean;
  /** Colours each step by what it has cost against what was planned. */
  readonly costs?: CostBook | null;
  /** Lets arrows be drawn from step to step; without it the graph is only looked at. */
  readonly connect?: (from: string, to: string) => void;
}

type BoxNode = Node<{ box: Box }, "step" | "container" | "frame">;

const TYPES = { step: memo(StepBox), container: memo(ContainerBox), frame: memo(GroupBox) };

/** The graph of a workflow, coloured by a run while that goes on. Its accessible twin is the list of steps beside it. */
export function Canvas({ flow, store, view, selected: key, select, planned = false, costs = null, connect }: Props) {
  const layout = useLayout(flow, view);
  // A part is chosen by its key, `each[5].pack`: its box is that of the step.
  const part = useStep(store, key ?? "");
  const selected = key === null ? null : (part?.stepId ?? key);
  const instance = useRef<ReactFlowInstance<BoxNode> | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  // Null until the graph was fitted into its frame: what would be drawn before that is thrown away.
  const [isAfar, setAfar] = useState<boolean | null>(null);
  const nodes = useMemo<BoxNode[]>(() => (layout?.boxes ?? []).map(nodeOf), [layout]);
  const critical = useMemo(() => new Set(flow.criticalPath), [flow]);
  const edges = useMemo<FlowEdge[]>(() => {
    const drawn: FlowEdge[] = (layout?.edges ?? []).map(({ from, to }) => ({
      id: `${from}>${to}`,
      source: from,
      target: to,
      type: "smoothstep",
      focusable: false,
      className: critical.has(from) && critical.has(to) ? "critical" : "",
      markerEnd: { type: MarkerType.ArrowClosed },
    }));
    if (view === "compiled") {
      for (const { before, after, seconds } of flow.serialised) {
        drawn.push({
          id: `cut ${before}>${after}`,
          source: before,
          target: after,
          type: "smoothstep",
          focusable: false,
          className: "cut",
          label: `+${duration(seconds * 1000)}`,
        });
      }
    }
    return drawn;
  }, [layout, critical, view, flow]);

  // `fitView` misses what was not rendered yet, so the viewport is computed from the layout.
  const fit = useCallback(() => {
    const [flowing, room] = [instance.current, frame.current];
    if (!flowing || !room || !layout || layout.width === 0) return;
    const zoom = Math.min(1.1, (room.clientWidth - 40) / layout.width, (room.clientHeight - 40) / layout.height);
    const shown = Math.max(LEAST_ZOOM, zoom);
    setAfar(shown < OVERVIEW_BELOW);
    void flowing.setViewport({ zoom: shown, x: (room.clientWidth - layout.width * shown) / 2, y: Math.max(20, (room.clientHeight - layout.height * shown) / 2) });
  }, [layout]);
  // Who has moved the graph keeps what he looks at, however much room there is; else it is fitted into that.
  const isMoved = useRef(false);
  useEffect(() => {
    isMoved.current = false;
    fit();
  }, [fit]);
  useResized(frame, layout !== null, (wider, higher) => {
    const flowing = instance.current;
    if (!isMoved.current) fit();
    else if (flowing) {
      const { x, y, zoom } = flowing.getViewport();
      void flowing.setViewport({ zoom, x: x + wider / 2, y: y + higher / 2 });
    }
  });
  const moved = (): void => {
    isMoved.current = true;
  };

  // One stop of the key Tab for the whole graph, and arrow keys inside of it: 1,200 stops would be none.
  const move = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.key === "Escape") select(null);
    if (!event.key.startsWith("Arrow") || layout === null || event.target !== event.currentTarget) return;
    event.preventDefault();
    const places = placesOf(layout.boxes);
    const next = nextStep(places, selected, event.key as Direction);
    if (next === null) return;
    moved();
    select(next);
    const place = places.find((p) => p.id === next);
    if (place) void instance.current?.setCenter(place.x, place.y, { zoom: Math.max(NO_TEXT_BELOW, instance.current.getZoom()) });
  };

  const rects = useMemo(() => rectsOf(layout?.boxes ?? []), [layout]);
  const pointedAt = (event: { clientX: number; clientY: number }): string | null => {
    const flowing = instance.current;
    if (isAfar !== true || flowing === null) return null;
    const { x, y } = flowing.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    return stepAt(rects, x, y, REACH / flowing.getZoom());
  };

  const choices = useChoices(flow, store);
  const context = useMemo(
    () => ({ flow, store, selected, critical, planned, costs, notTaken: choices, canConnect: connect !== undefined }),
    [flow, store, selected, critical, planned, costs, choices, connect !== undefined],
  );
  // A part that has not been told of yet, or whatever an address names, is no step of the graph.
  const isKnown = selected !== null && flow.steps.has(selected);
  if (layout === null) return <p className="muted">Drawing…</p>;
  return (
    <div
      className={connect ? "canvas connects" : "canvas"}
      ref={frame}
      tabIndex={0}
      role="application"
      aria-label="Graph: arrow keys go from step to step, Escape lets go"
      aria-activedescendant={isKnown ? SELECTED_ID : undefined}
      onKeyDown={move}
    >
      <CanvasContext value={context}>
        <ReactFlow<BoxNode>
          nodes={isAfar === false ? nodes : NOTHING}
          edges={isAfar === false ? edges : NOTHING}
          nodeTypes={TYPES}
          onInit={(flowing) => {
            instance.current = flowing;
            fit();
          }}
          onNodeClick={(_, node) => node.type !== "frame" && select(node.id)}
          onMoveStart={(event) => event !== null && moved()}
          onMove={(_, { zoom }) => setAfar(zoom < OVERVIEW_BELOW)}
          onPaneClick={(event) => select(pointedAt(event))}
          onPaneMouseMove={(event) => {
            const step = pointedAt(event);
            if (frame.current) frame.current.title = step === null ? "" : store ? `${step}, ${lookOf(store.getStatusOf(step)).word}` : step;
          }}
          nodesDraggable={false}
          nodesConnectable={connect !== undefined}
          onConnect={({ source, target }) => connect?.(source, target)}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          onlyRenderVisibleElements={nodes.length > CULL_FROM}
          minZoom={LEAST_ZOOM}
          maxZoom={2}
          aria-label="The graph of the workflow; the list of steps has the same"
        >
          <Background gap={24} />
          <Controls
            showInteractive={false}
            onZoomIn={moved}
            onZoomOut={moved}
            onFitView={() => {
              isMoved.current = false;
              fit();
            }}
          />
          {isAfar && <Overview layout={layout} />}
          {isAfar === false && nodes.length <= MOST_FOR_MINIMAP && nodes.length > 12 && <MiniMap pannable zoomable aria-label="Overview" />}
        </ReactFlow>
        {isKnown && <Selected step={selected} />}
      </CanvasContext>
    </div>
  );
}

function nodeOf(box: Box): BoxNode {
  return {
    id: box.id,
    // React Flow has a look of its own for what is called a group.
    type: box.kind === "group" ? "frame" : box.kind,
    position: { x: box.x, y: box.y },
    width: box.width,
    height: box.height,
    data: { box },
    ...(box.parent === null ? {} : { parentId: box.parent }),
    handles: [
      { type: "target", position: Position.Top, x: box.width / 2, y: 0, width: 1, height: 1 },
      { type: "source", position: Position.Bottom, x: box.width / 2, y: box.height, width: 1, height: 1 },
    ],
  };
}

/** Calls `changed` with how much wider and higher an element has become. */
function useResized(shown: RefObject<HTMLElement | null>, isThere: boolean, changed: (wider: number, higher: number) => void): void {
  const latest = useRef(changed);
  latest.current = changed;
  useEffect(() => {
    const element = shown.current;
    if (element === null) return undefined;
    let [width, height] = [element.clientWidth, element.clientHeight];
    const watching = new ResizeObserver(() => {
      const [wider, higher] = [element.clientWidth - width, element.clientHeight - height];
      [width, height] = [element.clientWidth, element.clientHeight];
      if (wider !== 0 || higher !== 0) latest.current(wider, higher);
    });
    watching.observe(element);
    return () => watching.disconnect();
  }, [shown, isThere]);
}

function useIsFar(): boolean {
  return useStore((s) => s.transform[2] < NO_TEXT_BELOW);
}

function StepBox({ id }: NodeProps<BoxNode>) {
  return <Inside id={id} isContainer={false} />;
}

function ContainerBox({ id }: NodeProps<BoxNode>) {
  return <Inside id={id} isContainer />;
}

function Inside({ id, isContainer }: { id: string; isContainer: boolean }) {
  const { flow, store, selected, critical, planned, costs, notTaken: dimmed, canConnect } = useContext(CanvasContext);
  const step = flow.steps.get(id);
  const status = useStatusOf(store, id);
  const isFar = useIsFar();
  const look = lookOf(status);
  const cost = useStepCost(costs, id);
  const told = [id, ...(store ? [look.word] : []), ...(cost ? [costText(cost)] : [])].join(", ");
  const marks = [critical.has(id) ? "critical" : "", id === selected ? "selected" : "", isContainer ? "container" : "", dimmed.has(id) ? "not-taken" : ""];
  return (
    <div data-step={id} role="group" aria-label={told} title={told} className={`step-box ${costs ? costColour(cost) : look.colour} ${marks.filter(Boolean).join(" ")}`}>
      <Handle type="target" position={Position.Top} isConnectable={canConnect} />
      {!isFar && (
        <>
          <div className="title">
            {costs && <BoxMean book={costs} id={id} />}
            <span aria-hidden="true">{store ? look.mark : ""}</span> {id}
          </div>
          <div className="kind">
            {costs ? <BoxCost book={costs} id={id} /> : planned && store ? <Planned store={store} id={id} /> : step?.type}
            {step?.isList ? " · for each" : ""}
            {step?.isConditional ? " · if" : ""}
            {dimmed.has(id) ? " · not taken" : ""}
          </div>
          {store && <Heat store={store} id={id} />}
        </>
      )}
      <Handle type="source" position={Position.Bottom} isConnectable={canConnect} />
    </div>
  );
}

/** Planned against real, and how much longer it may take. */
function Planned({ store, id }: { store: RunStore; id: string }) {
  const { flow } = useContext(CanvasContext);
  const [step, real] = [flow.steps.get(id), useStep(store, id)];
  const slack = useSlack(flow).get(id);
  const took = real?.durationMs ?? null;
  return (
    <>
      {step && `planned ${duration(1000 * (step.end - step.start))}`}
      {took !== null && ` · took ${duration(took)}`}
      {slack !== undefined && ` · slack ${duration(1000 * slack)}`}
    </>
  );
}

const slacks = new WeakMap<Flow, ReadonlyMap<string, number>>();

function useSlack(flow: Flow): ReadonlyMap<string, number> {
  const known = slacks.get(flow) ?? slackOf(flow);
  slacks.set(flow, known);
  return known;
}

const NONE: ReadonlySet<string> = new Set();

/** The steps of cases that were not taken; asked anew when a switch has changed, not with each event. */
function useChoices(flow: Flow, store: RunStore | null): ReadonlySet<string> {
  const [found, set] = useState(NONE);
  useEffect(() => {
    if (store === null) return undefined;
    const switches = [...flow.steps.values()].filter((s) => s.bodies.length > 1);
    const look = (): void => set(notTaken(flow, store.getStatusOf));
    look();
    const ends = switches.map((s) => store.subscribe(s.id, look));
    return () => ends.forEach((end) => end());
  }, [flow, store]);
  return found;
}

function GroupBox() {
  return (
    <div className="group-box">
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
}
