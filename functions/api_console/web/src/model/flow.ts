/** A workflow as its plan tells it: steps with what they wait for, the bodies of containers, and when each is planned. Pure. */

export interface PlannedPart {
  readonly step?: string;
  readonly after?: readonly string[];
  readonly sequence?: readonly PlannedPart[];
  readonly parallel?: readonly PlannedPart[];
  readonly bodies?: readonly PlannedPart[];
  readonly start: number;
  readonly end: number;
}

export interface FlowStep {
  readonly id: string;
  readonly type: string;
  /** Ids of the steps that it waits for. */
  readonly after: readonly string[];
  /** The container that it is in, null for a step of the workflow itself. */
  readonly container: string | null;
  /** The steps of each of its bodies: one for a map or a loop, one for each case of a switch. */
  readonly bodies: readonly (readonly string[])[];
  /** Seconds from the start of the run, or of the body that it is in. */
  readonly start: number;
  readonly end: number;
  readonly isList: boolean;
  readonly isConditional: boolean;
  readonly isCritical: boolean;
  /** Of a step that runs only when the run fails: the step that it undoes, or that it just runs then; null for any other. */
  readonly onFailure: { readonly undoes: string | null } | null;
}

export interface Flow {
  readonly steps: ReadonlyMap<string, FlowStep>;
  /** Ids of the workflow's own steps, in the order in which the document has them; without those that a failure lets run. */
  readonly own: readonly string[];
  readonly structure: PlannedPart | null;
  readonly criticalPath: readonly string[];
  readonly serialised: readonly { readonly before: string; readonly after: string; readonly seconds: number }[];
}

interface StepDocument {
  readonly step_id?: string;
  readonly step_type?: string;
  readonly for_each?: unknown;
  readonly conditions?: unknown;
  readonly condition?: unknown;
  readonly critical?: unknown;
  readonly compensate?: unknown;
  readonly dependencies?: readonly string[];
  readonly config?: Record<string, unknown>;
  readonly parameters?: Record<string, unknown>;
}

export interface PlanDocument {
  readonly structure?: PlannedPart | null | undefined;
  readonly critical_path?: readonly string[] | undefined;
  readonly serialised_pairs?: readonly { before: string; after: string; seconds: number }[] | undefined;
}

export function flowOf(workflow: Record<string, unknown>, plan: PlanDocument): Flow {
  const documents = new Map<string, Found>();
  const own: string[] = [];
  collect(workflow["steps"], { container: null, onFailure: null }, documents, own);
  collect(workflow["on_failure"], { container: null, onFailure: { undoes: null } }, documents, null);
  const planned = new Map<string, { part: PlannedPart; bodies: (readonly string[])[] }>();
  if (plan.structure) place(plan.structure, planned);
  const steps = new Map<string, FlowStep>();
  for (const [id, { document, container, onFailure }] of documents) {
    const known = planned.get(id);
    steps.set(id, {
      id,
      type: String(document.step_type ?? ""),
      // A workflow that was saved by an earlier release has no structure in its plan, and what runs on failure is in none.
      after: known?.part.after ?? (known ? [] : [...(onFailure?.undoes ? [onFailure.undoes] : []), ...writtenBefore(document, documents)]),
      container,
      bodies: known?.bodies ?? [],
      start: known?.part.start ?? 0,
      end: known?.part.end ?? 0,
      isList: document.for_each !== undefined && document.for_each !== null,
      isConditional: document.conditions !== undefined || document.condition !== undefined,
      isCritical: document.critical !== false,
      onFailure,
    });
  }
  return {
    steps,
    own,
    structure: plan.structure ?? null,
    criticalPath: plan.critical_path ?? [],
    serialised: plan.serialised_pairs ?? [],
  };
}

interface Place {
  readonly container: string | null;
  readonly onFailure: FlowStep["onFailure"];
}

interface Found extends Place {
  readonly document: StepDocument;
}

function collect(steps: unknown, place: Place, into: Map<string, Found>, own: string[] | null): void {
  for (const document of Array.isArray(steps) ? (steps as (StepDocument | null)[]) : []) {
    // A text that somebody is writing has anything in a list of steps.
    const id = document?.step_id;
    if (!document || typeof id !== "string" || into.has(id)) continue;
    into.set(id, { document, ...place });
    own?.push(id);
    for (const body of bodiesOf(document)) collect(body, { ...place, container: id }, into, null);
    collect(document.compensate, { ...place, onFailure: { undoes: id } }, into, null);
  }
}

function writtenBefore({ dependencies }: StepDocument, known: ReadonlyMap<string, unknown>): readonly string[] {
  return Array.isArray(dependencies) ? dependencies.filter((id) => known.has(id)) : [];
}

/** The lists of steps inside of a step, as the document writes them. */
function bodiesOf(document: StepDocument): StepDocument[][] {
  const config = { ...(document.parameters ?? {}), ...(document.config ?? {}) };
  const found: StepDocument[][] = [];
  if (Array.isArray(config["steps"])) found.push(config["steps"] as StepDocument[]);
  for (const each of Array.isArray(config["cases"]) ? (config["cases"] as { steps?: unknown }[]) : []) {
    if (Array.isArray(each?.steps)) found.push(each.steps as StepDocument[]);
  }
  if (Array.isArray(config["default"])) found.push(config["default"] as StepDocument[]);
  return found;
}

function place(part: PlannedPart, into: Map<string, { part: PlannedPart; bodies: (readonly string[])[] }>): void {
  if (part.step !== undefined) {
    into.set(part.step, { part, bodies: (part.bodies ?? []).map(idsIn) });
    for (const body of part.bodies ?? []) place(body, into);
  }
  for (const inner of [...(part.sequence ?? []), ...(part.parallel ?? [])]) place(inner, into);
}

/** The steps of a part itself, without those inside of containers. */
export function idsIn(part: PlannedPart): string[] {
  if (part.step !== undefined) return [part.step];
  return [...(part.sequence ?? []), ...(part.parallel ?? [])].flatMap(idsIn);
}

/** How many seconds each of the workflow's own steps may take longer, as planned, before the run ends later. */
export function slackOf(flow: Flow): ReadonlyMap<string, number> {
  const own = flow.own.flatMap((id) => flow.steps.get(id) ?? []);
  const end = Math.max(0, ...own.map((step) => step.end));
  const followers = new Map<string, FlowStep[]>();
  for (const step of own) for (const before of step.after) followers.set(before, [...(followers.get(before) ?? []), step]);
  const latest = new Map<string, number>();
  // Who follows has a later end or the same; of those with the same, the one that is waited for comes after.
  const lastFirst = laterFirst(own, followers);
  for (const step of lastFirst) {
    const ends = (followers.get(step.id) ?? []).map((f) => (latest.get(f.id) ?? end) - (f.end - f.start));
    latest.set(step.id, Math.min(end, ...ends));
  }
  return new Map(own.map((step) => [step.id, Math.max(0, (latest.get(step.id) ?? end) - step.end)]));
}

function laterFirst(steps: readonly FlowStep[], followers: ReadonlyMap<string, readonly FlowStep[]>): FlowStep[] {
  const waits = new Map(steps.map((step) => [step.id, followers.get(step.id)?.length ?? 0]));
  const known = new Map(steps.map((step) => [step.id, step]));
  const ready = steps.filter((step) => waits.get(step.id) === 0);
  const sorted: FlowStep[] = [];
  for (let step = ready.pop(); step !== undefined; step = ready.pop()) {
    sorted.push(step);
    for (const id of step.after) {
      const left = (waits.get(id) ?? 0) - 1;
      waits.set(id, left);
      const before = known.get(id);
      if (left === 0 && before) ready.push(before);
    }
  }
  return sorted;
}

/** Of a switch that has chosen: the steps of the cases that it did not take, with all that is inside of them. */
export function notTaken(flow: Flow, statusOf: (id: string) => string): ReadonlySet<string> {
  const dimmed = new Set<string>();
  for (const step of flow.steps.values()) {
    if (step.bodies.length < 2 || !isOver(statusOf(step.id))) continue;
    for (const body of step.bodies) {
      if (body.every((id) => ["pending", "skipped"].includes(statusOf(id)))) for (const id of body) dimmed.add(id);
    }
  }
  for (const step of flow.steps.values()) if (step.container !== null && dimmed.has(step.container)) dimmed.add(step.id);
  return dimmed;
}

function isOver(status: string): boolean {
  return ["completed", "failed", "timed_out", "cancelled", "aborted"].includes(status);
}
