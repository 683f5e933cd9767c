import { lazy, Suspense, useMemo, useRef, useState } from "react";

import { type Checked, UNREAD } from "../../editor/findings";
import { freeId, withDependencies, withStep } from "../../editor/patch";
import { type Format, rangeOf, reading, valueOf } from "../../editor/text";
import { type Flow, flowOf } from "../../model/flow";
import { findStep } from "../../model/pointer";
import { Tabs } from "../../ui/Tabs";
import { Plan } from "./Plan";

const Canvas = lazy(() => import("../../graph/Canvas").then((m) => ({ default: m.Canvas })));

interface Props {
  readonly text: string;
  readonly format: Format;
  readonly checked: Checked | null;
  /** Types of steps that can be added, with what they do. */
  readonly stepTypes: ReadonlyMap<string, string>;
  readonly change: (text: string) => void;
  readonly tell: (sentence: string | null) => void;
  /** Go to a place in the text. */
  readonly go: (offset: number) => void;
}

const TABS = ["Graph", "As compiled", "Plan"] as const;

/** What a text becomes: its graph, which can be changed as well, and its plan. */
export function Beside({ text, format, checked, stepTypes, change, tell, go }: Props) {
  const [tab, setTab] = useState<(typeof TABS)[number]>("Graph");
  const [selected, select] = useState<string | null>(null);
  const plan = useLastPlan(checked);
  const flow = useFlow(text, checked, format);
  const written = useMemo(() => waitsWritten(textRead(text, checked), format), [text, checked, format]);
  const add = (type: string) => {
    const id = freeId(valueOf(text, format), type);
    const changed = withStep(text, format, { step_id: id, step_type: type, config: {} });
    if (changed === null) tell("A step can be added once the text can be read as a whole.");
    else {
      change(changed);
      select(id);
    }
  };
  const wait = (id: string, dependencies: readonly string[]) => {
    const changed = withDependencies(text, format, id, dependencies);
    if (changed === null) tell("What a step waits for can be changed once the text can be read as a whole.");
    else change(changed);
  };
  const show = (id: string) => {
    const found = findStep(valueOf(text, format), id);
    if (found !== null) go(rangeOf(text, reading(text), found.pointer).from);
  };
  const connect = (from: string, to: string) => {
    const step = flow.steps.get(to);
    if (from === to || step === undefined || step.container !== flow.steps.get(from)?.container) tell("A step can wait for another one of the same list of steps only.");
    else if (!written(to).includes(from)) wait(to, [...written(to), from]);
  };
  return (
    <div>
      <Tabs label="What the text becomes" tabs={TABS} shown={tab} choose={setTab} />
      {tab === "Plan" ? (
        plan === null ? <p className="muted">There is a plan once the text has no errors.</p> : <Plan plan={plan} select={(step) => { select(step); setTab("Graph"); }} />
      ) : (
        <div className="beside" onDragOver={(e) => e.preventDefault()} onDrop={(e) => { e.preventDefault(); const type = e.dataTransfer.getData(DRAGGED); if (type) add(type); }}>
          <Suspense fallback={<p className="muted">Loading…</p>}>
            <Canvas flow={flow} store={null} view={tab === "Graph" ? "written" : "compiled"} selected={selected} select={select} {...(tab === "Graph" ? { connect } : {})} />
          </Suspense>
        </div>
      )}
      {tab === "Graph" && <Tools flow={flow} selected={selected} after={selected === null ? [] : written(selected)} stepTypes={stepTypes} add={add} wait={wait} show={show} />}
    </div>
  );
}

const DRAGGED = "application/x-step-type";

interface ToolsProps {
  readonly flow: Flow;
  readonly selected: string | null;
  readonly after: readonly string[];
  readonly stepTypes: ReadonlyMap<string, string>;
  readonly add: (type: string) => void;
  readonly wait: (id: string, dependencies: readonly string[]) => void;
  readonly show: (id: string) => void;
}

/** Steps to add, by drag or by a press, and what the selected one waits for: all that the mouse does on the graph, without it. */
function Tools({ flow, selected, after, stepTypes, add, wait, show }: ToolsProps) {
  const step = selected === null ? undefined : flow.steps.get(selected);
  const others = step === undefined ? [] : [...flow.steps.values()].filter((s) => s.container === step.container && s.id !== step.id);
  return (
    <>
      <section className="palette" aria-label="Add a step: drag it onto the graph, or press it" tabIndex={0}>
        {[...stepTypes].map(([type, description]) => (
          <button key={type} type="button" draggable title={description} onDragStart={(e) => e.dataTransfer.setData(DRAGGED, type)} onClick={() => add(type)}>
            + {type}
          </button>
        ))}
      </section>
      {step !== undefined && (
        <fieldset>
          <legend>{step.id} waits for, beside what it reads</legend>
          {others.length === 0 && <span className="muted">There is no other step.</span>}
          {others.map(({ id }) => (
            <label key={id} style={{ marginRight: 12 }}>
              <input type="checkbox" checked={after.includes(id)} onChange={(e) => wait(step.id, e.target.checked ? [...after, id] : after.filter((d) => d !== id))} /> {id}
            </label>
          ))}
          <p style={{ margin: "4px 0" }}>
            <button type="button" onClick={() => show(step.id)}>
              Show {step.id} in the text
            </button>
          </p>
        </fieldset>
      )}
    </>
  );
}

/** Reading a longer text at each key is felt. */
const READ_AT_ONCE = 100_000;

function textRead(text: string, checked: Checked | null): string {
  return text.length <= READ_AT_ONCE ? text : (checked?.text ?? "");
}

/** Tells the dependencies of a step as a text has them; it is read when that is asked for first. */
function waitsWritten(text: string, format: Format): (id: string) => readonly string[] {
  let value: { readonly of: unknown } | null = null;
  return (id) => {
    value ??= { of: valueOf(text, format) };
    const found = findStep(value.of, id)?.document["dependencies"];
    return Array.isArray(found) ? found.filter((d): d is string => typeof d === "string") : [];
  };
}

/** The plan of the last text that had one. */
function useLastPlan(checked: Checked | null): Checked["plan"] {
  const last = useRef<Checked["plan"]>(null);
  if (checked?.plan) last.current = checked.plan;
  return last.current;
}

/** The flow of a text; the same object as long as its graph is the same, so that it isn't drawn anew for each letter. */
function useFlow(text: string, checked: Checked | null, format: Format): Flow {
  const last = useRef<{ flow: Flow; told: string } | null>(null);
  // Until the service has answered, the text alone tells what there is.
  const shown = checked?.text ?? text;
  return useMemo(() => {
    // Of a text that cannot be read as a whole, a guess would show another graph.
    if (last.current !== null && checked?.findings.some(({ code }) => code.startsWith(UNREAD))) return last.current.flow;
    const value = valueOf(shown, format);
    const document = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    const flow = flowOf(document, checked?.plan ?? {});
    const told = JSON.stringify([[...flow.steps.values()], flow.structure, flow.criticalPath, flow.serialised]);
    if (last.current?.told !== told) last.current = { flow, told };
    return last.current.flow;
  }, [shown, checked, format]);
}
