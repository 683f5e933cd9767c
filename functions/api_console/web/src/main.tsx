import { createRoot } from "react-dom/client";

import { useAuthorization } from "./api/client";
import { knownConfig } from "./api/config";
import { App } from "./app";
import { Gate } from "./auth/Gate";
import { openSession } from "./auth/session";
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

// The page is drawn meanwhile: only requests wait for it.
const config = knownConfig();
useAuthorization(config.then((told) => (told.auth === "jwt" ? openSession(told) : null)));

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <Gate config={config}>
      <App />
    </Gate>,
  );
}
