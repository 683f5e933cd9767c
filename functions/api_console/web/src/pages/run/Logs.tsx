import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";

import { api, ask } from "../../api/client";
import { keys } from "../../api/keys";
import { Copy } from "../../json/Tree";
import { moment } from "../../model/time";
import { Problem } from "../../ui/Problem";

/** What a step, or the whole run, printed and logged: searched, copied and saved, all of it or what fits the search. */
export function Logs({ id, step, isOver }: { id: string; step: string | null; isOver: boolean }) {
  const [search, set] = useState("");
  const [attempt, setAttempt] = useState("");
  const logs = useInfiniteQuery({
    queryKey: keys.runs.logs(id, step ?? ""),
    initialPageParam: "",
    // A line that was read stays as it is: what comes later is read by the cursor of the last page.
    staleTime: Infinity,
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(step ? { step } : {}), ...(pageParam ? { cursor: pageParam } : {}) };
      return ask(api.GET("/executions/{execution_id}/logs", { params: { path: { execution_id: id }, query }, signal }));
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  useFollowing(logs, logs.data?.pages.at(-1)?.items.length ?? 0, isOver);
  const lines = useMemo(() => logs.data?.pages.flatMap((page) => page.items) ?? [], [logs.data]);
  const attempts = useMemo(() => [...new Set(lines.map((l) => l.attempt).filter((a) => a !== null))], [lines]);
  const shown = lines.filter(
    (l) => (!attempt || String(l.attempt) === attempt) && (!search || l.message.toLowerCase().includes(search.toLowerCase())),
  );
  const text = () => shown.map((l) => `${l.timestamp} ${l.step} ${l.level ?? ""} ${l.message}`).join("\n");
  return (
    <>
      <div className="row">
        <label>
          Search <input value={search} onChange={(e) => set(e.target.value)} />
        </label>
        {attempts.length > 1 && (
          <label>
            Attempt{" "}
            <select value={attempt} onChange={(e) => setAttempt(e.target.value)}>
              <option value="">all</option>
              {attempts.map((a) => (
                <option key={a}>{a}</option>
              ))}
            </select>
          </label>
        )}
        <span className="muted">
          {shown.length === lines.length ? `${lines.length} lines` : `${shown.length} of ${lines.length} lines`}
        </span>
        <Copy text={text} what="these lines" />
        <button type="button" className="quiet" onClick={() => save(`${id}.log`, text())}>
          Save
        </button>
      </div>
      <Problem error={logs.error} retry={() => void (logs.isFetchNextPageError ? logs.fetchNextPage() : logs.refetch())} />
      {lines.length === 0 && !logs.isPending && <p className="muted">Nothing was printed or logged.</p>}
      <pre className="tree" tabIndex={0} role="group" aria-label="Log">
        {shown.map((line, i) => (
          <span key={i} className={line.level === "ERROR" || line.level === "CRITICAL" ? "log-bad" : undefined}>
            <span className="muted">{moment(line.timestamp, { millis: true }).slice(11)}</span> {step === null ? `${line.step} ` : ""}
            {line.level ? `${line.level} ` : ""}
            {line.message}
            {"\n"}
          </span>
        ))}
      </pre>
      {logs.hasNextPage && isOver && (
        <button type="button" onClick={() => void logs.fetchNextPage()} disabled={logs.isFetchingNextPage}>
          More lines
        </button>
      )}
    </>
  );
}

const PAGE = 100;
const LIVE_MS = 2_000;

/** Read on as long as lines come: a page that isn't full was read while the run went on. Of a run that is over the rest is read on demand. */
function useFollowing(logs: Following, linesOfLast: number, isOver: boolean): void {
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage, data } = logs;
  const isFull = linesOfLast >= PAGE;
  useEffect(() => {
    if (!hasNextPage || isFetching || isFetchNextPageError || (isOver && isFull)) return undefined;
    const timer = setTimeout(() => void fetchNextPage(), isFull || isOver ? 0 : LIVE_MS);
    return () => clearTimeout(timer);
  }, [data, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage, isFull, isOver]);
}

interface Following {
  readonly data: unknown;
  readonly hasNextPage: boolean;
  readonly isFetching: boolean;
  readonly isFetchNextPageError: boolean;
  readonly fetchNextPage: () => unknown;
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
