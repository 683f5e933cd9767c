import type { ReactNode } from "react";

import { Problem } from "./Problem";

export interface Paged<T> {
  readonly data: { readonly pages: readonly T[] } | undefined;
  readonly error: unknown;
  readonly isPending: boolean;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly fetchNextPage: () => unknown;
  readonly refetch: () => unknown;
}

/** A list that is read page by page: what went wrong, that there is nothing, or the rows and a way to more of them. */
export function Pages<T>({ list, empty, children }: { list: Paged<T>; empty: string; children: (pages: readonly T[]) => readonly ReactNode[] }) {
  if (list.data === undefined) {
    return list.isPending && !list.error ? <p className="muted">Loading…</p> : <Problem error={list.error} retry={() => void list.refetch()} />;
  }
  const rows = children(list.data.pages);
  if (rows.length === 0 && !list.hasNextPage) return <p className="empty">{empty}</p>;
  return (
    <>
      {rows}
      {list.hasNextPage && (
        <p>
          <button type="button" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            More
          </button>
        </p>
      )}
    </>
  );
}
