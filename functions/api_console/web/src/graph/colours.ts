/** The colours of the theme for what is drawn on a canvas, which knows neither custom properties nor `light-dark()`. */

/** Gives the colour of a custom property by its name without dashes, as it is now around an element. */
export function paletteOf(element: Element): (name: string) => string {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  return (name) => {
    const colour = known.get(name) ?? resolved(style.getPropertyValue(`--${name}`), style.colorScheme);
    known.set(name, colour);
    return colour;
  };
}

/** Call back when another theme is chosen, here or in the system. Gives what ends it. */
export function onTheme(changed: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = new MutationObserver(changed);
  system.addEventListener("change", changed);
  chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  return () => {
    system.removeEventListener("change", changed);
    chosen.disconnect();
  };
}

function resolved(colour: string, scheme: string): string {
  const halves = /light-dark\(\s*([^,]+),\s*([^)]+)\)/.exec(colour);
  if (halves === null) return colour.trim() || "gray";
  const isDark = scheme === "dark" || (scheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  return (isDark ? halves[2] : halves[1])?.trim() ?? "gray";
}
