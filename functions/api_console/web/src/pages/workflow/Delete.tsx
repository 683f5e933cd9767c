import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { api, ask } from "../../api/client";
import { keys } from "../../api/keys";
import { ApiProblem } from "../../api/problem";
import { readTagged } from "../../api/workflows";
import { go, href } from "../../routes";
import { Buttons, Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";
import { forget } from "./useDraft";

/** Delete a workflow as it is seen: not one that somebody has saved anew in the meantime. */
export function Delete({ id, name, version }: { id: string; name: string; version: number }) {
  const [isOpen, open] = useState(false);
  const cache = useQueryClient();
  // A request that has not done all of it is sent again as it was: by then there may be nothing to read a tag of.
  const tag = useRef<string | null>(null);
  const remove = useMutation({
    mutationFn: async () => {
      tag.current ??= await tagOf(id, version);
      await ask(api.DELETE("/workflows/{workflow_id}", { params: { path: { workflow_id: id }, header: { "If-Match": tag.current } } }));
    },
    onError: (error) => {
      if (error instanceof ApiProblem && error.status === 412) tag.current = null;
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
    tag.current = null;
    // What kept it from being deleted may be seen behind the dialog, such as a version of somebody else.
    if (remove.isError) void cache.invalidateQueries({ queryKey: keys.workflows.all });
    remove.reset();
  };
  return (
    <>
      <button type="button" onClick={() => open(true)}>
        Delete…
      </button>
      {isOpen && (
        <Dialog title={`Delete ${name}`} close={close}>
          <p>It is deleted with all of its versions and the figures of its runs. The runs themselves stay, and those that go on are left alone. This cannot be taken back.</p>
          <Problem error={remove.error} />
          <form onSubmit={(e) => { e.preventDefault(); remove.mutate(); }}>
            <Buttons act="Delete the workflow" close={close} isBusy={remove.isPending} />
          </form>
        </Dialog>
      )}
    </>
  );
}

/** The tag of a version, as long as that is the newest one. */
async function tagOf(id: string, version: number): Promise<string> {
  const { stored, etag } = await readTagged(id);
  if (stored.version !== version) throw new Error(`Version ${stored.version} has been saved in the meantime. Look at it first.`);
  return etag;
}
