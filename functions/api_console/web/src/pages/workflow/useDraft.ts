import { useEffect, useState } from "react";

import type { Format } from "../../editor/text";

export interface Draft {
  readonly text: string;
  readonly format: Format;
  /** The version that was changed, and its ETag. */
  readonly version: number | null;
  readonly etag: string | null;
}

/** A text that is not saved yet outlives the page, in this tab of the browser; one is asked before the tab is closed. */
export function useDraft(id: string | null, draft: Draft, isChanged: boolean): void {
  const key = keyOf(id);
  useEffect(() => {
    if (isChanged) keep(key, draft);
    else forget(id);
  }, [key, id, draft.text, draft.format, draft.etag, isChanged]);
  useEffect(() => {
    if (!isChanged) return undefined;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [isChanged]);
}

/** The draft that was left behind, null where there is none. */
export function useKeptDraft(id: string | null): Draft | null {
  return useState(() => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(keyOf(id)) ?? "null") as Draft | null;
      return typeof kept?.text === "string" ? kept : null;
    } catch {
      return null;
    }
  })[0];
}

export function forget(id: string | null): void {
  sessionStorage.removeItem(keyOf(id));
}

function keep(key: string, draft: Draft): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // The room of the tab is full: the question before it is closed has to do.
  }
}

function keyOf(id: string | null): string {
  return `console.draft.${id ?? "-"}`;
}
