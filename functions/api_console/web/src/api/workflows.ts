/** Workflows as they are written: read with the tag that a later write is checked by, and saved as the text that somebody wrote. */

import { isExact } from "../model/exact";
import { authorizedFetch, type Schemas } from "./client";
import { problemOf } from "./problem";

export interface Tagged {
  readonly stored: Schemas["StoredWorkflow"];
  /** The ETag of this version: who saves with it overwrites nobody. */
  readonly etag: string;
  /** Whether all of its numbers are here as they are stored. */
  readonly isExact: boolean;
}

export async function readTagged(id: string, signal?: AbortSignal): Promise<Tagged> {
  return await tagged(await authorizedFetch(`/workflows/${encodeURIComponent(id)}`, { cache: "no-store", ...(signal ? { signal } : {}) }));
}

interface Saving {
  /** Null for a workflow that is not stored yet. */
  readonly id: string | null;
  readonly etag: string | null;
  readonly text: string;
  readonly mediaType: string;
  readonly idempotencyKey: string;
}

/** Save a text, as a new version or a new workflow. Throws an `ApiProblem`, with status 412 when somebody else saved since. */
export async function save({ id, etag, text, mediaType, idempotencyKey }: Saving): Promise<Tagged> {
  const headers = {
    "content-type": mediaType,
    ...(id === null ? { "idempotency-key": idempotencyKey } : {}),
    ...(etag === null ? {} : { "if-match": etag }),
  };
  const path = id === null ? "/workflows" : `/workflows/${encodeURIComponent(id)}`;
  return await tagged(await authorizedFetch(path, { method: id === null ? "POST" : "PUT", body: text, headers }));
}

async function tagged(response: Response): Promise<Tagged> {
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return { stored: JSON.parse(text) as Schemas["StoredWorkflow"], etag: response.headers.get("etag") ?? "*", isExact: isExact(text) };
}
