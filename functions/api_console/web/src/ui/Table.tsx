import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef, useState } from "react";

import type { Paged } from "./Pages";
import { useNarrow } from "./narrow";
import { Problem } from "./Problem";

export interface Column<T> {
  readonly title: string;
  /** As CSS writes the width of a column of a grid. */
  readonly width: string;
  readonly cell: (item: T) => ReactNode;
  readonly isMono?: boolean;
  /** Left out on a phone: what the page that a row leads to tells, too. */
  readonly isExtra?: boolean;
  /** What is told of a cell whose text is cut off. */
  readonly tip?: (item: T) => string | undefined;
}

interface Rows<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  /** How much of the window's height is taken by what stands above; left out where the page gives the room. */
  readonly above?: number;
  readonly isCurrent?: (item: T) => boolean;
  /** Told the last row that is rendered. */
  readonly reached?: (last: number) => void;
}

const ROW = 37;
/** So many rows before the last one the next page is asked for. */
const AHEAD = 20;

/** A table of which only the rows that are seen are rendered. */
export function Table<T>({ label, columns: all, items, keyOf, above, isCurrent, reached }: Rows<T>) {
  const isNarrow = useNarrow();
  const columns = isNarrow ? all.filter((column) => !column.isExtra) : all;
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: items.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 12 });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => reached?.(last), [last, reached]);
  const gridTemplateColumns = columns.map(({ width }) => (isNarrow ? width.replace(/minmax\(\d+px,/, "minmax(0,") : width)).join(" ");
  return (
    <div className="rows" ref={box} role="table" aria-label={label} aria-rowcount={items.length + 1} style={above === undefined ? undefined : { maxHeight: `calc(100vh - ${above}px)` }} tabIndex={0}>
      <div role="rowgroup" className="head">
        <div role="row" aria-rowindex={1} style={{ gridTemplateColumns }}>
          {columns.map(({ title }) => (
            <span role="columnheader" key={title}>
              {title}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
        {shown.map(({ index, start }) => {
          const item = items[index];
          if (item === undefined) return null;
          return (
            <div
              key={keyOf(item)}
              role="row"
              aria-rowindex={index + 2}
              aria-current={isCurrent?.(item) ? "true" : undefined}
              style={{ gridTemplateColumns, position: "absolute", top: start, left: 0, right: 0, height: ROW }}
            >
              {columns.map(({ title, cell, isMono, tip }) => (
                <span role="cell" key={title} className={isMono ? "mono" : undefined} title={tip?.(item)}>
                  {cell(item)}
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface PagedRows<T> extends Omit<Rows<T>, "reached"> {
  readonly list: Omit<Paged<unknown>, "data"> & { readonly isFetchNextPageError: boolean };
  /** What is said where there is nothing. */
  readonly empty: string;
}

/** The same of a list that is read page by page, as far as it is scrolled to. */
export function PagedTable<T>({ list, empty, ...rows }: PagedRows<T>) {
  const [last, reached] = useState(0);
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = list;
  const count = rows.items.length;
  // A page of a filtered list may be empty and go on. One that could not be read is asked for again by a press alone.
  useEffect(() => {
    if (last >= count - AHEAD && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [last, count, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  const problem = (
    <Problem error={count === 0 || isFetchNextPageError ? list.error : null} retry={() => void (isFetchNextPageError ? fetchNextPage() : list.refetch())} />
  );
  if (count > 0) {
    return (
      <>
        {problem}
        <Table {...rows} reached={reached} />
      </>
    );
  }
  if (list.error) return problem;
  return list.isPending || hasNextPage ? <p className="muted">Loading…</p> : <p className="empty">{empty}</p>;
}
