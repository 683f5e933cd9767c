import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask, authorizedFetch } from "../api/client";
import { keys } from "../api/keys";
import { newKey } from "../api/once";
import { problemOf } from "../api/problem";
import { Copy } from "../json/Tree";
import { moment } from "../model/time";
import { Dialog } from "../ui/Dialog";
import { Pages } from "../ui/Pages";
import { Problem } from "../ui/Problem";

/** Files that steps read: brought here, named in workflows by their reference, and deleted. */
export default function Files() {
  const cache = useQueryClient();
  const [doomed, doom] = useState<{ id: string; name: string } | null>(null);
  const files = useInfiniteQuery({
    queryKey: keys.files,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET("/files", { params: { query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const store = useMutation({
    mutationFn: async (file: File) => {
      const form = new FormData();
      form.set("file", file);
      const answer = await authorizedFetch("/files", { method: "POST", body: form, headers: { "Idempotency-Key": newKey() } });
      if (!answer.ok) throw await problemOf(answer);
    },
    onSettled: () => cache.invalidateQueries({ queryKey: keys.files }),
  });
  const remove = useMutation({
    mutationFn: (id: string) => ask(api.DELETE("/files/{file_id}", { params: { path: { file_id: id } } })),
    onSuccess: () => doom(null),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.files }),
  });
  return (
    <>
      <div className="row spread">
        <h1>Files</h1>
        <label>
          Add a file{" "}
          <input
            type="file"
            disabled={store.isPending}
            onChange={(e) => {
              const file = e.target.files?.[0];
              if (file) store.mutate(file);
              e.target.value = "";
            }}
          />
        </label>
      </div>
      <Problem error={store.error} />
      <Pages list={files} empty="There are no files.">
        {(pages) => {
          const items = pages.flatMap((page) => page.items);
          if (items.length === 0) return [];
          return [
            <table key="all">
              <thead>
                <tr><th>Name</th><th>Type</th><th>Bytes</th><th>Added</th><th>Reference</th><th>What to do</th></tr>
              </thead>
              <tbody>
                {items.map((file) => (
                  <tr key={file.file_id}>
                    <td>{file.file_name}</td>
                    <td>{file.content_type}</td>
                    <td>{file.size_bytes.toLocaleString("en")}</td>
                    <td>{moment(file.created_at)}</td>
                    <td className="mono">{file.reference} <Copy text={() => file.reference} what="the reference" mark="copy" /></td>
                    <td><button type="button" onClick={() => { remove.reset(); doom({ id: file.file_id, name: file.file_name }); }}>Delete…</button></td>
                  </tr>
                ))}
              </tbody>
            </table>,
          ];
        }}
      </Pages>
      {doomed && (
        <Dialog title={`Delete ${doomed.name}`} close={() => doom(null)}>
          <p>Runs that read it later will fail. This cannot be taken back.</p>
          <Problem error={remove.error} />
          <p className="row">
            <button type="button" onClick={() => doom(null)}>Leave it</button>
            <button type="button" className="primary" disabled={remove.isPending} onClick={() => remove.mutate(doomed.id)}>Delete it</button>
          </p>
        </Dialog>
      )}
    </>
  );
}
