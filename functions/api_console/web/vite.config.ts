import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Everything is named relatively, since the API may be mapped to a path below its domain's root.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: { target: "es2022", outDir: "dist", assetsDir: "", modulePreload: { polyfill: false }, assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
  worker: { format: "es" },
});
