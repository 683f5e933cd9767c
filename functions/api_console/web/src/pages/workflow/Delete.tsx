import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask } from "../../api/client";
import { keys } from "../../api/keys";
import { readTagged } from "../../api/workflows";
import { go, href } from "../../routes";
import { Buttons, Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";
import { forget } from "./useDraft";

/** Delete a workflow as it is seen: not one that somebody has saved anew in the meantime. */
export function Delete({ id, name, version }: { id: string; name: string; version: number }) {
  const [isOpen, open] = useState(false);
  const cache = useQueryClient();
  const remove = useMutation({
    mutationFn: async () => {
      const { stored, etag } = await readTagged(id);
      if (stored.version !== version) throw new Error(`Version ${stored.version} has been saved in the meantime. Look at it first.`);
      await ask(api.DELETE("/workflows/{workflow_id}", { params: { path: { workflow_id: id }, header: { "If-Match": etag } } }));
    },
    onSuccess: () => {
      forget(id);
      // This page is about to go: asked anew, it would find nothing.
      void cache.invalidateQueries({ queryKey: keys.workflows.all, refetchType: "none" });
      go(href(["workflows"]));
    },
  });
  const close = () => {
    open(false);
    remove.reset();
  };
  return (
    <>
      <button type="button" onClick={() => open(true)}>
        Delete…
      </button>
      {isOpen && (
        <Dialog title={`Delete ${name}`} close={close}>
          <p>All of its versions are deleted. This cannot be taken back. Runs that go on are left alone.</p>
          <Problem error={remove.error} />
          <form onSubmit={(e) => { e.preventDefault(); remove.mutate(); }}>
            <Buttons act="Delete the workflow" close={close} isBusy={remove.isPending} />
          </form>
        </Dialog>
      )}
    </>
  );
}
