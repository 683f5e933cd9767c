import type { KeyboardEvent } from "react";

interface Props<T extends string> {
  readonly label: string;
  readonly tabs: readonly T[];
  readonly shown: T;
  readonly choose: (tab: T) => void;
  readonly nameOf?: (tab: T) => string;
}

/** Tabs as the ARIA Authoring Practices want them: one stop of the key Tab, and arrow keys from one to the next. */
export function Tabs<T extends string>({ label, tabs, shown, choose, nameOf = (tab) => tab }: Props<T>) {
  const move = (event: KeyboardEvent<HTMLDivElement>): void => {
    const to = neighbour(event.key, tabs.indexOf(shown), tabs.length);
    const tab = tabs[to ?? -1];
    if (to === null || tab === undefined) return;
    event.preventDefault();
    choose(tab);
    const button = event.currentTarget.children[to];
    if (button instanceof HTMLElement) button.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={label} onKeyDown={move}>
      {tabs.map((tab) => (
        <button key={tab} type="button" role="tab" className="quiet" tabIndex={tab === shown ? 0 : -1} aria-selected={tab === shown} onClick={() => choose(tab)}>
          {nameOf(tab)}
        </button>
      ))}
    </div>
  );
}

function neighbour(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}
