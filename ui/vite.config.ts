import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `bun run dev` says where the API server listens; a Vite started by hand expects it on its default port.
const server = process.env.ENTROPIX_SERVER ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "./",
  plugins: [react(), tailwindcss()],
  resolve: {
    tsconfigPaths: true,
    // Its browser build parses with DOMParser, which a strict style-src reports for every formula; this one does not.
    alias: {
      "hast-util-from-html-isomorphic": fileURLToPath(
        new URL("node_modules/hast-util-from-html-isomorphic/lib/index.js", import.meta.url),
      ),
    },
  },
  build: { target: "es2022", assetsInlineLimit: 0 },
  server: {
    host: "127.0.0.1",
    proxy: { "/v1": server, "/health": server, "/metrics": server },
  },
  test: {
    environment: "node",
    setupFiles: ["fixtures/setup.ts"],
    include: ["{src,scripts}/**/*.test.{ts,tsx}"],
  },
});
