import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const own = (name: string) => fileURLToPath(new URL(`src/${name}`, import.meta.url))

export default defineConfig({
  base: '/playground/',
  resolve: {
    alias: [
      // Monaco with the features that this page uses, in place of all that there are.
      { find: 'monaco-editor/esm/vs/editor/edcore.main.js', replacement: own('monaco.ts') },
      // GraphiQL formats variables with a parser of all JavaScript; JSON needs less.
      { find: /^prettier\/(plugins\/estree|parser-babel)$/, replacement: own('jsonformat.ts') },
    ],
  },
  build: {
    outDir: process.env.MPAUTH_WEB_OUT,
    emptyOutDir: true,
    assetsInlineLimit: 0, // a data: address would need an exception in the Content-Security-Policy
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 3000, // kB; Monaco is large
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      // "use client" means something to servers that render React; there is none here.
      onLog(level, log, handle) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log)
      },
    },
    target: 'es2022',
  },
  worker: { format: 'es' },
})
