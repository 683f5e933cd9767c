import { type ReactNode, useEffect, useState } from "react";

import { API_ROOT, type ConsoleConfig } from "../api/config";
import { Problem } from "../ui/Problem";
import { useSession } from "./session";

/** Says above the pages what is in the way of reading data: who is not signed in any more, and what signs for AWS. */
export function Gate({ config, children }: { config: Promise<ConsoleConfig>; children: ReactNode }) {
  const session = useSession();
  const [auth, set] = useState<ConsoleConfig["auth"] | null>(null);
  useEffect(() => void config.then((told) => set(told.auth)), [config]);
  if (auth === "iam") return <Signatures />;
  return (
    <>
      {session.kind !== "open" && (
        <div className="banner" role="alertdialog" aria-label="Signing in">
          {session.kind === "over" ? <p>Your session is over. What you see stays; nothing is read or saved until you sign in again.</p> : <Problem error={session.error} />}
          <button type="button" className="primary" onClick={() => void session.signIn()}>
            Sign in
          </button>
        </div>
      )}
      {children}
    </>
  );
}

function Signatures() {
  return (
    <main>
      <h1>This API asks for AWS signatures</h1>
      <p>A browser has no AWS credentials to sign with. On your machine, this serves the console and signs with yours:</p>
      <pre className="card">workflow console --api {API_ROOT}</pre>
    </main>
  );
}
