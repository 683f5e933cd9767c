import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { LostConnection } from "../api/problem";
import { setUtc, zoneName } from "../model/time";
import { href, useRoute } from "../routes";
import { useUtc, ZONE_CHANGED } from "./zone";

const PLACES: readonly (readonly [string, string])[] = [
  ["overview", "Overview"],
  ["runs", "Runs"],
  ["workflows", "Workflows"],
  ["steps", "Steps"],
  ["agents", "Agents"],
  ["prompts", "Prompts"],
  ["approvals", "Approvals"],
  ["files", "Files"],
];

/** The frame of every page: where one is, where one can go, how it looks, and whether the server answers. */
export function Shell({ children }: { children: ReactNode }) {
  const { path } = useRoute();
  const [current = "runs", one] = path;
  const title = [one, PLACES.find(([place]) => place === current)?.[1], "Workflow console"].filter(Boolean).join(" · ");
  useEffect(() => void (document.title = title), [title]);
  useFocus(path.join("/"));
  // On a phone the places are one line, of which the current one may be out of sight.
  useEffect(() => void document.querySelector("header [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [current]);
  return (
    <>
      <a className="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>
        Skip to the content
      </a>
      <header className="bar">
        <a className="brand" href={href(["runs"])}>
          Workflow console
        </a>
        <nav aria-label="Main">
          {PLACES.map(([place, name]) => (
            <a key={place} href={href([place])} aria-current={place === current ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <Zone />
        <Theme />
      </header>
      <Connection />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

/** Where a page goes with what had the focus, such as a link or the button of a dialog, the next one has it: not the top of the window. */
function useFocus(place: string): void {
  const shown = useRef(place);
  useEffect(() => {
    const main = document.getElementById("main");
    if (shown.current === place || main === null) return undefined;
    shown.current = place;
    const had = document.activeElement;
    // The page before may stand, or be hidden, until the files of the next one are there.
    const look = () => {
      const isGone = !had?.isConnected || !had.checkVisibility();
      const hasNone = document.activeElement === document.body || document.activeElement === had;
      if (isGone && hasNone) main.focus({ preventScroll: true });
      if (isGone || !hasNone) watching.disconnect();
    };
    const watching = new MutationObserver(look);
    if (had === null || had === document.body) main.focus({ preventScroll: true });
    else if (had !== main && main.contains(had)) {
      watching.observe(main, { childList: true, subtree: true, attributes: true, attributeFilter: ["style"] });
      look();
    }
    return () => watching.disconnect();
  }, [place]);
}

function Zone() {
  const utc = useUtc();
  return (
    <button
      type="button"
      className="quiet"
      title="The time zone of all moments"
      onClick={() => {
        setUtc(!utc);
        window.dispatchEvent(new Event(ZONE_CHANGED));
      }}
    >
      {zoneName(utc)}
    </button>
  );
}

const THEMES = ["system", "light", "dark"] as const;

function Theme() {
  const [theme, set] = useState(() => localStorage.getItem("console.theme") ?? "system");
  useEffect(() => {
    localStorage.setItem("console.theme", theme);
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  return (
    <label>
      <span className="skip">Colours</span>
      <select aria-label="Colours" value={theme} onChange={(e) => set(e.target.value)}>
        {THEMES.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}

/** Says that the server does not answer, as long as any question to it goes unanswered. */
function Connection() {
  const cache = useQueryClient().getQueryCache();
  const isLost = useSyncExternalStore(
    (changed) => cache.subscribe(changed),
    () => cache.getAll().some((q) => q.isActive() && (q.state.error instanceof LostConnection || q.state.fetchFailureReason instanceof LostConnection)),
  );
  if (!isLost) return null;
  return (
    <div className="banner" role="status">
      The server does not answer. What you see may be old; it is asked again until it answers.
    </div>
  );
}
