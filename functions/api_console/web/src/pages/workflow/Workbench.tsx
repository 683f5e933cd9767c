import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";

import { api, ask } from "../../api/client";
import { keys } from "../../api/keys";
import { newKey } from "../../api/once";
import { ApiProblem, LostConnection } from "../../api/problem";
import { save, type Tagged } from "../../api/workflows";
import Editor from "../../editor/Editor";
import { check, type Checked, MEDIA_TYPES, placedProblem } from "../../editor/findings";
import { converted, type Format, textOf } from "../../editor/text";
import { isExact } from "../../model/exact";
import { go, href } from "../../routes";
import { Problem } from "../../ui/Problem";
import { Beside } from "./Beside";
import { Conflict } from "./Conflict";
import { Findings } from "./Findings";
import { forget, useDraft, useKeptDraft } from "./useDraft";

/** What is edited: a version, or null throughout for a workflow that is not stored yet. */
export interface Base {
  readonly id: string | null;
  readonly version: number | null;
  readonly etag: string | null;
  readonly text: string;
  readonly format: Format;
}

/** How long after the last key the service is asked. */
const SETTLED_MS = 400;

/** An editor and, beside it, what its text is: the graph, the plan, and what is wrong. The text is the truth, whoever changes it. */
export function Workbench({ base: opened }: { base: Base }) {
  const kept = useKeptDraft(opened.id);
  const [base, setBase] = useState<Base>(kept === null ? opened : { ...opened, etag: kept.etag, version: kept.version });
  const [text, setText] = useState(kept?.text ?? opened.text);
  const [format, setFormat] = useState<Format>(kept?.format ?? opened.format);
  const [told, tell] = useState<string | null>(kept === null ? null : "What you had not saved is here again.");
  const [jump, setJump] = useState<{ offset: number } | null>(null);
  const isChanged = text !== base.text && text.trim() !== "";
  useDraft(base.id, { text, format, version: base.version, etag: base.etag }, isChanged);
  const checking = useChecked(text, format);
  const sources = useSources();
  const saving = useSaving(base.id, ({ stored, etag }, written) => {
    if (base.id === null) {
      forget(null);
      go(href(["workflows", stored.workflow_id]));
      return;
    }
    tell(stored.version === base.version ? `Version ${stored.version} has all of this already.` : `Saved as version ${stored.version}.`);
    setBase({ id: stored.workflow_id, version: stored.version, etag, ...written });
  });
  const saveAs = (etag: string | null) => {
    tell(null);
    saving.mutate({ etag, text, format });
  };
  const change = (changed: string) => {
    if (changed === text) return;
    setText(changed);
    tell(null);
    if (saving.error) saving.reset();
  };
  const write = (to: Format) => {
    if (to === format) return;
    if (!isExact(text)) {
      tell("This text has numbers with more digits than a browser keeps: it is not written in the other notation.");
      return;
    }
    const isSame = text === base.text;
    const other = converted(text, to);
    if (other === null) {
      tell("This text cannot be read as a whole. Mend it first, then it can be written in the other notation.");
      return;
    }
    if (isSame) setBase({ ...base, text: other, format: to });
    tell(to === "json" && /(^|\s)#/.test(text) ? "JSON has no comments: those of the text are left out." : null);
    setText(other);
    setFormat(to);
    localStorage.setItem("console.format", to);
  };
  const saved = told?.startsWith("Saved") && base.id !== null && base.version !== null && base.version > 1;
  const checked = useRefused(saving.error, text) ?? checking.checked;
  const isRefused = checked !== checking.checked;
  return (
    <>
      <div className="row spread">
        <h1>{base.id === null ? "New workflow" : <>Edit <a href={href(["workflows", base.id])}>{base.id}</a></>}</h1>
        <span className="row">
          {isChanged ? <span className="muted">not saved yet</span> : base.version !== null && <span className="muted">version {base.version}</span>}
          <label>
            Notation{" "}
            <select value={format} onChange={(e) => write(e.target.value as Format)}>
              <option value="yaml">YAML</option>
              <option value="json">JSON</option>
            </select>
          </label>
          <button type="button" disabled={!isChanged} onClick={() => { setText(base.text); setFormat(base.format); tell(null); saving.reset(); }}>
            Discard
          </button>
          <button type="button" className="primary" disabled={saving.isPending || (!isChanged && base.id !== null)} onClick={() => saveAs(base.etag)}>
            Save
          </button>
        </span>
      </div>
      <p role="status" className="muted" style={{ minHeight: 21, margin: "4px 0" }}>
        {told}{" "}
        {saved && <a href={href(["workflows", base.id ?? ""], { view: "diff", from: (base.version ?? 2) - 1, to: base.version })}>See what is different</a>}
      </p>
      {saving.error instanceof ApiProblem && saving.error.status === 412 && base.id !== null && base.version !== null ? (
        <Conflict
          id={base.id}
          version={base.version}
          overwrite={saveAs}
          take={(theirs) => {
            const standing = textOf(theirs.stored.workflow, format);
            setBase({ id: base.id, version: theirs.stored.version, etag: theirs.etag, text: standing, format });
            setText(standing);
            saving.reset();
          }}
        />
      ) : (
        <Problem error={unsaved(saving.error, isRefused)} />
      )}
      <Problem error={checking.error} />
      <div className="side">
        <div>
          <Editor text={text} format={format} change={change} checked={checked} sources={sources} jump={jump} />
          <Findings findings={checked?.findings ?? []} isFresh={checked?.text === text} isValid={checked?.isValid ?? false} go={(offset) => setJump({ offset })} />
        </div>
        <Beside text={text} format={format} checked={checking.checked} stepTypes={sources.stepTypes} change={change} tell={tell} go={(offset) => setJump({ offset })} />
      </div>
    </>
  );
}

type Written = Pick<Base, "text" | "format">;

function useSaving(id: string | null, done: (saved: Tagged, written: Written) => void) {
  const cache = useQueryClient();
  const key = useRef({ text: "", key: "" });
  return useMutation({
    mutationFn: ({ etag, text, format }: Written & { etag: string | null }) => {
      // A text that is sent twice makes one workflow; another text is another one.
      if (key.current.text !== text) key.current = { text, key: newKey() };
      return save({ id, etag, text, mediaType: MEDIA_TYPES[format], idempotencyKey: key.current.key });
    },
    // What was sent is saved; what was typed since is not.
    onSuccess: (saved, { text, format }) => {
      void cache.invalidateQueries({ queryKey: keys.workflows.all });
      done(saved, { text, format });
    },
  });
}

/** What kept a text from being saved, with its places; null where that is not about the text. */
function useRefused(error: unknown, text: string): Checked | null {
  return useMemo(
    () => (error instanceof ApiProblem && error.status === 422 ? { text, isValid: false, findings: placedProblem(text, error), plan: null } : null),
    [error, text],
  );
}

function unsaved(error: unknown, isMarked: boolean): unknown {
  if (isMarked) return new Error("It was not saved: see what is marked.");
  return error instanceof LostConnection ? new Error("The server does not answer: it is not saved yet. Try again.") : error;
}

/** What the service thinks of a text, once nobody has typed for a moment; until then of the one before. */
function useChecked(text: string, format: Format): { checked: Checked | null; error: unknown } {
  const [settled, settle] = useState({ text, format });
  useEffect(() => {
    const timer = setTimeout(() => settle({ text, format }), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text, format]);
  const checking = useQuery({
    queryKey: ["check", settled.format, settled.text],
    enabled: settled.text.trim() !== "",
    staleTime: Infinity,
    gcTime: 30_000,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => check(settled.text, settled.format, signal),
  });
  return { checked: checking.data ?? null, error: checking.error };
}

/** What completion offers: the schema of workflows, and the types of steps that are registered here. */
function useSources() {
  const schema = useQuery({ queryKey: ["schema"], staleTime: 300_000, queryFn: ({ signal }) => ask(api.GET("/schema", { signal })) });
  const steps = useQuery({
    queryKey: [...keys.steps.all, "types"],
    staleTime: 60_000,
    queryFn: ({ signal }) => ask(api.GET("/steps", { params: { query: { limit: 100 } }, signal })),
  });
  return useMemo(
    () => ({
      schema: (schema.data ?? null) as Readonly<Record<string, unknown>> | null,
      stepTypes: new Map((steps.data?.steps ?? []).map((step) => [step.step_type, step.description])),
    }),
    [schema.data, steps.data],
  );
}

