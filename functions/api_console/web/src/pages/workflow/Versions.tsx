import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask } from "../../api/client";
import { keys } from "../../api/keys";
import { moment } from "../../model/time";
import { href } from "../../routes";
import { Buttons, Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";

/** Every version that was saved, newest first, each with what it changed and a way back to it. */
export function Versions({ id, newest }: { id: string; newest: number }) {
  const [asked, ask_] = useState<number | null>(null);
  const versions = useInfiniteQuery({
    queryKey: keys.workflows.versions(id),
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET("/workflows/{workflow_id}/versions", {
          params: { path: { workflow_id: id }, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  if (!versions.data) return versions.error ? <Problem error={versions.error} retry={() => void versions.refetch()} /> : <p className="muted">Loading…</p>;
  const items = versions.data.pages.flatMap((page) => page.items);
  return (
    <div className="rows" tabIndex={0} role="group" aria-label="Versions" style={{ maxHeight: "calc(100vh - 210px)" }}>
      <table>
        <thead>
          <tr><th>Version</th><th>Name</th><th>Saved</th><th>Changes</th><th /></tr>
        </thead>
        <tbody>
          {items.map(({ version, name, updated_at }) => (
            <tr key={version}>
              <td><a href={href(["workflows", id], { version })}>{version}</a></td>
              <td>{name}</td>
              <td>{moment(updated_at)}</td>
              <td>{version > 1 && <a href={href(["workflows", id], { view: "diff", from: version - 1, to: version })}>what version {version} changed</a>}</td>
              <td>{version < newest && <button type="button" onClick={() => ask_(version)}>Roll back to {version}…</button>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {versions.hasNextPage && (
        <button type="button" disabled={versions.isFetchingNextPage} onClick={() => void versions.fetchNextPage()}>
          Older versions
        </button>
      )}
      {asked !== null && <Rollback id={id} version={asked} close={() => ask_(null)} />}
    </div>
  );
}

function Rollback({ id, version, close }: { id: string; version: number; close: () => void }) {
  const cache = useQueryClient();
  const rollback = useMutation({
    mutationFn: () => ask(api.POST("/workflows/{workflow_id}/rollback", { params: { path: { workflow_id: id } }, body: { version } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: keys.workflows.all });
      close();
    },
  });
  return (
    <Dialog title={`Roll back to version ${version}`} close={close}>
      <p>What version {version} has is saved as the newest version. Runs that go on are left alone.</p>
      <Problem error={rollback.error} />
      <form onSubmit={(e) => { e.preventDefault(); rollback.mutate(); }}>
        <Buttons act="Roll back" close={close} isBusy={rollback.isPending} />
      </form>
    </Dialog>
  );
}
