import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Names without hashes: the built files are committed, and `serve` has browsers ask for them again by their ETag.
export default defineConfig({
  base: "/dashboard/",
  plugins: [react()],
  server: { proxy: { "/dashboard/api": "http://127.0.0.1:8000" } },
  build: {
    outDir: "../samplemind_cli/dashboard/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    license: { fileName: "licenses.md" },
    rollupOptions: {
      output: { entryFileNames: "app.js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
});
