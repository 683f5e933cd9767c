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
import { memo, useCallback, useContext, useEffect, useMemo, useRef } from "react";

import type { RunStore } from "../live/runStore";
import { useStatusOf } from "../live/useRun";
import type { Flow } from "../model/flow";
import { lookOf } from "../model/status";
import { duration } from "../model/time";
import { CanvasContext } from "./context";
import { Heat } from "./Heat";
import type { Box } from "./layout";
import { useLayout, type View } from "./useLayout";

const NO_TEXT_BELOW = 0.35;
const MOST_FOR_MINIMAP = 500;
const CULL_FROM = 250;

interface Props {
  readonly flow: Flow;
  readonly store: RunStore | null;
  readonly view: View;
  readonly selected: string | null;
  readonly select: (step: string | null) => void;
  readonly showsCost?: boolean;
  /** Lets arrows be drawn from step to step; without it the graph is only looked at. */
  readonly connect?: (from: string, to: string) => void;
}

type BoxNode = Node<{ box: Box }, "step" | "container" | "group">;

const TYPES = { step: memo(StepBox), container: memo(ContainerBox), group: memo(GroupBox) };

/** The graph of a workflow, coloured by a run while that goes on. Its accessible twin is the list of steps beside it. */
export function Canvas({ flow, store, view, selected, select, showsCost = false, connect }: Props) {
  const layout = useLayout(flow, view);
  const instance = useRef<ReactFlowInstance<BoxNode> | null>(null);
  const frame = useRef<HTMLDivElement>(null);
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
    const shown = Math.max(0.05, zoom);
    void flowing.setViewport({ zoom: shown, x: (room.clientWidth - layout.width * shown) / 2, y: Math.max(20, (room.clientHeight - layout.height * shown) / 2) });
  }, [layout]);
  useEffect(fit, [fit]);

  const context = useMemo(() => ({ flow, store, selected, critical, showsCost, canConnect: connect !== undefined }), [flow, store, selected, critical, showsCost, connect !== undefined]);
  if (layout === null) return <p className="muted">Drawing…</p>;
  return (
    <div className={connect ? "canvas connects" : "canvas"} ref={frame}>
      <CanvasContext value={context}>
        <ReactFlow<BoxNode>
          nodes={nodes}
          edges={edges}
          nodeTypes={TYPES}
          onInit={(flowing) => {
            instance.current = flowing;
            fit();
          }}
          onNodeClick={(_, node) => node.type !== "group" && select(node.id)}
          onPaneClick={() => select(null)}
          nodesDraggable={false}
          nodesConnectable={connect !== undefined}
          onConnect={({ source, target }) => connect?.(source, target)}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          onlyRenderVisibleElements={nodes.length > CULL_FROM}
          minZoom={0.05}
          maxZoom={2}
          aria-label="The graph of the workflow; the list of steps has the same"
        >
          <Background gap={24} />
          <Controls showInteractive={false} onFitView={fit} />
          {nodes.length <= MOST_FOR_MINIMAP && nodes.length > 12 && <MiniMap pannable zoomable aria-label="Overview" />}
        </ReactFlow>
      </CanvasContext>
    </div>
  );
}

function nodeOf(box: Box): BoxNode {
  return {
    id: box.id,
    type: box.kind,
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
  const { flow, store, selected, critical, canConnect } = useContext(CanvasContext);
  const step = flow.steps.get(id);
  const status = useStatusOf(store, id);
  const isFar = useIsFar();
  const look = lookOf(status);
  const marks = [critical.has(id) ? "critical" : "", id === selected ? "selected" : "", isContainer ? "container" : ""];
  return (
    <div data-step={id} className={`step-box ${look.colour} ${marks.filter(Boolean).join(" ")}`}>
      <Handle type="target" position={Position.Top} isConnectable={canConnect} />
      {!isFar && (
        <>
          <div className="title">
            <span aria-hidden="true">{store ? look.mark : ""}</span> {id}
          </div>
          <div className="kind">
            {step?.type}
            {step?.isList ? " · for each" : ""}
            {step?.isConditional ? " · if" : ""}
          </div>
          {store && <Heat store={store} id={id} />}
        </>
      )}
      <Handle type="source" position={Position.Bottom} isConnectable={canConnect} />
    </div>
  );
}

function GroupBox() {
  return (
    <div className="group-box">
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
}
