import type { Schemas } from "../api/client";

/** What usually causes an error and what to do next, of one that the service knows. Open where nothing else says it. */
export function Advice({ advice, open = false }: { advice: Schemas["ErrorAdvice"] | undefined; open?: boolean }) {
  if (!advice) return null;
  return (
    <details className="advice" open={open}>
      <summary>What to do about it</summary>
      <dl>
        <dt>Usual cause</dt>
        <dd>{advice.usual_cause}</dd>
        <dt>What to do</dt>
        <dd>{advice.what_to_do}</dd>
        <dt>More</dt>
        <dd>
          <code>{advice.docs}</code>
          {advice.code !== null && (
            <>
              ; a validation may tell it as <code>{advice.code}</code>, which <code>workflow explain {advice.code}</code> explains
            </>
          )}
        </dd>
      </dl>
    </details>
  );
}
