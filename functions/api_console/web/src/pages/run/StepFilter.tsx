import type { ReactNode } from "react";

import type { RunStore } from "../../live/runStore";
import { hasFailed } from "../../model/status";
import { setQuery, useRoute } from "../../routes";

/** Of the keys of a run's steps those that are looked for, and where one says which these are. It stands in the address. */
export function useStepFilter(keys: readonly string[], store: RunStore): readonly [found: readonly string[], form: ReactNode] {
  const { query } = useRoute();
  const [text, isFailed] = [query.get("find") ?? "", query.get("only") === "failed"];
  const wanted = text.toLowerCase();
  const found = keys.filter((key) => (!isFailed || hasFailed(store.getStatusOf(key))) && key.toLowerCase().includes(wanted));
  const form = (
    <form className="row" role="search" aria-label="Steps" onSubmit={(e) => e.preventDefault()}>
      <label>
        Find <input value={text} onChange={(e) => setQuery({ find: e.target.value })} />
      </label>
      <label>
        <input type="checkbox" checked={isFailed} onChange={(e) => setQuery({ only: e.target.checked ? "failed" : null })} /> only what failed
      </label>
      <span className="muted">
        {found.length === keys.length ? "" : `${found.length.toLocaleString("en")} of `}
        {keys.length.toLocaleString("en")} steps
      </span>
    </form>
  );
  return [found, form];
}
