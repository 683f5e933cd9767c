/** Whether the numbers of a text are kept by a browser as they are written: it knows about sixteen digits of one. Pure. */
export function isExact(text: string): boolean {
  const outside = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  return [...outside.matchAll(/(?<![\w.-])-?\d{16,}(?![\w.])/g)].every(([number]) => Number.isSafeInteger(Number(number)));
}
