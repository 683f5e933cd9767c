/** Addresses of the console: `#/runs/{id}?step=a`. They stand in the hash, so a server needs to know one page only. */

import { useSyncExternalStore } from "react";

export interface Route {
  /** The segments of the path, decoded: `["runs", "5f0d…"]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

export type QueryValue = string | number | boolean | null | undefined;

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  return {
    path: path.split("/").filter(Boolean).map(decoded),
    query: new URLSearchParams(query),
  };
}

/** The hash of a place; what is null, undefined or empty is left out of its query. */
export function href(path: readonly string[], query: Record<string, QueryValue> = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") given.set(name, String(value));
  }
  const text = given.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export function go(to: string, { replace = false } = {}): void {
  if (replace) {
    // `replaceState` tells nobody, so this does.
    history.replaceState(history.state, "", to);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else if (location.hash !== to) {
    location.hash = to;
  }
}

/** Change parts of the query of the place that is shown, which the button "back" does not go through one by one. */
export function setQuery(changes: Record<string, QueryValue>): void {
  const { path, query } = parse(location.hash);
  go(href(path, { ...Object.fromEntries(query), ...changes }), { replace: true });
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return parse(hash);
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("hashchange", changed);
  return () => window.removeEventListener("hashchange", changed);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // somebody typed a percent sign
  }
}
