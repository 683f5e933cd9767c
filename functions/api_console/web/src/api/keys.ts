/** Keys of the query cache: what is read under which name, so that a change knows what to read again. */

export const keys = {
  runs: {
    list: (filters: Record<string, string>) => ["runs", "list", filters] as const,
    counts: (filters: Record<string, string>) => ["runs", "counts", filters] as const,
    one: (id: string) => ["runs", id] as const,
    results: (id: string, include = "") => ["runs", id, "results", include] as const,
    workflow: (id: string) => ["runs", id, "workflow"] as const,
    input: (id: string) => ["runs", id, "input"] as const,
    logs: (id: string, step: string) => ["runs", id, "logs", step] as const,
  },
  workflows: {
    all: ["workflows"] as const,
    list: (filters: Record<string, string>) => ["workflows", "list", filters] as const,
    one: (id: string, version: number | null) => ["workflows", id, version] as const,
    versions: (id: string) => ["workflows", id, "versions"] as const,
    diff: (id: string, from: number, to: number) => ["workflows", id, "diff", from, to] as const,
  },
  stats: (query: Record<string, string>) => ["stats", query] as const,
  steps: { all: ["steps"] as const, one: (type: string) => ["steps", type] as const },
  agents: { all: ["agents"] as const, one: (id: string) => ["agents", id] as const },
  prompts: { all: ["prompts"] as const, one: (id: string) => ["prompts", id] as const },
  approvals: ["approvals"] as const,
  files: ["files"] as const,
};
