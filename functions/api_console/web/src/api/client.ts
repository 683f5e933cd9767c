/** The one way to the API: typed by its OpenAPI document, and every failure an `ApiProblem` or a `LostConnection`. */

import createClient, { type Middleware } from "openapi-fetch";

import { API_ROOT } from "./config";
import type { components, paths } from "./openapi";
import { type ApiProblem, LostConnection, problemOf } from "./problem";

export type Schemas = components["schemas"];

/** Gives the value of the header Authorization, or null where none is needed. */
export type Authorize = () => Promise<string | null>;

let authorize: Authorize = () => Promise.resolve(null);

export function useAuthorization(by: Authorize): void {
  authorize = by;
}

const authorized: Middleware = {
  async onRequest({ request }) {
    const header = await authorize();
    if (header !== null) request.headers.set("authorization", header);
    return request;
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    return new LostConnection(error);
  },
};

export const api = createClient<paths>({ baseUrl: API_ROOT });
api.use(authorized);

/** The body of an answer. Throws what went wrong. */
export async function ask<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok) return data as T;
  throw await problemFrom(response, error);
}

/** `fetch` with the header Authorization, for what openapi-fetch does not do: streams and outputs. */
export async function authorizedFetch(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const header = await authorize();
  if (header !== null) headers.set("authorization", header);
  try {
    return await fetch(path.startsWith("http") ? path : API_ROOT + path, { ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new LostConnection(error);
  }
}

function problemFrom(response: Response, body: unknown): Promise<ApiProblem> {
  // openapi-fetch has read the body, as JSON where it was any.
  const text = typeof body === "string" ? body : JSON.stringify(body ?? "");
  return problemOf(new Response(text, { status: response.status, headers: response.headers }));
}
