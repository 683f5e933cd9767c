/** Moments and durations, in one place, so that a page never shows two time zones or two ways to write a duration. */

/** Milliseconds as a person reads them: `12 ms`, `3.4 s`, `2 m 05 s`, `3 h 12 m`, `2 d 4 h`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A moment in the time zone that is shown: `2026-11-28 14:03:07`, with its parts below a second where asked for. */
export function moment(iso: string | null | undefined, { millis = false, utc = isUtc() } = {}): string {
  const at = iso ? new Date(iso) : null;
  if (at === null || Number.isNaN(at.getTime())) return "–";
  const shown = utc ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  const text = shown.toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, millis ? 23 : 19)}`;
}

/** The milliseconds between two moments; up to now where the second is not there yet. */
export function between(from: string | null | undefined, to: string | null | undefined, now = Date.now()): number | null {
  if (!from) return null;
  const began = Date.parse(from);
  const ended = to ? Date.parse(to) : now;
  return Number.isNaN(began) || Number.isNaN(ended) ? null : Math.max(0, ended - began);
}

const KEY = "console.utc";

/** Whether moments are shown in UTC; else in the zone of the browser. */
export function isUtc(): boolean {
  return typeof localStorage !== "undefined" && localStorage.getItem(KEY) === "yes";
}

export function setUtc(utc: boolean): void {
  localStorage.setItem(KEY, utc ? "yes" : "no");
}

export function zoneName(utc = isUtc()): string {
  return utc ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
