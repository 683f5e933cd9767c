import { useSyncExternalStore } from "react";

import { isUtc } from "../model/time";

export const ZONE_CHANGED = "console:zone";

/** Whether moments are shown in UTC. Who uses it is rendered anew when that is changed. */
export function useUtc(): boolean {
  return useSyncExternalStore(subscribe, isUtc);
}

function subscribe(changed: () => void): () => void {
  window.addEventListener(ZONE_CHANGED, changed);
  return () => window.removeEventListener(ZONE_CHANGED, changed);
}
