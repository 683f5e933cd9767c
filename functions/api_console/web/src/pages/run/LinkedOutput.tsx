import { useQuery } from "@tanstack/react-query";

import { authorizedFetch, type Schemas } from "../../api/client";
import { problemOf } from "../../api/problem";
import { Tree } from "../../json/Tree";
import { Problem } from "../../ui/Problem";

interface Props {
  readonly link: Schemas["OutputLink"];
  /** Where the API gives it. */
  readonly path: string;
  /** When it was made: after a redrive there is another one. */
  readonly madeAt: string | null;
  readonly root?: string;
  readonly label: string;
}

/** An output that is too large to be told at once: how large it is, and a way to it. */
export function LinkedOutput({ link, path, madeAt, root, label }: Props) {
  const output = useQuery({
    queryKey: ["output", path, madeAt],
    enabled: false,
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const answer = await authorizedFetch(path, { signal });
      if (!answer.ok) throw await problemOf(answer);
      return { value: (await answer.json()) as unknown };
    },
  });
  if (output.data) return <Tree value={output.data.value} {...(root === undefined ? {} : { root })} label={label} />;
  const size = `${label} has ${link.bytes.toLocaleString("en")} bytes.`;
  if (link.href === null) return <p>{size} It is put together from outputs of parts: no one has it in one piece.</p>;
  if (isElsewhere(link.href)) {
    // The page may ask no other server: the browser opens it, as S3's own answer.
    return (
      <p>
        {size} <a href={link.href} target="_blank" rel="noreferrer">Open it</a> (for 15 minutes)
      </p>
    );
  }
  return (
    <div>
      {size}{" "}
      <button type="button" onClick={() => void output.refetch()} disabled={output.isFetching}>
        Show it
      </button>
      <Problem error={output.error} />
    </div>
  );
}

function isElsewhere(href: string): boolean {
  return href.startsWith("https://") && new URL(href).origin !== location.origin;
}
