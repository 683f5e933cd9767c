/** Where a step has run that is inside of a list or a loop. Pure. */

/** `each[2]` before `each[10]`. */
const BY_NUMBER = new Intl.Collator("en", { numeric: true });

/**
 * The keys in their order, each by a number of its own: that of its element or turn, or where lists are inside of lists, and so two would
 * have the same, its place in that order.
 */
export function numbered(keys: readonly string[]): readonly { readonly key: string; readonly index: number }[] {
  const sorted = [...keys].sort((a, b) => BY_NUMBER.compare(a, b));
  const own = sorted.map((key) => Number(/.*\[(\d+)\]/.exec(key)?.[1] ?? Number.NaN));
  const isOne = own.every(Number.isInteger) && new Set(own).size === own.length;
  return sorted.map((key, i) => ({ key, index: isOne ? (own[i] ?? i) : i }));
}
