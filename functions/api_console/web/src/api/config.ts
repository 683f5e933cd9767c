/** What this deployment is: how one signs in, and where the API lies. Told by `config.json` beside the page. */

export interface ConsoleConfig {
  /** `none` on a laptop, and where a proxy of ours signs; `jwt` with a provider of identities. */
  readonly auth: "none" | "jwt" | "iam";
  readonly issuer?: string;
  readonly clientId?: string;
  readonly scopes?: string;
}

/** The root of the API: the console is served one level below it. */
export const API_ROOT = new URL("../", new URL("./", document.baseURI)).href.replace(/\/$/, "");

async function readConfig(): Promise<ConsoleConfig> {
  const response = await fetch(new URL("config.json", document.baseURI), { cache: "no-cache" });
  if (!response.ok) throw new Error(`config.json: status ${response.status}`);
  const told = (await response.json()) as { auth?: string; issuer?: string; client_id?: string; scopes?: string };
  return {
    auth: told.auth === "jwt" || told.auth === "iam" ? told.auth : "none",
    ...(told.issuer ? { issuer: told.issuer } : {}),
    ...(told.client_id ? { clientId: told.client_id } : {}),
    ...(told.scopes ? { scopes: told.scopes } : {}),
  };
}

/** The same; as long as the server does not answer it is asked again. */
export async function knownConfig(): Promise<ConsoleConfig> {
  for (let pause = 500; ; pause = Math.min(15_000, pause * 2)) {
    const told = await readConfig().catch(() => null);
    if (told !== null) return told;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
