import type { Flow } from "../model/flow";
import { writtenLayout } from "./layout";

self.onmessage = ({ data }: MessageEvent<{ id: number; flow: Flow }>) => {
  self.postMessage({ id: data.id, layout: writtenLayout(data.flow) });
};
