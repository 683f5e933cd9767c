/** What went wrong with a request, whole and in words: RFC 9457, the gateway's own answers, and no answer at all. */

export interface Finding {
  readonly code: string;
  /** A JSON pointer into what was sent; "" for all of it. */
  readonly pointer: string;
  readonly detail: string;
}

export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: readonly Finding[] = [],
    /** Seconds after which to ask again, where the server says so. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
    this.name = "ApiProblem";
  }

  /** The finding about a place, or about something inside of it. */
  at(pointer: string): Finding | undefined {
    return this.errors.find((e) => e.pointer === pointer || e.pointer.startsWith(`${pointer}/`));
  }
}

/** No answer came: the server is away, or the network is. */
export class LostConnection extends Error {
  constructor(cause: unknown) {
    super("The server does not answer.", { cause });
    this.name = "LostConnection";
  }
}

const IN_PLAIN_WORDS: Readonly<Record<number, string>> = {
  401: "You are not signed in, or no longer.",
  403: "You are not allowed to do this.",
  429: "Too many requests at the moment. It is tried again soon.",
  502: "The service gave no proper answer.",
  503: "The service cannot be reached at the moment.",
  504: "The service took too long to answer.",
};

export async function problemOf(response: Response): Promise<ApiProblem> {
  const retry = Number(response.headers.get("retry-after") ?? NaN);
  const retryAfter = Number.isFinite(retry) ? retry : null;
  const text = await response.text().catch(() => "");
  const told = asObject(text);
  // API Gateway answers in JSON of its own, `{"message": "Forbidden"}`, or in plain text.
  const detail = textOf(told?.["detail"]) ?? IN_PLAIN_WORDS[response.status] ?? textOf(told?.["message"]) ?? `Status ${response.status}.`;
  const errors = Array.isArray(told?.["errors"]) ? (told["errors"] as Finding[]) : [];
  return new ApiProblem(response.status, textOf(told?.["code"]) ?? `http_${response.status}`, detail, errors, retryAfter);
}

function asObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value ? value : undefined;
}
