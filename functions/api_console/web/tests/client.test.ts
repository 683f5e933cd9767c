import { expect, it, vi } from "vitest";

vi.mock("../src/api/config", () => ({ API_ROOT: "https://api.test" }));

import { authorizedFetch, useAuthorization } from "../src/api/client";

it("a request waits for somebody to sign in no longer than it is wanted", async () => {
  useAuthorization(Promise.resolve({ header: () => new Promise(() => undefined), refused: () => undefined, who: () => "" }));
  const leaving = new AbortController();
  const asked = authorizedFetch("/executions", { signal: leaving.signal });
  leaving.abort();
  await expect(asked).rejects.toMatchObject({ name: "AbortError" });
});
