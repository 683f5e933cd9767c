import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { api, ask, authorizedFetch, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { newKey } from "../api/once";
import { problemOf } from "../api/problem";
import { Copy } from "../json/Tree";
import { moment } from "../model/time";
import { Dialog } from "../ui/Dialog";
import { Problem } from "../ui/Problem";
import { type Column, PagedTable } from "../ui/Table";

type Stored = Schemas["StoredFile"];

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
  const items = useMemo(() => files.data?.pages.flatMap((page) => page.items) ?? [], [files.data]);
  const columns: readonly Column<Stored>[] = [
    { title: "Name", width: "minmax(140px,2fr)", cell: (file) => file.file_name, tip: (file) => file.file_name },
    { title: "Type", width: "minmax(90px,1fr)", isExtra: true, cell: (file) => file.content_type, tip: (file) => file.content_type ?? undefined },
    { title: "Bytes", width: "90px", isExtra: true, cell: (file) => file.size_bytes.toLocaleString("en") },
    { title: "Added", width: "minmax(150px,170px)", isExtra: true, cell: (file) => moment(file.created_at) },
    { title: "Reference", width: "minmax(120px,2fr)", isMono: true, isExtra: true, cell: (file) => file.reference, tip: (file) => file.reference },
    {
      title: "What to do",
      width: "210px",
      cell: (file) => (
        <>
          <Copy text={() => file.reference} what="the reference" mark="Copy reference" />{" "}
          <button type="button" className="quiet" onClick={() => { remove.reset(); doom({ id: file.file_id, name: file.file_name }); }}>Delete…</button>
        </>
      ),
    },
  ];
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
      <PagedTable label="Files" columns={columns} items={items} keyOf={(file) => file.file_id} above={140} list={files} empty="There are no files." />
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
