import "./ui/tokens.css";
import "./ui/layout.css";
import "./ui/parts.css";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { startI18n } from "./i18n";

void startI18n().then(() => createRoot(document.getElementById("root")!).render(<App />));
