import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Component, lazy, type ReactNode, Suspense } from "react";

import { ApiProblem } from "./api/problem";
import { href, useRoute } from "./routes";
import { Problem } from "./ui/Problem";
import { Shell } from "./ui/Shell";
import { useUtc } from "./ui/zone";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // What a client did wrong stays wrong; a server that is away comes back.
      retry: (count, error) => !(error instanceof ApiProblem && error.status < 500 && error.status !== 429) && count < 8,
      retryDelay: (count, error) =>
        error instanceof ApiProblem && error.retryAfter !== null
          ? error.retryAfter * 1000
          : Math.min(15_000, 500 * 2 ** count) * (0.5 + Math.random()),
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

const PAGES: Readonly<Record<string, (rest: readonly string[]) => ReactNode>> = {
  runs: ([id]) => (id ? <RunPage id={id} key={id} /> : <RunsPage />),
  workflows: (rest) => workflowPage(rest),
  overview: () => <OverviewPage />,
  steps: ([type]) => <StepsPage type={type ?? null} />,
  agents: ([id]) => <AgentsPage id={id ?? null} />,
  prompts: ([id]) => <PromptsPage id={id ?? null} />,
  approvals: () => <ApprovalsPage />,
  files: () => <FilesPage />,
};

const RunsPage = lazy(() => import("./pages/Runs"));
const RunPage = lazy(() => import("./pages/Run"));
const OverviewPage = lazy(() => import("./pages/Overview"));
const StepsPage = lazy(() => import("./pages/Steps"));
const AgentsPage = lazy(() => import("./pages/Definitions").then((m) => ({ default: m.Agents })));
const PromptsPage = lazy(() => import("./pages/Definitions").then((m) => ({ default: m.Prompts })));
const ApprovalsPage = lazy(() => import("./pages/Approvals"));
const FilesPage = lazy(() => import("./pages/Files"));
const WorkflowsPage = lazy(() => import("./pages/Workflows"));
const WorkflowPage = lazy(() => import("./pages/Workflow"));
const WorkflowEditPage = lazy(() => import("./pages/WorkflowEdit"));

/** `-` is no workflow's id, so a workflow may be called "new". */
function workflowPage([id, act]: readonly string[]): ReactNode {
  if (id === undefined) return <WorkflowsPage />;
  if (id === "-") return <WorkflowEditPage id={null} key="new" />;
  return act === "edit" ? <WorkflowEditPage id={id} key={id} /> : <WorkflowPage id={id} key={id} />;
}

export function App() {
  return (
    <QueryClientProvider client={client}>
      <Shell>
        <Caught>
          <Suspense fallback={<p className="muted">Loading…</p>}>
            <Page />
          </Suspense>
        </Caught>
      </Shell>
    </QueryClientProvider>
  );
}

function Page() {
  const { path } = useRoute();
  useUtc(); // every moment on a page is of the zone that is chosen
  const [place = "runs", ...rest] = path;
  const page = PAGES[place];
  if (page === undefined) {
    return (
      <p>
        There is no page “{place}”. <a href={href(["runs"])}>The runs</a>
      </p>
    );
  }
  return page(rest);
}

/** What a page throws ends that page, not the console. */
class Caught extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidMount() {
    window.addEventListener("hashchange", this.forget);
  }

  override componentWillUnmount() {
    window.removeEventListener("hashchange", this.forget);
  }

  private readonly forget = () => {
    if (this.state.error !== null) this.setState({ error: null });
  };

  override render() {
    return this.state.error === null ? this.props.children : <Problem error={this.state.error} retry={this.forget} />;
  }
}
