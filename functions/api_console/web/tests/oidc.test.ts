import { describe, expect, it } from "vitest";

import { challengeOf, codeOf, newAttempt, renewalOf, signInAddress, subjectOf, tokensOf } from "../src/auth/oidc";

const PROVIDER = { issuer: "https://id.test", authorizationEndpoint: "https://id.test/authorize?tenant=7", tokenEndpoint: "https://id.test/token" };
const CLIENT = { clientId: "console", redirectUri: "https://api.test/prod/console/", scopes: "openid runs" };

describe("signing in", () => {
  it("makes the challenge as RFC 7636, appendix B, does", async () => {
    expect(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  });

  it("keeps what the provider's own address asks for", async () => {
    const attempt = newAttempt("#/runs");
    const address = new URL(await signInAddress(PROVIDER, CLIENT, attempt));
    const query = Object.fromEntries(address.searchParams);
    expect(query).toMatchObject({ tenant: "7", response_type: "code", client_id: "console", scope: "openid runs", state: attempt.state, code_challenge_method: "S256" });
    expect(query["code_challenge"]).toBe(await challengeOf(attempt.verifier));
    expect(address.href).not.toContain(attempt.verifier);
  });

  it.each([
    ["an answer that nobody asked for", "code=1&state=x", "not asked here"],
    ["an answer of another issuer", "code=1&state=STATE&iss=https://other.test", "another issuer"],
    ["a refusal", "error=access_denied&error_description=Not%20you&state=STATE", "Not you"],
    ["an answer without a code", "state=STATE", "no code"],
  ])("refuses %s", (_, answer, told) => {
    const attempt = newAttempt("");
    expect(() => codeOf(new URLSearchParams(answer.replace("STATE", attempt.state)), attempt, PROVIDER)).toThrow(told);
  });

  it("shows the API the id token where the access token is opaque", () => {
    expect(tokensOf({ access_token: "opaque", id_token: "a.b.c", expires_in: 60 }, 1_000)).toEqual({ bearer: "a.b.c", expiresAt: 61_000, refresh: null });
    expect(tokensOf({ access_token: "d.e.f", id_token: "a.b.c", refresh_token: "r" }, 0)).toEqual({ bearer: "d.e.f", expiresAt: 300_000, refresh: "r" });
    expect(() => tokensOf({ access_token: "opaque" }, 0)).toThrow("JWT");
  });

  it.each([
    ["a minute before it ends", 300_000, "r", 240_000],
    ["at half of its time where that is a minute, as some providers give", 60_000, "r", 30_000],
    ["when it ends where it cannot be renewed", 60_000, null, 60_000],
  ])("renews a token %s", (_, expiresAt, refresh, at) => {
    expect(renewalOf({ bearer: "a.b.c", expiresAt, refresh }, 0)).toBe(at);
  });

  it("tells users apart by their tokens' claims, and by the tokens where these say nothing", () => {
    const token = (claims: object, signature: string): string => {
      const text = String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims)));
      return `h.${btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "")}.${signature}`;
    };
    const zoe = { iss: "https://id.test", sub: "Zoë ÿÿÿ?>" };
    expect(subjectOf(token({ ...zoe, exp: 1 }, "a"))).toBe("https://id.test Zoë ÿÿÿ?>");
    expect(subjectOf(token({ ...zoe, exp: 2 }, "b"))).toBe(subjectOf(token(zoe, "c")));
    expect(subjectOf(token({ ...zoe, sub: "Ben" }, "a"))).not.toBe(subjectOf(token(zoe, "a")));
    expect(subjectOf("a.b.c")).toBe("a.b.c");
    expect(subjectOf(token({ iss: "https://id.test" }, "a"))).toBe(token({ iss: "https://id.test" }, "a"));
  });
});
