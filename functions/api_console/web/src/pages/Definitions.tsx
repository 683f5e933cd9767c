import { keepPreviousData, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask } from "../api/client";
import { keys } from "../api/keys";
import { objectOf } from "../json/read";
import { Tree } from "../json/Tree";
import { moment } from "../model/time";
import { href } from "../routes";
import { Pages } from "../ui/Pages";
import { Problem } from "../ui/Problem";
import { AgentChat } from "./AgentChat";

interface Kind {
  readonly place: "agents" | "prompts";
  readonly title: string;
  readonly empty: string;
}

const AGENTS: Kind = { place: "agents", title: "Agents", empty: "There are no stored agents." };
const PROMPTS: Kind = { place: "prompts", title: "Prompts", empty: "There are no stored prompts." };

interface Summary {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly description: string | null;
  readonly updated_at: string;
}

/** Stored agents, each with its versions, to be asked something. */
export function Agents({ id }: { id: string | null }) {
  return <Definitions kind={AGENTS} id={id} />;
}

/** Stored prompts, each with its versions, to be filled in. */
export function Prompts({ id }: { id: string | null }) {
  return <Definitions kind={PROMPTS} id={id} />;
}

function Definitions({ kind, id }: { kind: Kind; id: string | null }) {
  const list = useInfiniteQuery({
    queryKey: keys[kind.place].all,
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }): Promise<{ items: readonly Summary[]; next_cursor: string | null }> => {
      const params = { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } };
      if (kind.place === "agents") {
        const page = await ask(api.GET("/agents", { params, signal }));
        return { items: page.items.map((a) => ({ ...a, name: a.agent_name })), next_cursor: page.next_cursor };
      }
      return await ask(api.GET("/prompts", { params, signal }));
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  return (
    <div className={id === null ? "run alone" : "run"}>
      <div>
        <h1>{kind.title}</h1>
        <Pages list={list} empty={kind.empty}>
          {(pages) => {
            const items = pages.flatMap((page) => page.items);
            if (items.length === 0) return [];
            return [
              <table key="all">
                <thead>
                  <tr><th>Name</th><th>Version</th><th>Description</th><th>Saved</th></tr>
                </thead>
                <tbody>
                  {items.map((item) => (
                    <tr key={item.id} aria-current={item.id === id ? "true" : undefined}>
                      <td><a href={href([kind.place, item.id])}>{item.name}</a></td>
                      <td>{item.version}</td>
                      <td>{item.description}</td>
                      <td>{moment(item.updated_at)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>,
            ];
          }}
        </Pages>
      </div>
      {id !== null && (kind.place === "agents" ? <Agent key={id} id={id} /> : <Prompt key={id} id={id} />)}
    </div>
  );
}

function Agent({ id }: { id: string }) {
  const [version, setVersion] = useState<number | null>(null);
  const agent = useQuery({
    queryKey: [...keys.agents.one(id), version],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      ask(api.GET("/agents/{agent_id}", { params: { path: { agent_id: id }, query: version ? { version } : {} }, signal })),
  });
  if (!agent.data) return <Missing error={agent.error} newest={version === null ? null : () => setVersion(null)} retry={() => void agent.refetch()} />;
  return (
    <section className="panel" aria-label={`Agent ${id}`}>
      <Title name={agent.data.agent_name} version={agent.data.version} choose={setVersion} />
      {agent.data.warnings?.map((w, i) => <p key={i} className="muted">⚠ {w}</p>)}
      <Tree value={agent.data.agent} label="Definition" />
      <AgentChat id={id} version={version} />
    </section>
  );
}

function Prompt({ id }: { id: string }) {
  const [version, setVersion] = useState<number | null>(null);
  const [variables, setVariables] = useState("{}");
  const prompt = useQuery({
    queryKey: [...keys.prompts.one(id), version],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      ask(api.GET("/prompts/{prompt_id}", { params: { path: { prompt_id: id }, query: version ? { version } : {} }, signal })),
  });
  const render = useMutation({
    mutationFn: async () => {
      const given = objectOf(variables, "text of the variables");
      return await ask<unknown>(
        api.POST("/prompts/{prompt_id}/render", { params: { path: { prompt_id: id } }, body: { variables: given, ...(version ? { version } : {}) } }),
      );
    },
  });
  if (!prompt.data) return <Missing error={prompt.error} newest={version === null ? null : () => setVersion(null)} retry={() => void prompt.refetch()} />;
  return (
    <section className="panel" aria-label={`Prompt ${id}`}>
      <Title name={prompt.data.name} version={prompt.data.version} choose={setVersion} />
      <Tree value={prompt.data.prompt} label="Definition" />
      <form onSubmit={(e) => { e.preventDefault(); render.mutate(); }} aria-label="Fill it in">
        <h2>Fill it in</h2>
        <textarea aria-label="Variables, in JSON" className="mono" value={variables} style={{ width: "100%", minHeight: 80 }} onChange={(e) => setVariables(e.target.value)} />
        <Problem error={render.error} />
        <button type="submit" className="primary" disabled={render.isPending}>
          Show
        </button>
      </form>
      {render.data !== undefined && <Tree value={render.data} label="As the agent gets it" />}
    </section>
  );
}

/** What cannot be shown: of a version that is not to be had there is a way back to the newest one. */
function Missing({ error, newest, retry }: { error: unknown; newest: (() => void) | null; retry: () => void }) {
  return (
    <section className="panel">
      {error === null ? <p className="muted">Loading…</p> : <Problem error={error} retry={retry} />}
      {error !== null && newest && <button type="button" onClick={newest}>The newest version</button>}
    </section>
  );
}

function Title({ name, version, choose }: { name: string; version: number; choose: (version: number) => void }) {
  const [newest, grow] = useState(version);
  if (version > newest) grow(version); // somebody has saved one
  return (
    <div className="row spread">
      <h2 style={{ margin: 0 }}>{name}</h2>
      <label>
        Version{" "}
        <select value={version} onChange={(e) => choose(Number(e.target.value))}>
          {Array.from({ length: newest }, (_, i) => newest - i).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
    </div>
  );
}
