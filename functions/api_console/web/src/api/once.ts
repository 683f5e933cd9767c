/** What is to happen once, however often it is sent: a key that the service knows a repeated request by. */

import { useCallback, useState } from "react";

import { ApiProblem } from "./problem";

/** A new key. `crypto.randomUUID` is for pages alone that come by https or from this machine. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether a request has certainly had no effect, so that the next one is another one. */
export function wasRefused(error: unknown): boolean {
  return error instanceof ApiProblem && error.status < 500 && error.code !== "idempotent_request_under_way";
}

/** The key of what a dialog sends, and what is to be told each error: after no answer the same key is sent again, after a refusal another one. */
export function useOnce(): readonly [key: string, failed: (error: unknown) => void] {
  const [key, set] = useState(newKey);
  const failed = useCallback((error: unknown) => {
    if (wasRefused(error)) set(newKey());
  }, []);
  return [key, failed];
}
