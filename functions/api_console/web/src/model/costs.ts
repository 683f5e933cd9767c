/** What the steps of a run have cost beside what was planned: sums over their elements, turns and the steps in them. Pure. */

export interface Usd {
  /** Null where the price of a model is not known. */
  readonly total: number | null;
  readonly transitions: number;
  readonly models: number | null;
}

/** What AWS takes for a step each time that it runs, without the steps in it; `each` besides for each element or turn. */
export interface PlannedCost {
  readonly usd: number;
  readonly most_usd: number;
  readonly each?: PlannedCost | undefined;
}

export type PlannedCosts = Readonly<Record<string, PlannedCost>>;

/** One step, at all of its places together. */
export interface StepCost {
  /** Null until anything was told of it. */
  readonly spent: Usd | null;
  /** For the elements, turns and steps in it that have begun, and before that for itself; null where no plan tells. */
  readonly planned: number | null;
  /** How many elements or turns there are of it, or how often it ran inside of such; 0 for a step that runs once. */
  readonly count: number;
  readonly verdict: Verdict;
}

export type Verdict = "not begun" | "so far" | "as planned" | "less" | "more" | "models" | "unknown" | "unplanned";

interface Look {
  readonly mark: string;
  readonly word: string;
  /** A class of colours of the theme. */
  readonly colour: string;
  readonly why: string;
}

/** In the order of the legend. Each has a mark and a word, since a colour alone tells not everybody. */
export const VERDICTS: Readonly<Record<Verdict, Look>> = {
  more: { mark: "▲", word: "more than planned", colour: "waiting", why: "attempts that were made again" },
  "as planned": { mark: "=", word: "as planned", colour: "ok", why: "" },
  less: { mark: "▼", word: "less than planned", colour: "stopped", why: "skipped, or ended early" },
  models: { mark: "◆", word: "models besides", colour: "active", why: "states as planned; no plan tells what models take" },
  unknown: { mark: "?", word: "not known", colour: "bad", why: "the price of a model" },
  "so far": { mark: "…", word: "goes on", colour: "idle", why: "" },
  "not begun": { mark: "○", word: "nothing spent", colour: "idle", why: "not begun, taken over, or computed in another step's state" },
  unplanned: { mark: "·", word: "no plan", colour: "idle", why: "saved by an earlier release" },
};

interface Sum {
  own: Usd;
  planned: number;
  /** At how many places it has begun, and how many elements or turns there are of it. */
  places: number;
  elements: number;
  isInside: boolean;
}

const ZERO: Usd = { total: 0, transitions: 0, models: 0 };
/** A millionth of what a transition costs: sums of floating numbers differ by less. */
const SAME = 2.5e-11;

/**
 * By step id, and by key for the parts of steps (no id has a dot or a bracket), from what each key of the run has cost itself.
 * `isOver` says whether a step or part has ended, so that what it spent may be held against all that was planned.
 */
export function costsOf(own: ReadonlyMap<string, Usd>, planned: PlannedCosts | null, steps: Iterable<string>, isOver: (of: string) => boolean): Map<string, StepCost> {
  const sums = new Map<string, Sum>();
  const seen = new Set<string>();
  for (const [key, usd] of own) {
    const holders = [...chainOf(key)];
    for (const of of namesOf(holders)) {
      const sum = sumOf(sums, of);
      sum.own = plus(sum.own, usd);
    }
    holders.forEach((place, at) => {
      if (seen.has(place)) return;
      seen.add(place);
      const cost = plannedAt(place, planned);
      for (const of of namesOf(holders.slice(at))) sumOf(sums, of).planned += cost;
      const inside = indicesIn(place);
      if (inside === 0) {
        const sum = sumOf(sums, stepIn(place));
        sum.places += 1;
        sum.isInside ||= place.includes("[");
      }
      if (inside === 1) sumOf(sums, stepIn(place)).elements += 1;
      const list = holders[at + 1];
      if (inside > 0 && list !== undefined && list !== stepIn(place)) sumOf(sums, list).elements += 1;
    });
  }
  const found = new Map<string, StepCost>();
  for (const of of new Set([...steps, ...sums.keys()])) found.set(of, told(sums.get(of), planned, of, isOver(of)));
  return found;
}

/** What a cost is counted for: each key of a chain, and each step in it once. */
function namesOf(chain: readonly string[]): ReadonlySet<string> {
  return new Set([...chain, ...chain.map(stepIn)]);
}

/** What was planned for one place of a step, `outer[3].inner` say, and all that has begun in it. */
export function plannedFor(key: string, own: Iterable<string>, planned: PlannedCosts): number {
  const places = new Set([key]);
  for (const other of own) for (const place of chainOf(other)) if (isIn(place, key)) places.add(place);
  return [...places].reduce((sum, place) => sum + plannedAt(place, planned), 0);
}

function told(sum: Sum | undefined, planned: PlannedCosts | null, of: string, isOver: boolean): StepCost {
  const before = planned === null ? null : (planned[of]?.usd ?? 0);
  if (sum === undefined) return { spent: null, planned: before, count: 0, verdict: planned === null ? "unplanned" : "not begun" };
  const expected = planned === null ? null : sum.planned;
  const count = sum.elements > 0 ? sum.elements : sum.isInside ? sum.places : 0;
  return { spent: sum.own, planned: expected, count, verdict: verdictOf(sum.own, expected, isOver) };
}

function verdictOf(spent: Usd, planned: number | null, isOver: boolean): Verdict {
  if (spent.models === null) return "unknown";
  if (planned === null) return "unplanned";
  if (spent.transitions > planned + SAME) return "more";
  if (!isOver) return "so far";
  if (spent.models > 0) return "models";
  return spent.transitions < planned - SAME ? "less" : "as planned";
}

function sumOf(sums: Map<string, Sum>, id: string): Sum {
  const known = sums.get(id);
  if (known !== undefined) return known;
  const made = { own: ZERO, planned: 0, places: 0, elements: 0, isInside: false };
  sums.set(id, made);
  return made;
}

export function plus(a: Usd, b: Usd): Usd {
  const models = a.models === null || b.models === null ? null : a.models + b.models;
  const transitions = a.transitions + b.transitions;
  return { total: models === null ? null : transitions + models, transitions, models };
}

/** A key and all that holds it: `a[3].b`, `a[3]`, `a`. */
function* chainOf(key: string): Iterable<string> {
  for (let at = key; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("."), at.lastIndexOf("[")))) yield at;
}

function isIn(place: string, holder: string): boolean {
  return place.startsWith(`${holder}.`) || place.startsWith(`${holder}[`);
}

function stepIn(key: string): string {
  return key.slice(key.lastIndexOf(".") + 1).split("[", 1)[0] ?? key;
}

function plannedAt(place: string, planned: PlannedCosts | null): number {
  let cost = planned?.[stepIn(place)];
  for (let depth = indicesIn(place); depth > 0; depth -= 1) cost = cost?.each;
  return cost?.usd ?? 0;
}

/** How far inside of its step a key leads: 1 for an element or a turn, 2 for a turn of an element that loops. */
function indicesIn(key: string): number {
  return key.slice(key.lastIndexOf(".") + 1).split("[").length - 1;
}

/** US dollars with as many digits as there are: a transition costs $0.000025. */
export function exactUsd(amount: number | null): string {
  if (amount === null) return "not known";
  const text = amount.toFixed(10).replace(/0+$/, "").replace(/\.$/, "");
  return `$${text}`;
}

/** What each of so many has cost on average, in three digits that say something. */
export function meanUsd(amount: number, count: number): string {
  return exactUsd(Number((amount / count).toPrecision(3)));
}

/** All of it in one line, for who does not see the colour, or has little room. */
export function costText(cost: StepCost): string {
  const look = VERDICTS[cost.verdict];
  const parts = [look.word];
  if (cost.planned !== null) parts.push(`planned ${exactUsd(cost.planned)}`);
  if (cost.spent !== null) parts.push(`spent ${exactUsd(cost.spent.total)}`);
  if (cost.spent?.models) parts.push(`of it models ${exactUsd(cost.spent.models)}`);
  if (cost.count > 0 && cost.spent?.total != null) parts.push(`${meanUsd(cost.spent.total, cost.count)} for each of ${cost.count}${cost.planned === null ? "" : `, planned ${meanUsd(cost.planned, cost.count)}`}`);
  return parts.join(", ");
}

export function costColour(cost: StepCost | undefined): string {
  return cost === undefined ? "idle" : VERDICTS[cost.verdict].colour;
}
