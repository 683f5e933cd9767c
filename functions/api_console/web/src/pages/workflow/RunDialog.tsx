import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { api, ask } from "../../api/client";
import { useOnce } from "../../api/once";
import { ApiProblem } from "../../api/problem";
import { type Draft, draftOf, type Field, fieldOf, holds, read, type Wrong } from "../../form/fields";
import { Form } from "../../form/Form";
import { go, href } from "../../routes";
import { Buttons, Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";

interface Props {
  readonly id: string;
  readonly version: number;
  /** The workflow's `input_schema`, undefined where it has none: then the input is JSON text. */
  readonly schema: unknown;
  readonly close: () => void;
}

/** Where the server's problems have the input. */
const INPUT = "/input";

/** Start a run: the input in a form made of its schema, or as JSON text; then one is led to the run. */
export function RunDialog({ id, version, schema, close }: Props) {
  // Pressed twice it starts one run.
  const [key, failed] = useOnce();
  const field = useMemo(() => fieldOf(schema ?? {}), [schema]);
  const [draft, setDraft] = useState<Draft>(() => draftOf(field));
  const [text, setText] = useState<string | null>(null);
  const [tags, setTags] = useState("");
  const [correlation, setCorrelation] = useState("");
  const [wrong, setWrong] = useState<readonly Wrong[]>([]);
  const start = useMutation({
    mutationFn: async (input: unknown) => {
      const named = tags.split(",").map((tag) => tag.trim()).filter(Boolean);
      const body = {
        version,
        ...(input === undefined ? {} : { input }),
        ...(named.length > 0 ? { tags: named } : {}),
        ...(correlation.trim() ? { correlation_id: correlation.trim() } : {}),
      };
      return await ask(api.POST("/workflows/{workflow_id}/execute", { params: { path: { workflow_id: id }, header: { "Idempotency-Key": key } }, body }));
    },
    onSuccess: (run) => {
      close();
      go(href(["runs", run.execution_id]));
    },
    onError: (error) => {
      failed(error);
      if (!(error instanceof ApiProblem)) return;
      setWrong(error.errors.filter((e) => e.pointer === INPUT || e.pointer.startsWith(`${INPUT}/`)).map(({ pointer, detail }) => ({ pointer: pointer.slice(INPUT.length), detail })));
    },
  });
  const submit = () => {
    const shown: Field = text === null ? field : JSON_TEXT;
    const given = read(shown, text ?? draft, text === null && schema !== undefined);
    setWrong(given.wrong);
    if (given.wrong.length === 0) start.mutate(given.value);
  };
  return (
    <Dialog title={`Run version ${version}`} close={close}>
      <form noValidate onSubmit={(e) => { e.preventDefault(); submit(); }}>
        {text === null ? (
          <Form field={field} draft={draft} change={setDraft} wrong={wrong} name={field.kind === "json" ? "Input, in JSON" : ""} isRequired={false} />
        ) : (
          <Form field={JSON_TEXT} draft={text} change={(changed) => setText(String(changed))} wrong={wrong.map((w) => ({ pointer: "", detail: `${w.pointer} ${w.detail}`.trim() }))} name="Input, in JSON" isRequired={false} />
        )}
        {field.kind !== "json" && <Switch field={field} draft={draft} text={text} toForm={(changed) => { setDraft(changed); setText(null); setWrong([]); }} toText={(changed) => { setText(changed); setWrong([]); }} />}
        <details>
          <summary>Tags and correlation id</summary>
          <div className="field">
            <label>
              Tags, with commas between <input value={tags} onChange={(e) => setTags(e.target.value)} />
            </label>
          </div>
          <div className="field">
            <label>
              Correlation id <input value={correlation} maxLength={256} onChange={(e) => setCorrelation(e.target.value)} />
            </label>
          </div>
        </details>
        <Problem error={start.error} />
        <Buttons act="Run" close={close} isBusy={start.isPending} />
      </form>
    </Dialog>
  );
}

const JSON_TEXT: Field = { kind: "json", title: null, description: null, example: null, isNullable: false, fallback: undefined };

interface SwitchProps {
  readonly field: Field;
  readonly draft: Draft;
  readonly text: string | null;
  readonly toForm: (draft: Draft) => void;
  readonly toText: (text: string) => void;
}

/** The same input as JSON, and back where the form can show all of it. */
function Switch({ field, draft, text, toForm, toText }: SwitchProps) {
  const [told, tell] = useState<string | null>(null);
  const back = () => {
    tell(null);
    try {
      const value: unknown = JSON.parse(text ?? "");
      if (holds(field, value)) toForm(draftOf(field, value));
      else tell("The form cannot show all of this: it has something that the schema does not name, or lacks what it needs.");
    } catch (error) {
      tell(`Not JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return (
    <p>
      <button type="button" onClick={() => (text === null ? toText(JSON.stringify(read(field, draft, true).value ?? {}, null, 2)) : back())}>
        {text === null ? "Write it as JSON" : "Back to the form"}
      </button>
      {told && <span className="wrong" role="alert">{told}</span>}
    </p>
  );
}
