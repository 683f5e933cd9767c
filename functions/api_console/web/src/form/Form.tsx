import { useId } from "react";

import { escaped } from "../model/pointer";
import { type Draft, draftOf, type Field, type Wrong } from "./fields";

interface Props {
  readonly field: Field;
  readonly draft: Draft;
  readonly change: (draft: Draft) => void;
  /** What is wrong, by JSON pointer: each is told beside its field. */
  readonly wrong: readonly Wrong[];
  readonly pointer?: string;
  readonly name?: string;
  readonly isRequired?: boolean;
}

/** The fields of a schema. What stands in them is the caller's: it reads and sends it. */
export function Form({ field, draft, change, wrong, pointer = "", name = "", isRequired = true }: Props) {
  const id = useId();
  const here = wrong.filter((w) => w.pointer === pointer);
  const label = `${field.title ?? name}${isRequired && name ? " *" : ""}`;
  if (field.kind === "object") {
    const drafts = draft as Readonly<Record<string, Draft>>;
    const inside = [...field.fields].map(([inner, shape]) => (
      <Form
        key={inner}
        field={shape}
        draft={drafts[inner] ?? draftOf(shape)}
        change={(changed) => change(Object.assign(Object.create(null), drafts, { [inner]: changed }) as Draft)}
        wrong={wrong}
        pointer={`${pointer}/${escaped(inner)}`}
        name={inner}
        isRequired={field.required.has(inner)}
      />
    ));
    return (
      <Group label={label} description={field.description} wrong={here}>
        {inside}
      </Group>
    );
  }
  if (field.kind === "array") {
    const items = Array.isArray(draft) ? (draft as readonly Draft[]) : [];
    return (
      <Group label={label || "List"} description={field.description} wrong={here}>
        {items.map((item, i) => (
          <div key={i} className="row" style={{ alignItems: "end" }}>
            <div style={{ flex: 1, minWidth: 0 }}>
              <Form field={field.item} draft={item} change={(changed) => change(items.map((d, at) => (at === i ? changed : d)))} wrong={wrong} pointer={`${pointer}/${i}`} name={`${name || "item"} ${i + 1}`} />
            </div>
            <button type="button" aria-label={`Remove ${name || "item"} ${i + 1}`} style={{ marginBottom: 8 }} onClick={() => change(items.filter((_, at) => at !== i))}>
              Remove
            </button>
          </div>
        ))}
        <button type="button" style={{ marginBottom: 8 }} onClick={() => change([...items, draftOf(field.item)])}>
          Add {name ? `to ${name}` : "one"}
        </button>
      </Group>
    );
  }
  const told = {
    id,
    "aria-invalid": here.length > 0,
    "aria-required": isRequired,
    "aria-describedby": `${id}-about`,
  };
  return (
    <div className="field">
      {field.kind === "boolean" ? (
        <label htmlFor={id}>
          <input {...told} type="checkbox" checked={draft === true} onChange={(e) => change(e.target.checked)} /> {label}
        </label>
      ) : (
        <>
          <label htmlFor={id}>{label || "Value, in JSON"}</label>
          <Input field={field} draft={draft} change={change} told={told} />
        </>
      )}
      <span id={`${id}-about`}>
        {field.description && <span className="hint">{field.description}</span>}
        {here.map((w) => (
          <span className="wrong" key={w.detail}>
            {w.detail}
          </span>
        ))}
      </span>
    </div>
  );
}

type Told = Readonly<{ id: string; "aria-invalid": boolean; "aria-required": boolean; "aria-describedby": string }>;

function Input({ field, draft, change, told }: { field: Field; draft: Draft; change: (draft: Draft) => void; told: Told }) {
  const text = String(draft ?? "");
  const placeholder = field.example ?? undefined;
  switch (field.kind) {
    case "choice":
      return (
        <select {...told} value={text} onChange={(e) => change(e.target.value)}>
          <option value="" />
          {field.choices.map((choice) => (
            <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
              {typeof choice === "string" ? choice : JSON.stringify(choice)}
            </option>
          ))}
        </select>
      );
    case "number":
      return <input {...told} inputMode={field.isWhole ? "numeric" : "decimal"} value={text} placeholder={placeholder} onChange={(e) => change(e.target.value)} />;
    case "text":
      if (!field.isLong) {
        return <input {...told} type={field.format === "date" ? "date" : "text"} value={text} placeholder={placeholder} onChange={(e) => change(e.target.value)} />;
      }
      return <textarea {...told} value={text} placeholder={placeholder} onChange={(e) => change(e.target.value)} />;
    default:
      return <textarea {...told} className="mono" spellCheck={false} value={text} placeholder={placeholder ?? "JSON"} onChange={(e) => change(e.target.value)} />;
  }
}

function Group({ label, description, wrong, children }: { label: string; description: string | null; wrong: readonly Wrong[]; children: React.ReactNode }) {
  const inside = (
    <>
      {description && <span className="hint muted">{description}</span>}
      {wrong.map((w) => (
        <span className="wrong" key={w.detail}>
          {w.detail}
        </span>
      ))}
      {children}
    </>
  );
  if (!label) return <div>{inside}</div>;
  return (
    <fieldset>
      <legend>{label}</legend>
      {inside}
    </fieldset>
  );
}
