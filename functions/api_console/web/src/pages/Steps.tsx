import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { api, ask, type Schemas } from "../api/client";
import { keys } from "../api/keys";
import { useOnce } from "../api/once";
import { objectOf } from "../json/read";
import { Tree } from "../json/Tree";
import { go, href, setQuery, useRoute } from "../routes";
import { Problem } from "../ui/Problem";
import { type Column, PagedTable } from "../ui/Table";

type StepType = Schemas["StepType"];

/** The step types that there are: what each takes and gives, and a way to try one. */
export default function Steps({ type }: { type: string | null }) {
  const { query } = useRoute();
  const search = query.get("search") ?? "";
  const steps = useInfiniteQuery({
    queryKey: keys.steps.all,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET("/steps", { params: { query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const found = useMemo(() => {
    const wanted = search.toLowerCase();
    const known = steps.data?.pages.flatMap((page) => page.steps) ?? [];
    return known.filter((s) => `${s.step_type} ${s.name} ${s.description}`.toLowerCase().includes(wanted));
  }, [steps.data, search]);
  const columns: readonly Column<StepType>[] = [
    { title: "Type", width: "minmax(120px,1fr)", cell: (s) => <a href={href(["steps", s.step_type], { search })}>{s.step_type}</a> },
    { title: "Kind", width: "90px", isExtra: true, cell: (s) => s.kind },
    { title: "What it does", width: "minmax(160px,2fr)", cell: (s) => s.description, tip: (s) => s.description },
  ];
  return (
    <div className={type === null ? "run alone" : "run"}>
      <div>
        <div className="row spread">
          <h1>Step types</h1>
          <label>
            Search <input value={search} onChange={(e) => setQuery({ search: e.target.value })} />
          </label>
        </div>
        <PagedTable
          label="Step types"
          columns={columns}
          items={found}
          keyOf={(s) => s.step_type}
          above={140}
          isCurrent={(s) => s.step_type === type}
          list={steps}
          empty={search ? "No step type fits." : "There are no step types."}
        />
      </div>
      {type !== null && <One key={type} type={type} />}
    </div>
  );
}

function One({ type }: { type: string }) {
  const step = useQuery({
    queryKey: keys.steps.one(type),
    queryFn: ({ signal }) => ask(api.GET("/steps/{step_type}", { params: { path: { step_type: type } }, signal })),
  });
  if (!step.data) return <section className="panel"><Problem error={step.error} /></section>;
  const { data } = step;
  return (
    <section className="panel" aria-label={`Step type ${type}`}>
      <h2 style={{ marginTop: 0 }}>{data.name}</h2>
      <p>{data.description}</p>
      <dl className="facts">
        <dt>Type</dt><dd><code>{data.step_type}</code>{(data.aliases ?? []).length > 0 && ` (also ${(data.aliases ?? []).join(", ")})`}</dd>
        <dt>Runs as</dt><dd>{data.execution_type ?? data.kind}</dd>
        {data.version && <><dt>Version</dt><dd>{data.version}</dd></>}
        {data.function_arn && <><dt>Function</dt><dd className="mono">{data.function_arn}</dd></>}
      </dl>
      <Fields schema={data.config_schema as Schema} />
      <Tree value={data.config_schema} label="Schema of the configuration" />
      <Tree value={data.output_schema} label="Schema of the output" />
      <Try step={data} />
    </section>
  );
}

interface Schema {
  readonly properties?: Readonly<Record<string, { readonly description?: string; readonly type?: unknown; readonly default?: unknown; readonly enum?: readonly unknown[] }>>;
  readonly required?: readonly string[];
}

function Fields({ schema }: { schema: Schema }) {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return null;
  return (
    <table>
      <thead>
        <tr><th>Field</th><th>Type</th><th>What it is</th></tr>
      </thead>
      <tbody>
        {fields.map(([name, field]) => (
          <tr key={name}>
            <td><code>{name}</code>{schema.required?.includes(name) && " *"}</td>
            <td>{field.enum ? field.enum.map(String).join(" | ") : Array.isArray(field.type) ? field.type.join(" | ") : String(field.type ?? "any")}</td>
            <td>
              {field.description}
              {field.default !== undefined && <span className="muted"> Default: {JSON.stringify(field.default)}</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A run of one step of the type. */
function Try({ step }: { step: StepType }) {
  const [config, setConfig] = useState("{}");
  const [input, setInput] = useState("{}");
  const [key, failed] = useOnce();
  const run = useMutation({
    mutationFn: async () => {
      const body = { config: objectOf(config, "configuration"), input_data: objectOf(input, "input") };
      const params = { path: { step_type: step.step_type }, header: { "Idempotency-Key": key } };
      return await ask(api.POST("/steps/{step_type}/test", { params, body }));
    },
    onSuccess: (started) => go(href(["runs", started.execution_id])),
    onError: failed,
  });
  return (
    <form onSubmit={(e) => { e.preventDefault(); run.mutate(); }} aria-label="Try it">
      <h2>Try it</h2>
      <label>
        Configuration, in JSON
        <textarea value={config} spellCheck={false} style={{ width: "100%", minHeight: 90 }} className="mono" onChange={(e) => setConfig(e.target.value)} />
      </label>
      <label>
        Input, in JSON
        <textarea value={input} spellCheck={false} style={{ width: "100%", minHeight: 60 }} className="mono" onChange={(e) => setInput(e.target.value)} />
      </label>
      <Problem error={run.error} />
      <button type="submit" className="primary" disabled={run.isPending}>
        Run this step
      </button>
    </form>
  );
}
