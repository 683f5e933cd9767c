/** Signing in at a provider of identities: OpenID Connect Discovery 1.0, and the authorization code with PKCE (RFC 7636). */

export interface Provider {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
}

export interface Client {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: string;
}

export interface Tokens {
  /** What the API is shown. */
  readonly bearer: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
  readonly refresh: string | null;
}

/** What is remembered between leaving for the provider and coming back. */
export interface Attempt {
  readonly state: string;
  readonly verifier: string;
  /** The hash of the place that one came from. */
  readonly returnTo: string;
}

/** A provider said no, or something that can't be understood: in words for who wanted to sign in. */
export class SignInError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "SignInError";
  }
}

/** The provider did not answer at all: it may do so later. */
export class UnreachableProviderError extends SignInError {}

/** A token that does not say how long it is valid is renewed after this time. */
const USUAL_SECONDS = 300;
const RENEW_BEFORE_MS = 60_000;

export async function discover(issuer: string): Promise<Provider> {
  const address = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const told = await document_(address, {});
  const [authorize, token] = [told["authorization_endpoint"], told["token_endpoint"]];
  if (typeof authorize !== "string" || typeof token !== "string") {
    throw new SignInError(`${address} names no authorization_endpoint and token_endpoint.`);
  }
  // Discovery 4.3: what is said by somebody else is not to be used.
  if (told["issuer"] !== issuer) throw new SignInError(`${address} is about another issuer, ${String(told["issuer"])}.`);
  return { issuer, authorizationEndpoint: authorize, tokenEndpoint: token };
}

export function newAttempt(returnTo: string, prefix = ""): Attempt {
  return { state: prefix + random(), verifier: random(), returnTo };
}

/** Where the browser is sent to. */
export async function signInAddress(provider: Provider, client: Client, attempt: Attempt): Promise<string> {
  const address = new URL(provider.authorizationEndpoint);
  const query = {
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    scope: client.scopes,
    state: attempt.state,
    code_challenge: await challengeOf(attempt.verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return address.href;
}

/** The code of an answer. Throws what the provider says against it, and for an answer to somebody else's question. */
export function codeOf(answer: URLSearchParams, attempt: Attempt | null, provider: Provider): string {
  if (attempt === null || answer.get("state") !== attempt.state) {
    throw new SignInError("This answer of the provider is to a question that was not asked here. Sign in again.");
  }
  const iss = answer.get("iss"); // RFC 9207: an answer of another provider is mixed up
  if (iss !== null && iss !== provider.issuer) throw new SignInError(`The answer comes from another issuer, ${iss}.`);
  const error = answer.get("error");
  if (error !== null) throw new SignInError(answer.get("error_description") ?? `The provider said: ${error}.`);
  const code = answer.get("code");
  if (code === null) throw new SignInError("The provider gave no code.");
  return code;
}

export function redeem(provider: Provider, client: Client, code: string, attempt: Attempt): Promise<Tokens> {
  return tokens(provider, {
    grant_type: "authorization_code",
    code,
    redirect_uri: client.redirectUri,
    client_id: client.clientId,
    code_verifier: attempt.verifier,
  });
}

export async function renew(provider: Provider, client: Client, refresh: string): Promise<Tokens> {
  const found = await tokens(provider, { grant_type: "refresh_token", refresh_token: refresh, client_id: client.clientId });
  // Without rotation the provider gives no other one.
  return { ...found, refresh: found.refresh ?? refresh };
}

async function tokens(provider: Provider, form: Record<string, string>): Promise<Tokens> {
  return tokensOf(await document_(provider.tokenEndpoint, { method: "POST", body: new URLSearchParams(form) }), Date.now());
}

/** The token for the API: the access token, or the id token where that one is opaque, since a JWT authorizer reads JWTs alone. */
export function tokensOf(told: Record<string, unknown>, now: number): Tokens {
  const bearer = [told["access_token"], told["id_token"]].find((t): t is string => typeof t === "string" && t.split(".").length === 3);
  if (bearer === undefined) throw new SignInError("The provider gave no token that is a JWT. Ask for one by the scopes.");
  const seconds = Number(told["expires_in"] ?? USUAL_SECONDS);
  return {
    bearer,
    expiresAt: now + 1000 * (Number.isFinite(seconds) ? seconds : USUAL_SECONDS),
    refresh: typeof told["refresh_token"] === "string" ? told["refresh_token"] : null,
  };
}

/** From when on a token that came `now` is to be renewed: a minute before its end, or at half of its time where that is later. One that
 * cannot be renewed is used to its end.
 */
export function renewalOf({ expiresAt, refresh }: Tokens, now: number): number {
  return refresh === null ? expiresAt : Math.max(expiresAt - RENEW_BEFORE_MS, (now + expiresAt) / 2);
}

/** Whose token this is, as its claims say; a token without a subject is nobody else's. The API is who checks it. */
export function subjectOf(bearer: string): string {
  try {
    const bytes = Uint8Array.from(atob((bearer.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return typeof claims["sub"] === "string" ? `${String(claims["iss"])} ${claims["sub"]}` : bearer;
  } catch {
    return bearer;
  }
}

export async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

async function document_(address: string, init: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(address, { ...init, cache: "no-store", credentials: "omit" }).catch((error: unknown) => {
    throw new UnreachableProviderError(`The provider of identities does not answer at ${new URL(address).origin}, or may not be asked from here.`, error);
  });
  const told = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return told;
  const why = told["error_description"] ?? told["error"] ?? `status ${response.status}`;
  throw new SignInError(`The provider of identities said: ${String(why)}.`);
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
