import { useQuery } from "@tanstack/react-query";

import { readTagged, type Tagged } from "../../api/workflows";
import { moment } from "../../model/time";
import { Problem } from "../../ui/Problem";
import { Changes } from "./Diff";

interface Props {
  readonly id: string;
  /** The version that was edited. */
  readonly version: number;
  readonly overwrite: (etag: string) => void;
  readonly take: (theirs: Tagged) => void;
}

/** Somebody else saved in the meantime: who, when, and what; then it is decided which one stays. */
export function Conflict({ id, version, overwrite, take }: Props) {
  const theirs = useQuery({ queryKey: ["conflict", id, version], staleTime: 0, gcTime: 0, queryFn: ({ signal }) => readTagged(id, signal) });
  if (!theirs.data) return <Problem error={theirs.error ?? new Error("Somebody else has saved this workflow in the meantime.")} />;
  const { stored, etag } = theirs.data;
  return (
    <div className="problem" role="alert">
      <p>
        <strong>Not saved:</strong> version {stored.version} was saved {stored.created_by ? `by ${stored.created_by}` : "by somebody else"} at {moment(stored.updated_at)}, and you
        have edited version {version}.
      </p>
      <div className="row">
        <button type="button" onClick={() => take(theirs.data)}>
          Take version {stored.version}, drop mine
        </button>
        <button type="button" onClick={() => overwrite(etag)}>
          Save mine behind it
        </button>
      </div>
      <details open>
        <summary>What version {stored.version} changed</summary>
        {stored.version > version && <Changes id={id} from={version} to={stored.version} />}
      </details>
    </div>
  );
}
