import type { Placed } from "../../editor/findings";

interface Props {
  readonly findings: readonly Placed[];
  /** Whether they are about the text as it stands now. */
  readonly isFresh: boolean;
  readonly isValid: boolean;
  readonly go: (offset: number) => void;
}

const MOST = 200;

/** What is wrong, as a list: the accessible twin of the marks in the text. Each leads to its place. */
export function Findings({ findings, isFresh, isValid, go }: Props) {
  const errors = findings.filter((f) => f.severity === "error").length;
  const warnings = findings.length - errors;
  const sentence = !isFresh ? "Checking…" : errors > 0 ? `${count(errors, "error")}${warnings ? `, ${count(warnings, "warning")}` : ""}` : isValid ? `No errors${warnings ? `, ${count(warnings, "warning")}` : ""}` : "";
  return (
    <section aria-label="Findings">
      <p role="status" className={isFresh && errors > 0 ? "log-bad" : "muted"} style={{ margin: "4px 0" }}>
        {sentence}
      </p>
      {findings.length > 0 && (
        <ul className="findings" tabIndex={0} aria-label="Findings by line">
          {findings.slice(0, MOST).map(({ severity, code, detail, line, from }, i) => (
            <li key={i}>
              <button type="button" className="quiet" onClick={() => go(from)}>
                <span className={severity === "error" ? "log-bad" : "muted"}>
                  {severity === "error" ? "✕ error" : "⚠ warning"}, line {line}:
                </span>{" "}
                {detail} <code className="muted">{code}</code>
              </button>
            </li>
          ))}
          {findings.length > MOST && <li className="muted">… {count(findings.length - MOST, "further one")}</li>}
        </ul>
      )}
    </section>
  );
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
