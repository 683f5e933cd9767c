/** The value of a JSON text that somebody has typed. Throws what is wrong with it in words; `what` is its name there. */
export function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`The ${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The same of what has to be an object; of nothing at all an empty one. */
export function objectOf(text: string, what: string): Record<string, unknown> {
  const value = text.trim() ? jsonOf(text, what) : {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`The ${what} must be an object: {"name": "value"}.`);
  return value as Record<string, unknown>;
}
