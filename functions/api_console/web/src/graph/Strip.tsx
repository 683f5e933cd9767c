import { useEffect, useRef, useState } from "react";

import type { Element } from "../live/runStore";
import { lookOf } from "../model/status";
import { onTheme, paletteOf } from "./colours";

const LEAST = 4;
/** From so many rows on the cells are small, and what is more than fits is moved up and down in its own box. */
const [MANY_ROWS, HIGH, LOW, BOX] = [12, 12, 5, 180];

/** One cell for each element of a list, or turn of a loop, in its order: a click opens it, and so does its number. */
export function Strip({ elements, word, open }: { elements: readonly Element[]; word: string; open: (key: string) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(300);
  const columns = Math.max(1, Math.min(elements.length, Math.floor(width / LEAST)));
  const rows = Math.ceil(elements.length / columns);
  const high = rows > MANY_ROWS ? LOW : HIGH;
  useEffect(() => {
    const shown = canvas.current;
    if (shown === null) return undefined;
    const watching = new ResizeObserver(() => setWidth(shown.clientWidth || 300));
    watching.observe(shown);
    return () => watching.disconnect();
  }, []);
  useEffect(() => {
    const shown = canvas.current;
    const pen = shown?.getContext("2d");
    if (!shown || !pen) return undefined;
    const draw = (): void => {
      const colour = paletteOf(shown);
      [shown.width, shown.height] = [width, rows * high];
      const cell = width / columns;
      elements.forEach(({ status }, i) => {
        pen.fillStyle = colour(lookOf(status).colour);
        pen.fillRect((i % columns) * cell, Math.floor(i / columns) * high, Math.max(1, cell - 1), high - 1);
      });
    };
    draw();
    return onTheme(draw);
  }, [elements, width, columns, rows, high]);
  const show = (index: number): void => {
    const element = elements[index];
    if (element !== undefined) open(element.key);
  };
  const failed = elements.filter((e) => ["failed", "timed_out"].includes(e.status));
  return (
    <div>
      <div style={{ maxHeight: BOX, overflowY: "auto" }}>
        <canvas
          ref={canvas}
          className="strip"
          style={{ height: rows * high }}
          role="img"
          aria-label={`${elements.length} ${word}s, ${failed.length} failed; by number they are opened below`}
          onClick={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
            show(Math.floor((event.clientY - box.top) / high) * columns + column);
          }}
        />
      </div>
      <div className="row">
        <label>
          Open {word}{" "}
          <input
            type="number"
            min={0}
            max={elements.length - 1}
            style={{ width: 90 }}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              const wanted = Number(event.currentTarget.value);
              show(elements.findIndex((e) => e.index === wanted));
            }}
          />
        </label>
        <span className="muted">{elements.length.toLocaleString("en")} {word}s</span>
        {failed.slice(0, 20).map((e) => (
          <button key={e.key} type="button" className="quiet log-bad" onClick={() => open(e.key)}>
            ✕ {e.index}
          </button>
        ))}
        {failed.length > 20 && <span className="log-bad">and {failed.length - 20} more that failed</span>}
      </div>
    </div>
  );
}
