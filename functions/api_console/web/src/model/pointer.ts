/** JSON pointers (RFC 6901), and places in documents. Pure. */

/** A name as a token of a pointer. */
export function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** `["steps", "0"]` of `/steps/0`. */
export function tokensOf(pointer: string): string[] {
  return pointer.split("/").slice(1).map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function pointerOf(path: readonly (string | number)[]): string {
  return path.map((token) => `/${escaped(String(token))}`).join("");
}

/** What stands at a place of a value, undefined where nothing does. */
export function follow(value: unknown, path: readonly (string | number)[]): unknown {
  let at = value;
  for (const token of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, token)) return undefined;
    at = (at as Record<string | number, unknown>)[token];
  }
  return at;
}

/** The document of a step, at whatever depth, and where it is. */
export function findStep(value: unknown, id: string, path: readonly string[] = []): { document: Record<string, unknown>; pointer: string } | null {
  if (typeof value !== "object" || value === null) return null;
  if ((value as { step_id?: unknown }).step_id === id) return { document: value as Record<string, unknown>, pointer: pointerOf(path) };
  for (const [name, inner] of Object.entries(value)) {
    const found = findStep(inner, id, [...path, name]);
    if (found !== null) return found;
  }
  return null;
}
