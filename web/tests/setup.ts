// happy-dom has no matchMedia change events and no signaling server; nothing else is replaced.
import { afterEach } from "vitest";
import { cleanup } from "@testing-library/react";

afterEach(() => cleanup());
