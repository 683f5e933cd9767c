/**
 * Who is signed in. Tokens are kept in memory alone: what is stored outlives the tab's page and can be read by whatever script
 * comes to run on this origin, and a page that is loaded anew gets its tokens from the provider, which remembers the user, by a
 * redirection that nobody has to do anything for. A token that ends while one works is renewed; where that can't be, one signs in
 * in a window beside, and requests wait meanwhile: nothing that was typed is lost.
 */

import { useSyncExternalStore } from "react";

import type { Authorization } from "../api/client";
import type { ConsoleConfig } from "../api/config";
import { type Attempt, type Client, codeOf, discover, newAttempt, type Provider, redeem, renew, renewalOf, SignInError, signInAddress, subjectOf, type Tokens, UnreachableProviderError } from "./oidc";

export type SessionState =
  | { readonly kind: "open" }
  /** The token has ended and can't be renewed. */
  | { readonly kind: "over"; readonly signIn: () => Promise<void> }
  | { readonly kind: "failed"; readonly error: unknown; readonly signIn: () => Promise<void> };

const PENDING = "console.sign-in";
/** The state of an attempt in a window of its own begins so: that window hands the answer on. */
const BESIDE = "beside.";
const CHANNEL = "console.sign-in";

let state: SessionState = { kind: "open" };
const listeners = new Set<() => void>();

function become(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** Call back when one is signed in no longer, or again. Gives what ends it. */
export function onSession(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

/** Whether requests are answered, and don't wait for somebody to sign in. */
export function isSignedIn(): boolean {
  return state.kind === "open";
}

export function useSession(): SessionState {
  return useSyncExternalStore(onSession, () => state);
}

/** Sign in, or come back from having done so. What is given waits where the browser leaves for the provider. */
export async function openSession(config: ConsoleConfig): Promise<Authorization> {
  const client = clientOf(config);
  const answer = new URLSearchParams(location.search);
  const isAnswer = answer.has("state") && (answer.has("code") || answer.has("error"));
  if (isAnswer && answer.get("state")?.startsWith(BESIDE)) {
    new BroadcastChannel(CHANNEL).postMessage(location.search);
    window.close();
    return forever();
  }
  const pending = isAnswer ? taken() : null;
  if (isAnswer) {
    // A code is redeemed once: it does not stay in the address.
    history.replaceState(null, "", location.pathname + (pending?.returnTo ?? location.hash));
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  }
  return await tried(async () => {
    if (client === null) throw new SignInError("This deployment does not say at which provider one signs in: set console_client_id.");
    const provider = await discover(client.issuer);
    if (!isAnswer) return await leave(provider, client);
    const code = codeOf(answer, pending, provider);
    return new Session(provider, client, await redeem(provider, client, code, pending as Attempt));
  });
}

interface KnownClient extends Client {
  readonly issuer: string;
}

function clientOf(config: ConsoleConfig): KnownClient | null {
  if (!config.issuer || !config.clientId) return null;
  const redirectUri = new URL("./", document.baseURI).href.replace(/[?#].*/s, "");
  return { issuer: config.issuer, clientId: config.clientId, redirectUri, scopes: config.scopes ?? "openid" };
}

/** What fails is shown with a button, and not tried again by itself: two servers that disagree would send the user to and fro. */
function tried(work: () => Promise<Authorization>): Promise<Authorization> {
  return work().catch((error: unknown) => {
    const signIn = async (): Promise<void> => location.reload();
    become({ kind: "failed", error, signIn });
    return forever(); // until the page is loaded anew
  });
}

async function leave(provider: Provider, client: Client): Promise<never> {
  const attempt = newAttempt(location.hash);
  sessionStorage.setItem(PENDING, JSON.stringify(attempt));
  location.assign(await signInAddress(provider, client, attempt));
  return await forever();
}

function taken(): Attempt | null {
  const stored = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  return stored === null ? null : (JSON.parse(stored) as Attempt);
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}

class Session implements Authorization {
  private renewing: Promise<void> | null = null;
  private renewAt: number;

  constructor(
    private readonly provider: Provider,
    private readonly client: Client,
    private tokens: Tokens,
  ) {
    this.renewAt = renewalOf(tokens, Date.now());
  }

  async header(): Promise<string> {
    if (Date.now() >= this.renewAt) await this.renewed();
    return `Bearer ${this.tokens.bearer}`;
  }

  refused(header: string): void {
    if (header === `Bearer ${this.tokens.bearer}`) this.renewAt = 0;
  }

  who(): string {
    return subjectOf(this.tokens.bearer);
  }

  /** One renewal for all requests that wait: a refresh token that rotates is taken once. */
  private renewed(): Promise<void> {
    this.renewing ??= this.another().finally(() => (this.renewing = null));
    return this.renewing;
  }

  private async another(): Promise<void> {
    const { refresh } = this.tokens;
    const found =
      refresh === null
        ? null
        : await renew(this.provider, this.client, refresh).catch((error: unknown) => {
            // Without a network nothing is over: the request is lost, as any other, and sent again.
            if (error instanceof UnreachableProviderError) throw error;
            return null;
          });
    this.tokens = found ?? (await this.signedInBeside());
    this.renewAt = renewalOf(this.tokens, Date.now());
    become({ kind: "open" });
  }

  private signedInBeside(): Promise<Tokens> {
    return new Promise((resolve) => {
      let channel: BroadcastChannel | null = null;
      const signIn = async (): Promise<void> => {
        channel?.close(); // the window of an earlier try may have been closed
        const attempt = newAttempt("", BESIDE);
        const beside = window.open("about:blank", "_blank", "popup,width=480,height=680");
        const opened = new BroadcastChannel(CHANNEL);
        channel = opened;
        opened.onmessage = ({ data }: MessageEvent<string>) => {
          const answer = new URLSearchParams(data);
          if (answer.get("state") !== attempt.state) return; // that of another tab
          opened.close();
          Promise.resolve()
            .then(() => redeem(this.provider, this.client, codeOf(answer, attempt, this.provider), attempt))
            .then(resolve, (error: unknown) => become({ kind: "failed", error, signIn }));
        };
        const address = await signInAddress(this.provider, this.client, attempt);
        if (beside === null) become({ kind: "failed", error: new SignInError("The browser opened no window. Allow it to, and sign in again."), signIn });
        else beside.location.replace(address);
      };
      become({ kind: "over", signIn });
    });
  }
}
