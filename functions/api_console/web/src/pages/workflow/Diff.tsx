import { useQuery } from "@tanstack/react-query";

import { api, ask, type Schemas } from "../../api/client";
import { keys } from "../../api/keys";
import { comparisons } from "../../model/figures";
import { setQuery } from "../../routes";
import { Problem } from "../../ui/Problem";

type Change = Schemas["WorkflowChange"];

/** Two versions beside each other, which are chosen here and stand in the address. */
export function Diff({ id, newest, from, to }: { id: string; newest: number; from: number; to: number }) {
  if (newest < 2) return <p className="empty">There is one version only. The next one can be compared with it.</p>;
  return (
    <>
      <form className="row" onSubmit={(e) => e.preventDefault()}>
        <Version title="From version" value={from} newest={newest} change={(value) => setQuery({ from: value })} />
        <Version title="To version" value={to} newest={newest} change={(value) => setQuery({ to: value })} />
      </form>
      {from === to ? <p className="muted">Choose two versions.</p> : <Changes id={id} from={from} to={to} />}
    </>
  );
}

function Version({ title, value, newest, change }: { title: string; value: number; newest: number; change: (value: number) => void }) {
  return (
    <label>
      {title}{" "}
      <input
        key={value}
        type="number"
        min={1}
        max={newest}
        defaultValue={value}
        onChange={(e) => {
          const typed = e.target.valueAsNumber;
          if (Number.isInteger(typed) && typed >= 1 && typed <= newest) change(typed);
        }}
      />
    </label>
  );
}

/** What is different between two versions: in dollars, states and seconds, in steps, and in the document. */
export function Changes({ id, from, to }: { id: string; from: number; to: number }) {
  const diff = useQuery({
    queryKey: keys.workflows.diff(id, from, to),
    staleTime: Infinity,
    queryFn: ({ signal }) =>
      ask(api.GET("/workflows/{workflow_id}/diff", { params: { path: { workflow_id: id }, query: { from_version: from, to_version: to } }, signal })),
  });
  const later = useQuery({
    queryKey: keys.workflows.one(id, to),
    queryFn: ({ signal }) => ask(api.GET("/workflows/{workflow_id}", { params: { path: { workflow_id: id }, query: { version: to } }, signal })),
  });
  const error = diff.error ?? later.error;
  if (!diff.data || !later.data) return error ? <Problem error={error} retry={() => void diff.refetch()} /> : <p className="muted">Comparing…</p>;
  const { changes, steps } = diff.data;
  return (
    <section aria-label={`Changes from version ${from} to ${to}`}>
      <table>
        <caption className="skip">Figures of the plans</caption>
        <thead>
          <tr><th>Plan</th><th>Version {from}</th><th>Version {to}</th><th>Change</th></tr>
        </thead>
        <tbody>
          {comparisons(later.data.plan, diff.data.plan).map(({ name, before, after, change, verdict }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{before}</td>
              <td>{after}</td>
              <td className={verdict}>{verdict === "same" ? "the same" : (change ?? (verdict === "worse" ? "no longer bounded" : "bounded now"))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2>Steps</h2>
      <Steps steps={steps} />
      <h2>Document</h2>
      {changes.length === 0 ? <p>The documents are the same.</p> : <Document changes={changes} />}
    </section>
  );
}

function Steps({ steps }: { steps: Schemas["StepChanges"] }) {
  const kinds = (["added", "removed", "changed"] as const).filter((kind) => steps[kind].length > 0);
  if (kinds.length === 0) return <p>No step is different.</p>;
  return (
    <ul>
      {kinds.map((kind) => (
        <li key={kind}>
          {steps[kind].length} {kind}: {steps[kind].join(", ")}
        </li>
      ))}
    </ul>
  );
}

const MOST_CHANGES = 500;

function Document({ changes }: { changes: readonly Change[] }) {
  return (
    <div className="rows" tabIndex={0} role="group" aria-label="Changes of the document" style={{ maxHeight: 480 }}>
      <table>
        <thead>
          <tr><th>Where</th><th>What</th><th>Before</th><th>After</th></tr>
        </thead>
        <tbody>
          {changes.slice(0, MOST_CHANGES).map(({ kind, pointer, before, after }, i) => (
            <tr key={i}>
              <td><code>{pointer || "all"}</code></td>
              <td>{kind}</td>
              <td><Value value={before} isThere={kind !== "added"} /></td>
              <td><Value value={after} isThere={kind !== "removed"} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {changes.length > MOST_CHANGES && <p className="muted">… {(changes.length - MOST_CHANGES).toLocaleString("en")} more</p>}
    </div>
  );
}

function Value({ value, isThere }: { value: unknown; isThere: boolean }) {
  return isThere ? <pre>{JSON.stringify(value, null, 2)}</pre> : <span className="muted">–</span>;
}
