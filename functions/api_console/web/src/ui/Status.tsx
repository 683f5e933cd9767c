import { lookOf } from "../model/status";

/** A status in a word, with a mark and a colour. */
export function Status({ status, title }: { status: string; title?: string }) {
  const look = lookOf(status);
  return (
    <span className={`status ${look.colour}`} title={title}>
      <span className="mark" aria-hidden="true">
        {look.mark}
      </span>
      {look.word}
    </span>
  );
}
