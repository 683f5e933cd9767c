import { createRoot } from "react-dom/client";

import { App } from "./app";
import "./ui/theme.css";

// A file of an older release is gone after a deployment: the page is loaded again, once.
window.addEventListener("vite:preloadError", (event) => {
  const last = Number(sessionStorage.getItem("console.reloaded") ?? 0);
  if (Date.now() - last < 10_000) return;
  event.preventDefault();
  sessionStorage.setItem("console.reloaded", String(Date.now()));
  location.reload();
});

const theme = localStorage.getItem("console.theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
