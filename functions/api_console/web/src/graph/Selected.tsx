import { useContext } from "react";

import { useStepCost } from "../live/costBook";
import { useStatusOf } from "../live/useRun";
import { costText } from "../model/costs";
import { lookOf } from "../model/status";
import { CanvasContext } from "./context";

export const SELECTED_ID = "selected-step";

/** What tells the step that is selected to who can't see the graph: its box may be out of sight, and is no element then. */
export function Selected({ step }: { step: string }) {
  const { store, costs } = useContext(CanvasContext);
  const look = lookOf(useStatusOf(store, step));
  const cost = useStepCost(costs, step);
  const told = [step, ...(store ? [look.word] : []), ...(cost ? [costText(cost)] : [])].join(", ");
  return <div id={SELECTED_ID} role="group" aria-label={told} className="unseen" />;
}
