/** The one way to the API: typed by its OpenAPI document, and every failure an `ApiProblem` or a `LostConnection`. */

import createClient from "openapi-fetch";

import { API_ROOT } from "./config";
import type { components, paths } from "./openapi";
import { type ApiProblem, LostConnection, problemOf } from "./problem";

export type Schemas = components["schemas"];

/** Why a run failed, of which its record says that it is anything; null where it did not. */
export function errorOf({ error }: { readonly error: unknown }): Partial<Schemas["RunError"]> | null {
  return typeof error === "object" ? error : null;
}

/** Who is signed in, and what a request shows for it. */
export interface Authorization {
  /** The value of the header Authorization. Waits while nobody is signed in. */
  header(): Promise<string>;
  /** The API did not take this header: the next one is another. */
  refused(header: string): void;
  /** Whom the API takes it for: another one may see other things. */
  who(): string;
}

let authorization: Promise<Authorization | null> = Promise.resolve(null);

/** All requests wait for it; null where none is needed. */
export function useAuthorization(by: Promise<Authorization | null>): void {
  authorization = by;
}

/** Who is signed in, the empty text where nobody needs to be. */
export async function signedInAs(): Promise<string> {
  return (await authorization)?.who() ?? "";
}

/** Send a request as who is signed in; once more, with another token, where the API does not take the first one. */
async function send(request: Request): Promise<Response> {
  try {
    const by = await authorization;
    if (by === null) return await fetch(request);
    const header = await unlessAborted(by.header(), request.signal);
    const answer = await fetch(withHeader(request.clone(), header));
    if (answer.status !== 401) return answer;
    by.refused(header);
    return await fetch(withHeader(request, await unlessAborted(by.header(), request.signal)));
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new LostConnection(error);
  }
}

/** It may take hours until somebody signs in, and who asked may not want to know any more. */
function unlessAborted<T>(waited: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new DOMException("It is waited for no longer.", "AbortError"));
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    void waited.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

function withHeader(request: Request, header: string): Request {
  request.headers.set("authorization", header);
  return request;
}

export const api = createClient<paths>({ baseUrl: API_ROOT, fetch: send });

/** The body of an answer. Throws what went wrong. */
export async function ask<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok) return data as T;
  throw await problemFrom(response, error);
}

/** `fetch` of a path of the API as who is signed in, for what openapi-fetch does not do: streams, outputs, and texts as they are. */
export async function authorizedFetch(path: string, init: RequestInit = {}): Promise<Response> {
  return await send(new Request(API_ROOT + path, init));
}

function problemFrom(response: Response, body: unknown): Promise<ApiProblem> {
  // openapi-fetch has read the body, as JSON where it was any.
  const text = typeof body === "string" ? body : JSON.stringify(body ?? "");
  return problemOf(new Response(text, { status: response.status, headers: response.headers }));
}
