import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** What pdf.js fetches when a PDF leaves it out: character maps (Chinese above all), the standard fonts, decoders of images. */
function pdfResources(): Plugin {
  const home = dirname(createRequire(import.meta.url).resolve("pdfjs-dist/package.json"));
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { version: string };
  return {
    name: "pdf-resources",
    apply: "build",
    generateBundle() {
      for (const folder of ["cmaps", "standard_fonts", "wasm"])
        for (const name of readdirSync(join(home, folder)))
          this.emitFile({ type: "asset", fileName: `assets/pdfjs-${version}/${folder}/${name}`, source: readFileSync(join(home, folder, name)) });
    },
  };
}

// The hub serves dist/ under a policy without inline scripts, so nothing may be inlined into index.html, and small
// assets stay files of their own (data: URLs would need an exception in the policy).
export default defineConfig({
  plugins: [react(), pdfResources()],
  resolve: {
    alias: {
      // vtk.js asks for it to write XML files, which no screen here does; its build for Node breaks in a browser.
      xmlbuilder2: fileURLToPath(new URL("./src/vendor/xmlbuilder2.ts", import.meta.url)),
    },
  },
  worker: { format: "es" },
  optimizeDeps: {
    exclude: ["@cornerstonejs/dicom-image-loader"],
    include: ["dicom-parser"],
  },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4500,
    // One file of everybody's libraries that the first page needs, instead of one for every set of screens that share some.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "base", test: /node_modules/, tags: ["$initial"] }] } } },
  },
  server: {
    port: Number(process.env.WEB_PORT ?? 20690),
    host: "127.0.0.1",
    proxy: process.env.CONSILIUM_HUB
      ? Object.fromEntries(
          ["/api", "/dicom-web", "/signal", "/whip", "/whep"].map((path) => [
            path,
            { target: process.env.CONSILIUM_HUB, secure: false, ws: path === "/signal" },
          ]),
        )
      : undefined,
  },
  test: {
    environment: "happy-dom",
    testTimeout: 60_000, // a busy machine is no failure
    include: ["tests/**/*.test.{ts,tsx}", "src/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
  },
});
