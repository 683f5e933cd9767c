import { useSyncExternalStore } from "react";

const NARROW = matchMedia("(max-width: 700px)");

/** Whether the window is as narrow as a phone's: what can be done without is left out then, so that nothing is moved sideways. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => NARROW.matches);
}

function subscribe(changed: () => void): () => void {
  NARROW.addEventListener("change", changed);
  return () => NARROW.removeEventListener("change", changed);
}
