import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";

import { flatten, type Line } from "./flatten";

const ROW = 22;
const OPEN_AT_FIRST = 2;

/** A JSON value: as a tree of which only what is seen is rendered, or raw; any place can be copied as a reference. */
export function Tree({ value, root = "", label }: { value: unknown; root?: string; label: string }) {
  const [isRaw, setRaw] = useState(false);
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const box = useRef<HTMLDivElement>(null);
  const lines = useMemo(
    () => flatten(value, root, (path, depth) => (depth < OPEN_AT_FIRST) !== toggled.has(path)),
    [value, root, toggled],
  );
  const rows = useVirtualizer({ count: lines.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 20 });
  const toggle = (path: string) => setToggled((before) => new Set(before.has(path) ? [...before].filter((p) => p !== path) : [...before, path]));
  return (
    <section aria-label={label}>
      <div className="row spread">
        <strong>{label}</strong>
        <span className="row">
          <button type="button" className="quiet" aria-pressed={isRaw} onClick={() => setRaw(!isRaw)}>
            Raw
          </button>
          <Copy text={() => JSON.stringify(value, null, 2)} what={label} />
        </span>
      </div>
      {isRaw ? (
        <pre className="tree" tabIndex={0} role="group" aria-label={`${label}, raw`}>
          {JSON.stringify(value, null, 2)}
        </pre>
      ) : (
        <div className="tree" ref={box} tabIndex={0} role="group" aria-label={`${label}, as a tree`} style={{ height: Math.min(420, lines.length * ROW + 4) }}>
          <div style={{ height: rows.getTotalSize(), position: "relative" }}>
            {rows.getVirtualItems().map(({ index, start }) => {
              const line = lines[index];
              return line ? <Row key={line.path} line={line} top={start} toggle={toggle} /> : null;
            })}
          </div>
        </div>
      )}
    </section>
  );
}

function Row({ line, top, toggle }: { line: Line; top: number; toggle: (path: string) => void }) {
  const indent = { paddingLeft: 6 + line.depth * 14, position: "absolute" as const, top, left: 0 };
  return (
    <div className="line" style={indent}>
      {line.size !== null && line.size > 0 ? (
        <button type="button" className="quiet" style={{ padding: "0 4px" }} aria-expanded={line.isOpen} aria-label={line.path || "all"} onClick={() => toggle(line.path)}>
          {line.isOpen ? "▾" : "▸"}
        </button>
      ) : (
        <span style={{ width: 18 }} />
      )}
      {line.key !== null && <span className="key">{line.key}:</span>}
      <Value line={line} />
      {line.path && !line.path.endsWith("…") && <Copy text={() => line.path} what={`the reference ${line.path}`} mark="copy" />}
    </div>
  );
}

function Value({ line }: { line: Line }) {
  const { value, size } = line;
  if (size !== null) {
    const told = Array.isArray(value) ? `[${size}]` : `{${size}}`;
    return <span className="muted">{told}</span>;
  }
  if (typeof value === "string") return <span className="text">{JSON.stringify(value).slice(0, 2000)}</span>;
  if (typeof value === "number") return <span className="number">{value}</span>;
  return <span className="word">{String(value)}</span>;
}

export function Copy({ text, what, mark = "Copy" }: { text: () => string; what: string; mark?: string }) {
  const [told, tell] = useState<"Copied" | "Not copied" | null>(null);
  useEffect(() => {
    if (told === null) return undefined;
    const timer = setTimeout(() => tell(null), 1500);
    return () => clearTimeout(timer);
  }, [told]);
  return (
    <button
      type="button"
      className="quiet"
      style={{ padding: "0 4px" }}
      title={`Copy ${what}`}
      aria-label={told ?? `Copy ${what}`}
      onClick={() => {
        // A page that comes neither by https nor from this machine has no clipboard, and a browser may say no.
        void written(text()).then(() => tell("Copied"), () => tell("Not copied"));
      }}
    >
      {told === null ? mark : told === "Copied" ? "✓" : "✕"}
    </button>
  );
}

async function written(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}
