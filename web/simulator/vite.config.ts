import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { miniProgram } from './compile/plugin'

const sdk = (path: string) => fileURLToPath(new URL(`../../miniprogram/${path}`, import.meta.url))

export default defineConfig({
  base: '/simulator/',
  plugins: [miniProgram(sdk('demo'), { packages: { mpauth: sdk('miniprogram_dist') } })],
  build: {
    outDir: process.env.MPAUTH_WEB_OUT ?? 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0, // an address is kept by a browser, and a picture does not make the script wait
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 1500, // kB
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: 'es2022',
  },
})
