/** A JSON value as the lines that a tree of it shows. Pure. */

export interface Line {
  /** Where it is, as a reference of a workflow writes it: `a.rows[3].name`. */
  readonly path: string;
  readonly depth: number;
  readonly key: string | null;
  readonly value: unknown;
  /** How many entries an object or an array has; null for other values. */
  readonly size: number | null;
  readonly isOpen: boolean;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The lines of a value of which these places are open. Of an array or object of more than `most` entries the first are shown. */
export function flatten(value: unknown, root: string, isOpen: (path: string, depth: number) => boolean, most = 1000): Line[] {
  const lines: Line[] = [];
  const stack: { path: string; depth: number; key: string | null; value: unknown }[] = [{ path: root, depth: 0, key: null, value }];
  while (stack.length > 0) {
    const { path, depth, key, value: here } = stack.pop() as (typeof stack)[number];
    const entries = entriesOf(here);
    const open = entries !== null && entries.length > 0 && isOpen(path, depth);
    lines.push({ path, depth, key, value: here, size: entries?.length ?? null, isOpen: open });
    if (!open || entries === null) continue;
    const shown = entries.slice(0, most);
    if (shown.length < entries.length) {
      stack.push({ path: `${path}…`, depth: depth + 1, key: null, value: `… ${(entries.length - shown.length).toLocaleString("en")} more` });
    }
    for (let i = shown.length - 1; i >= 0; i--) {
      const [name, inner] = shown[i] as readonly [string, unknown];
      stack.push({ path: child(path, name, Array.isArray(here)), depth: depth + 1, key: name, value: inner });
    }
  }
  return lines;
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] | null {
  if (Array.isArray(value)) return value.map((inner, i) => [String(i), inner] as const);
  if (typeof value === "object" && value !== null) return Object.entries(value);
  return null;
}

function child(path: string, key: string, isIndex: boolean): string {
  if (isIndex) return `${path}[${key}]`;
  const name = NAME.test(key) ? key : `\`${key}\``;
  return path ? `${path}.${name}` : name;
}
