// Executes a workflow at the address given, and prints what came of it. Compiled with --strict.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

type Workflow = components["schemas"]["WorkflowRun"];

const [address, document] = process.argv.slice(2);
const workflow: Workflow = JSON.parse(document!);

// @ts-expect-error  A workflow needs steps, and the types know it.
const unfinished: Workflow = { name: "no steps" };

const client = createClient<paths>({ baseUrl: address });
const { data, error } = await client.POST("/workflows/execute", { params: { query: { wait: 25 } }, body: workflow });
if (error !== undefined || !("step_results" in data)) throw new Error(JSON.stringify(error ?? data));
const status: components["schemas"]["RunStatus"] = data.status;

const refused = await client.GET("/executions/{execution_id}", { params: { path: { execution_id: "none" } } });
const problem = refused.error;
const code = problem !== undefined && "code" in problem ? problem.code : null;
console.log(JSON.stringify({ status, output: data.output, steps: Object.keys(data.step_results), code, unfinished }));
