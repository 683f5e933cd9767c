import { ApiProblem, LostConnection } from "../api/problem";

/** What went wrong, in words, with each place that it names. Read out by screen readers when it appears. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  if (error === null || error === undefined) return null;
  const problem = error instanceof ApiProblem ? error : null;
  const findings = problem?.errors.filter((e) => e.detail !== problem.detail) ?? [];
  return (
    <div className="problem" role="alert">
      <p>{sentence(error)}</p>
      {findings.length > 0 && (
        <ul>
          {findings.map((finding, i) => (
            <li key={i}>
              {finding.pointer && <code>{finding.pointer}</code>} {finding.detail}
            </li>
          ))}
        </ul>
      )}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function sentence(error: unknown): string {
  if (error instanceof LostConnection) return "The server does not answer. Try again in a moment.";
  if (error instanceof Error) return error.message;
  return String(error);
}
